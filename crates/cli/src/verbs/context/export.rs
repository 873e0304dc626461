//! `context export`: writes a context into an archive.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;

use corten_types::system_words;

use super::source;
use crate::command::{Arity, Command, Outcome};
use crate::context::pack;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::output;

pub(super) static COMMAND: Command = Command {
    about: "Export a context to a tar archive FILE or a tar stream on STDOUT.",
    usage: "[OPTIONS] CONTEXT [FILE|-]",
    names: &["context export"],
    flags: &[],
    arity: Arity::Between(1, 2),
    interspersed: true,
    run: |invocation| -> Outcome { Box::pin(async move { export(&invocation) }) },
};

fn export(invocation: &Invocation) -> Result<i32, Error> {
    let args = &invocation.matches.args;
    let name = args[0].as_str();
    let file = args.get(1).cloned();
    let file = file.unwrap_or_else(|| format!("{name}.dockercontext"));
    let (context, secrets) = source::copy(invocation, name)?;
    if file == "-" {
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            return Err(Error::plain(
                "cowardly refusing to export to a terminal, specify a file path",
            ));
        }
        out.write_all(&pack(&context, &secrets)?)?;
        out.flush()?;
        return Ok(0);
    }
    let text = pack(&context, &secrets)?;
    let mut options = File::options();
    let opened = options.write(true).create_new(true).mode(0o600).open(&file);
    let mut written =
        opened.map_err(|error| Error::plain(format!("open {file}: {}", system_words(&error))))?;
    written.write_all(&text)?;
    output::error_line(&format!("Written file {file:?}"));
    Ok(0)
}
