//! What is made from the tables of commands rather than written by hand: shell completions and man pages.

mod complete;
mod man;
mod position;
mod scripts;
mod values;
mod wanted;

pub(crate) use complete::complete;
pub(crate) use man::write_pages;
pub(crate) use scripts::{SHELLS, script};

use crate::command::Command;
use crate::verbs;

/// All commands with the words that lead to them, those of groups behind the others.
fn commands() -> impl Iterator<Item = (String, &'static Command)> {
    let single = verbs::COMMON.iter().chain(verbs::COMMANDS);
    let single = single.map(|entry| (entry.name.to_owned(), entry.command));
    let grouped = verbs::GROUPS.iter().flat_map(|group| {
        let entries = group.commands.iter();
        entries.map(move |entry| (format!("{} {}", group.name, entry.name), entry.command))
    });
    single.chain(grouped)
}
