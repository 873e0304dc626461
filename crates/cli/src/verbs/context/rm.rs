//! `context rm`: removes contexts.

use crate::command::{Arity, Command, Outcome};
use crate::context::DEFAULT;
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: "Remove one or more contexts",
    usage: "CONTEXT [CONTEXT...]",
    names: &["context rm", "context remove"],
    flags: &[Flag::switch("force", "Force the removal of a context in use").short('f')],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { remove_all(&invocation) }) },
};

fn remove_all(invocation: &Invocation) -> Result<i32, Error> {
    let mut failures = Vec::new();
    for name in &invocation.matches.args {
        match remove(invocation, name) {
            Ok(()) => output::line(name)?,
            Err(error) => failures.push(error),
        }
    }
    for error in &failures {
        error.report();
    }
    Ok(i32::from(!failures.is_empty()))
}

fn remove(invocation: &Invocation, name: &str) -> Result<(), Error> {
    let force = invocation.matches.on("force");
    let store = invocation.settings.contexts();
    if name == DEFAULT {
        return Err(Error::plain("context \"default\" cannot be removed"));
    }
    if !force && !store.has(name) {
        return Err(Error::plain(format!("context {name:?} does not exist")));
    }
    if invocation.settings.choice.context() == name {
        if !force {
            return Err(Error::plain(format!(
                "context {name:?} is in use, set -f flag to force remove"
            )));
        }
        invocation.use_context(DEFAULT)?;
    }
    store.remove(name)
}
