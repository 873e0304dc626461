//! `system prune`: all prunes, one after the other.

use super::confirm::{FORCE, confirmed, deleted, filter_flag, total};
use super::image_prune::{gone, with_dangling};
use super::template_help::filters;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Remove unused data",
    usage: "[OPTIONS]",
    names: &[],
    flags: &[
        Flag::switch("all", "Remove all unused images not just dangling ones").short('a'),
        filter_flag("Provide filter values (e.g. \"label=<key>=<value>\")"),
        FORCE,
        Flag::switch("volumes", "Prune anonymous volumes"),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let (all, volumes) = (matches.on("all"), matches.on("volumes"));
        let filters = filters(matches);
        if volumes && filters.contains_key("until") {
            return Err(Error::plain(
                "ERROR: The \"until\" filter is not supported with \"--volumes\"",
            ));
        }
        if !matches.on("force") && !confirmed(&question(matches)).await? {
            return Ok(0);
        }
        let client = invocation.connect().await?;
        let containers = client.prune_containers(&filters).await?;
        output::print(&deleted(
            "Deleted Containers",
            containers.containers_deleted.unwrap_or_default(),
        ))?;
        let networks = client.prune_networks(&filters).await?;
        output::print(&deleted(
            "Deleted Networks",
            networks.networks_deleted.unwrap_or_default(),
        ))?;
        let mut bytes = containers.space_reclaimed;
        if volumes {
            let pruned = client.prune_volumes(&filters).await?;
            output::print(&deleted("Deleted Volumes", pruned.volumes_deleted))?;
            bytes += pruned.space_reclaimed;
        }
        let images = client.prune_images(&with_dangling(filters.clone(), all)).await?;
        output::print(&gone(images.images_deleted.as_deref().unwrap_or_default()))?;
        let builds = client.prune_build_cache(all, &filters).await?;
        output::print(&deleted(
            "Deleted build cache objects",
            builds.caches_deleted.unwrap_or_default(),
        ))?;
        bytes += images.space_reclaimed + builds.space_reclaimed;
        output::print(&total(bytes))?;
        Ok(0)
    })
}

fn question(matches: &Matches) -> String {
    let all = matches.on("all");
    let mut text = "WARNING! This will remove:\n  - all stopped containers\n  \
                    - all networks not used by at least one container\n"
        .to_owned();
    if matches.on("volumes") {
        text.push_str("  - all anonymous volumes not used by at least one container\n");
    }
    text.push_str(if all {
        "  - all images without at least one container associated to them\n  - all build cache\n"
    } else {
        "  - all dangling images\n  - unused build cache\n"
    });
    let filters: Vec<String> = matches
        .list("filter")
        .map(|filter| format!("  - {filter}\n"))
        .collect();
    if !filters.is_empty() {
        text.push_str("\n  Items to be pruned will be filtered with:\n");
        text.push_str(&filters.concat());
    }
    text + "\nAre you sure you want to continue?"
}
