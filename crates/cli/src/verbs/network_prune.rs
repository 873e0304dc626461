//! `network prune`: removes networks no container is on.

use super::confirm::{FORCE, confirmed, deleted, filter_flag};
use super::template_help::filters;
use crate::command::{Arity, Command, Outcome};
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Remove all unused networks",
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
        let question = "WARNING! This will remove all custom networks not used by at least one container.\n\
                        Are you sure you want to continue?";
        if !matches.on("force") && !confirmed(question).await? {
            return Ok(0);
        }
        let client = invocation.connect().await?;
        let pruned = client.prune_networks(&filters(matches)).await?;
        let gone = pruned.networks_deleted.unwrap_or_default();
        output::print(&deleted("Deleted Networks", gone))?;
        Ok(0)
    })
}
