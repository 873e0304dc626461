//! `commit`: an image of what a container changed.

use corten_client::CommitOptions;

use crate::command::{Arity, Command, Outcome};
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Create a new image from a container's changes",
    usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    names: &["container commit", "commit"],
    flags: &[
        Flag::text(
            "author",
            "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")",
        )
        .short('a'),
        Flag::list("change", "Apply Dockerfile instruction to the created image").short('c'),
        Flag::text("message", "Commit message").short('m'),
        Flag::switch("pause", "Pause container during commit")
            .short('p')
            .default("true"),
    ],
    arity: Arity::Between(1, 2),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let text = |flag: &str| matches.text(flag).unwrap_or_default().to_owned();
        let (repository, tag) = split_name(matches.args.get(1).map_or("", String::as_str));
        let options = CommitOptions {
            container: matches.args[0].clone(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            author: text("author"),
            comment: text("message"),
            changes: matches.list("change").map(str::to_owned).collect(),
            pause: matches.on("pause"),
        };
        let client = invocation.connect().await?;
        output::line(&client.commit_container(&options).await?)?;
        Ok(0)
    })
}

/// A name as repository and tag; a colon before a slash belongs to a registry's port.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}
