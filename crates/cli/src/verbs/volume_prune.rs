//! `volume prune`: removes volumes no container mounts.

use super::confirm::{FORCE, confirmed, deleted, filter_flag, total};
use super::template_help::filters;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Remove unused local volumes",
    usage: "[OPTIONS]",
    names: &[],
    flags: &[
        Flag::switch("all", "Remove all unused volumes, not just anonymous ones").short('a'),
        filter_flag("Provide filter values (e.g. \"label=<label>\")"),
        FORCE,
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let all = matches.on("all");
        let which = if all { "all" } else { "anonymous" };
        let question = format!(
            "WARNING! This will remove {which} local volumes not used by at least one container.\n\
             Are you sure you want to continue?"
        );
        let mut filters = filters(matches);
        if all {
            if filters.contains_key("all") {
                return Err(Error::plain(
                    "conflicting options: cannot specify both --all and --filter all=1",
                ));
            }
            filters.insert("all".to_owned(), vec!["true".to_owned()]);
        }
        if !matches.on("force") && !confirmed(&question).await? {
            return Ok(0);
        }
        let client = invocation.connect().await?;
        let pruned = client.prune_volumes(&filters).await?;
        output::print(&deleted("Deleted Volumes", pruned.volumes_deleted))?;
        output::print(&total(pruned.space_reclaimed))?;
        Ok(0)
    })
}
