//! `diff`: what a container changed of its image.

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Inspect changes to files or directories on a container's filesystem",
    usage: "CONTAINER",
    names: &["container diff", "diff"],
    flags: &[],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let container = &invocation.matches.args[0];
        if container.is_empty() {
            return Err(Error::plain("Container name cannot be empty"));
        }
        let client = invocation.connect().await?;
        let mut text = String::new();
        for change in client.container_changes(container).await? {
            let letter = match change.kind {
                0 => 'C',
                1 => 'A',
                2 => 'D',
                other => return Err(Error::plain(format!("unknown kind of change: {other}"))),
            };
            text.push_str(&format!("{letter} {}\n", change.path));
        }
        output::print(&text)?;
        Ok(0)
    })
}
