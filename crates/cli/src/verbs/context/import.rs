//! `context import`: reads a context from an archive.

use std::fs::File;
use std::io;

use corten_types::system_words;

use crate::command::{Arity, Command, Outcome};
use crate::context::{check_name, unpack};
use crate::error::Error;
use crate::invocation::Invocation;
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: "Import a context from a tar or zip file",
    usage: "CONTEXT FILE|-",
    names: &["context import"],
    flags: &[],
    arity: Arity::Exactly(2),
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { import(&invocation) }) },
};

fn import(invocation: &Invocation) -> Result<i32, Error> {
    let (name, file) = (&invocation.matches.args[0], &invocation.matches.args[1]);
    let store = invocation.settings.contexts();
    check_name(name)?;
    if store.has(name) {
        return Err(Error::plain(format!("context {name:?} already exists")));
    }
    let (mut context, secrets) = match file.as_str() {
        "-" => unpack(io::stdin().lock())?,
        path => unpack(
            File::open(path)
                .map_err(|error| Error::plain(format!("open {path}: {}", system_words(&error))))?,
        )?,
    };
    context.name = name.clone();
    store.put(&context)?;
    store.put_secrets(name, &secrets)?;
    output::line(name)?;
    output::error_line(&format!("Successfully imported context {name:?}"));
    Ok(0)
}
