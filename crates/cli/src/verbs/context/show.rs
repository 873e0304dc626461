//! `context show`: prints the name of the context in use.

use crate::command::{Arity, Command, Outcome};
use crate::invocation::Invocation;
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: "Print the name of the current context",
    usage: "",
    names: &["context show"],
    flags: &[],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        output::line(invocation.settings.choice.context())?;
        Ok(0)
    })
}
