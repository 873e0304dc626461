//! `rename`: gives a container another name.

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Rename a container",
    usage: "CONTAINER NEW_NAME",
    names: &["container rename", "rename"],
    flags: &[],
    arity: Arity::Exactly(2),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let [old, new] = &invocation.matches.args[..] else {
            return Err(Error::plain("two names are required"));
        };
        if old.trim().is_empty() || new.trim().is_empty() {
            return Err(Error::plain("Error: Neither old nor new names may be empty"));
        }
        let client = invocation.connect().await?;
        if let Err(error) = client.rename_container(old.trim(), new.trim()).await {
            Error::from(error).report();
            return Err(Error::plain(format!(
                "Error: failed to rename container named {old}"
            )));
        }
        Ok(0)
    })
}
