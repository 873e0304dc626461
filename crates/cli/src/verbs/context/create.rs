//! `context create`: names an engine.

use super::{source, wishes};
use crate::command::{Arity, Command, Outcome};
use crate::context::{Context, Endpoint, check_name, engine_secrets};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: wishes::with_keys!("Create a context", "create"),
    usage: "[OPTIONS] CONTEXT",
    names: &["context create"],
    flags: &[
        Flag::text("description", "Description of the context"),
        wishes::FLAG,
        Flag::text("from", "create context from a named context"),
    ],
    arity: Arity::Exactly(1),
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { create(&invocation) }) },
};

fn create(invocation: &Invocation) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let name = matches.args[0].as_str();
    let description = matches.text("description").unwrap_or_default();
    let store = invocation.settings.contexts();
    let wishes = wishes::of(matches)?;
    let from = matches.filled("from");
    if from.is_some() && wishes.is_some() {
        return Err(Error::plain("cannot use --docker flag when --from is set"));
    }
    check_name(name)?;
    if store.has(name) {
        return Err(Error::plain(format!("context {name:?} already exists")));
    }
    let (context, secrets) = match wishes {
        Some(wishes) => {
            let (endpoint, secrets) = Endpoint::read(&store, &wishes)?;
            (
                Context::new(name, description, &endpoint),
                engine_secrets(secrets),
            )
        }
        None => {
            let from = from.unwrap_or(invocation.settings.choice.context());
            let (mut context, secrets) = source::copy(invocation, from)?;
            context.name = name.to_owned();
            context.describe(description);
            (context, secrets)
        }
    };
    store.put(&context)?;
    store.put_secrets(name, &secrets)?;
    output::line(name)?;
    output::error_line(&format!("Successfully created context {name:?}"));
    Ok(0)
}
