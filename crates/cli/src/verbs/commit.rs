//! `commit`: an image of what a container changed.

use corten_client::CommitOptions;
use corten_types::{InvalidReference, Reference};

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
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
        let (repository, tag) = match matches.args.get(1).map_or("", String::as_str) {
            "" => (String::new(), String::new()),
            name => repository_and_tag(name)?,
        };
        let options = CommitOptions {
            container: matches.args[0].clone(),
            repository,
            tag,
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

/// The name an image is to get.
fn repository_and_tag(name: &str) -> Result<(String, String), Error> {
    let reference: Reference = name
        .parse()
        .map_err(|error: InvalidReference| Error::plain(error.to_string()))?;
    if reference.digest().is_some() {
        return Err(Error::plain("refusing to create a tag with a digest reference"));
    }
    let reference = reference.with_default_tag();
    Ok((
        format!("{}/{}", reference.domain(), reference.path()),
        reference.tag().unwrap_or_default().to_owned(),
    ))
}
