//! `container prune`: removes containers that do not run.

use super::confirm::{FORCE, confirmed, deleted, filter_flag, total};
use super::template_help::filters;
use crate::command::{Arity, Command, Outcome};
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Remove all stopped containers",
    usage: "[OPTIONS]",
    names: &[],
    flags: &[
        filter_flag("Provide filter values (e.g. \"until=<timestamp>\")"),
        FORCE,
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let question =
            "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?";
        if !matches.on("force") && !confirmed(question).await? {
            return Ok(0);
        }
        let client = invocation.connect().await?;
        let pruned = client.prune_containers(&filters(matches)).await?;
        let gone = pruned.containers_deleted.unwrap_or_default();
        output::print(&deleted("Deleted Containers", gone))?;
        output::print(&total(pruned.space_reclaimed))?;
        Ok(0)
    })
}
