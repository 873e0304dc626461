//! `export`: a container's files as a tar archive.

use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Export a container's filesystem as a tar archive",
    usage: "[OPTIONS] CONTAINER",
    names: &["container export", "export"],
    flags: &[Flag::text("output", "Write to a file, instead of STDOUT").short('o')],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let file = matches.filled("output");
        output::check_archive(file, "export container")?;
        let client = invocation.connect().await?;
        let archive = client.export_container(&matches.args[0]).await?;
        output::archive(archive, file).await?;
        Ok(0)
    })
}
