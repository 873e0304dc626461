//! `volume rm`: removes volumes.

use super::many::each;
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    names: &["volume rm", "volume remove"],
    flags: &[Flag::switch("force", "Force the removal of one or more volumes").short('f')],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let force = invocation.matches.on("force");
        let client = invocation.connect().await?;
        let client = &client;
        each(&invocation.matches.args, |name| async move {
            Ok(client.remove_volume(&name, force).await?)
        })
        .await
    })
}
