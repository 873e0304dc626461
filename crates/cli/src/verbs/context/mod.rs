//! `context`: names engines.

mod create;
mod export;
mod import;
mod inspect;
mod ls;
mod rm;
mod show;
mod source;
mod update;
mod use_context;
mod wishes;

use super::{Entry, entry, entry_as};

/// The verbs of the group.
pub(super) static COMMANDS: &[Entry] = &[
    entry("create", &create::COMMAND),
    entry("export", &export::COMMAND),
    entry("import", &import::COMMAND),
    entry("inspect", &inspect::COMMAND),
    entry_as("ls", &["list"], &ls::COMMAND),
    entry_as("rm", &["remove"], &rm::COMMAND),
    entry("show", &show::COMMAND),
    entry("update", &update::COMMAND),
    entry("use", &use_context::COMMAND),
];
