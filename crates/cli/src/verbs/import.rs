//! `import`: an image of an archive of files.

use std::path::Path;

use corten_client::{ImportOptions, Upload};
use corten_types::{InvalidReference, Reference};

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::progress::{self, Sink};
use crate::spec::open_error;

pub(crate) static COMMAND: Command = Command {
    about: "Import the contents from a tarball to create a filesystem image",
    usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    names: &["image import", "import"],
    flags: &[
        Flag::list("change", "Apply Dockerfile instruction to the created image").short('c'),
        Flag::text("message", "Set commit message for imported image").short('m'),
        Flag::text("platform", "Set platform if server is multi-platform capable"),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let source = matches.args[0].as_str();
        let is_url = source.starts_with("http://") || source.starts_with("https://");
        let archive = match source {
            "-" => Some(Upload::from_reader(tokio::io::stdin())),
            _ if is_url => None,
            path => {
                let file = std::fs::File::open(path);
                let file = file.map_err(|error| Error::plain(open_error(Path::new(path), &error)))?;
                Some(Upload::from_file(file))
            }
        };
        let name = matches.args.get(1).filter(|name| !name.is_empty());
        if let Some(name) = name {
            let judged: Result<Reference, InvalidReference> = name.parse();
            judged.map_err(|error| Error::plain(error.to_string()))?;
        }
        let options = ImportOptions {
            source: if is_url { source } else { "-" }.to_owned(),
            name: name.cloned(),
            message: matches.filled("message").map(str::to_owned),
            changes: matches.list("change").map(str::to_owned).collect(),
            platform: matches.filled("platform").map(str::to_owned),
        };
        let client = invocation.connect().await?;
        let progress = client.import_image(&options, archive).await?;
        progress::show(progress, Sink::Stdout).await?;
        Ok(0)
    })
}
