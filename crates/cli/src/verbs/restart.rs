//! `restart`: stops containers and starts them again.

use super::many::each;
use super::stop;
use crate::command::{Arity, Command, Outcome};
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Restart one or more containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container restart", "restart"],
    flags: stop::FLAGS,
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let options = stop::options(&invocation.matches);
        let client = invocation.connect().await?;
        let (client, options) = (&client, &options);
        each(&invocation.matches.args, |name| async move {
            Ok(client.restart_container(&name, options).await?)
        })
        .await
    })
}
