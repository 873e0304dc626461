//! `context use`: makes a context the one in use.

use super::ls::OVERRIDDEN;
use crate::command::{Arity, Command, Outcome};
use crate::context::{DEFAULT, check_name};
use crate::error::Error;
use crate::invocation::{Invocation, env};
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: "Set the current docker context",
    usage: "CONTEXT",
    names: &["context use"],
    flags: &[],
    arity: Arity::Exactly(1),
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { set(&invocation) }) },
};

fn set(invocation: &Invocation) -> Result<i32, Error> {
    let name = invocation.matches.args[0].as_str();
    if name != DEFAULT {
        check_name(name)?;
        invocation.settings.contexts().get(name)?;
    }
    invocation.use_context(name)?;
    output::line(name)?;
    output::error_line(&format!("Current context is now {name:?}"));
    if name != DEFAULT && env("DOCKER_HOST").is_some() {
        output::error_line(&OVERRIDDEN.replace("a context", &format!("{name:?}")));
    }
    Ok(0)
}
