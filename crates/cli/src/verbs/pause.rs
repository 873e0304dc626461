//! `pause`: holds all processes of containers.

use super::many::each;
use crate::command::{Arity, Command, Outcome};
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Pause all processes within one or more containers",
    usage: "CONTAINER [CONTAINER...]",
    names: &["container pause", "pause"],
    flags: &[],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let client = invocation.connect().await?;
        let client = &client;
        each(&invocation.matches.args, |name| async move {
            Ok(client.pause_container(&name).await?)
        })
        .await
    })
}
