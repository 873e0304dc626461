//! `wait`: waits for containers to end and prints their exit codes.

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Block until one or more containers stop, then print their exit codes",
    usage: "CONTAINER [CONTAINER...]",
    names: &["container wait", "wait"],
    flags: &[],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let client = invocation.connect().await?;
        let mut failed = false;
        for name in &invocation.matches.args {
            let result = async { client.wait_container(name, "not-running").await?.result().await };
            match result.await {
                Ok(answer) => output::line(&answer.status_code.to_string())?,
                Err(error) => {
                    failed = true;
                    Error::from(error).report();
                }
            }
        }
        Ok(i32::from(failed))
    })
}
