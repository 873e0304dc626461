//! `kill`: sends containers a signal, SIGKILL unless said otherwise.

use super::many::each;
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Kill one or more running containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container kill", "kill"],
    flags: &[Flag::text("signal", "Signal to send to the container").short('s')],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let signal = invocation.matches.filled("signal");
        let client = invocation.connect().await?;
        let client = &client;
        each(&invocation.matches.args, |name| async move {
            Ok(client.kill_container(&name, signal).await?)
        })
        .await
    })
}
