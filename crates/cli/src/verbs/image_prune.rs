//! `image prune`: removes images no container is made of.

use corten_client::Filters;
use corten_wire::ImageDeleteItem;

use super::confirm::{FORCE, confirmed, deleted, filter_flag, total};
use super::template_help::filters;
use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Remove unused images",
    usage: "[OPTIONS]",
    names: &[],
    flags: &[
        Flag::switch("all", "Remove all unused images, not just dangling ones").short('a'),
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
        let all = matches.on("all");
        let which = if all {
            "all images without at least one container associated to them"
        } else {
            "all dangling images"
        };
        let question = format!("WARNING! This will remove {which}.\nAre you sure you want to continue?");
        if !matches.on("force") && !confirmed(&question).await? {
            return Ok(0);
        }
        let client = invocation.connect().await?;
        let pruned = client.prune_images(&with_dangling(filters(matches), all)).await?;
        output::print(&gone(pruned.images_deleted.as_deref().unwrap_or_default()))?;
        output::print(&total(pruned.space_reclaimed))?;
        Ok(0)
    })
}

/// The filters, and whether images with tags go, too.
pub(super) fn with_dangling(mut filters: Filters, all: bool) -> Filters {
    filters.insert("dangling".to_owned(), vec![(!all).to_string()]);
    filters
}

/// What went, as lines.
pub(super) fn gone(items: &[ImageDeleteItem]) -> String {
    let line = |item: &ImageDeleteItem| {
        if item.untagged.is_empty() {
            format!("deleted: {}", item.deleted)
        } else {
            format!("untagged: {}", item.untagged)
        }
    };
    deleted("Deleted Images", items.iter().map(line))
}
