//! `volume import`: puts the files of a tar archive into a volume. Corten's own.

use std::io::IsTerminal;
use std::path::Path;

use corten_client::Upload;
use corten_types::ErrorKind;
use corten_wire::VolumeCreateRequest;

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::invocation::Invocation;
use crate::output;
use crate::spec::open_error;

pub(crate) static COMMAND: Command = Command {
    about: "Import the files of a tar archive (or STDIN) into a volume. The volume is made if there is none; files of the same name \
            are replaced, others stay. Containers may use it meanwhile.",
    usage: "VOLUME [file|-]",
    names: &["volume import"],
    flags: &[],
    arity: Arity::Between(1, 2),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let args = &invocation.matches.args;
        let archive = match args.get(1).map(String::as_str) {
            Some(path) if path != "-" => {
                if Path::new(path).is_dir() {
                    return Err(Error::plain(format!("read {path}: is a directory")));
                }
                let file = tokio::fs::File::open(path)
                    .await
                    .map_err(|error| Error::plain(open_error(Path::new(path), &error)))?;
                Upload::from_reader(file)
            }
            _ if std::io::stdin().is_terminal() => {
                return Err(Error::plain("requested import from stdin, but stdin is empty"));
            }
            _ => Upload::from_reader(tokio::io::stdin()),
        };
        let client = invocation.connect().await?;
        let wanted = VolumeCreateRequest {
            name: args[0].clone(),
            ..VolumeCreateRequest::default()
        };
        let is_new = match client.inspect_volume_raw(&args[0]).await {
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            found => found.map(|_| false)?,
        };
        let volume = client.create_volume(&wanted).await?;
        if let Err(error) = client.import_volume(&volume.name, archive).await {
            if is_new && let Err(kept) = client.remove_volume(&volume.name, false).await {
                output::error_line(&format!("the volume {} was made and stays: {kept}", volume.name));
            }
            return Err(error.into());
        }
        output::line(&volume.name)?;
        Ok(0)
    })
}
