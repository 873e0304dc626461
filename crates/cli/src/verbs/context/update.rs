//! `context update`: changes what a context says or where it leads.

use super::wishes;
use crate::command::{Arity, Command, Outcome};
use crate::context::{Endpoint, check_name, engine_secrets};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: wishes::with_keys!("Update a context", "update"),
    usage: "[OPTIONS] CONTEXT",
    names: &["context update"],
    flags: &[
        Flag::text("description", "Description of the context"),
        wishes::FLAG,
    ],
    arity: Arity::Exactly(1),
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { update(&invocation) }) },
};

fn update(invocation: &Invocation) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let name = matches.args[0].as_str();
    check_name(name)?;
    let store = invocation.settings.contexts();
    let mut context = store.get(name)?;
    context.describe(matches.text("description").unwrap_or_default());
    if let Some(wishes) = wishes::of(matches)? {
        let (endpoint, secrets) = Endpoint::read(&store, &wishes)?;
        context.lead_to(&endpoint);
        store.put_secrets(name, &engine_secrets(secrets))?;
    }
    store.put(&context)?;
    output::line(name)?;
    output::error_line(&format!("Successfully updated context {name:?}"));
    Ok(0)
}
