//! `volume export`: a volume's files as a tar archive. Corten's own.

use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Export the files of a volume as a tar archive. Containers may use the volume meanwhile: stop those that write to it if \
            what they write belongs together.",
    usage: "[OPTIONS] VOLUME",
    names: &["volume export"],
    flags: &[Flag::text("output", "Write to a file, instead of STDOUT").short('o')],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let file = matches.filled("output");
        output::check_archive(file, "export volume")?;
        let client = invocation.connect().await?;
        let archive = client.export_volume(&matches.args[0]).await?;
        output::archive(archive, file).await?;
        Ok(0)
    })
}
