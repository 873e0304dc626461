//! `pull`: fetches an image from a registry.

use corten_client::Client;
use corten_types::Reference;

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::{Invocation, env};
use crate::output;
use crate::progress::{self, Sink};
use crate::spec::{CONTENT_TRUST, check_trust};

/// Asks for signatures to be looked at.
pub(super) const TRUST_VARIABLE: &str = "DOCKER_CONTENT_TRUST";

pub(crate) static COMMAND: Command = Command {
    about: "Download an image from a registry",
    usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
    names: &["image pull", "pull"],
    flags: &[
        Flag::switch("all-tags", "Download all tagged images in the repository")
            .short('a')
            .not_yet(),
        CONTENT_TRUST,
        Flag::text("platform", "Set platform if server is multi-platform capable"),
        Flag::switch("quiet", "Suppress verbose output").short('q'),
    ],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        check_trust(matches, env(TRUST_VARIABLE)).map_err(Error::plain)?;
        let written: Reference = matches.args[0]
            .parse()
            .map_err(|error: corten_types::InvalidReference| Error::plain(error.to_string()))?;
        let reference = written.clone().with_default_tag();
        let quiet = matches.on("quiet");
        if reference != written && !quiet {
            output::line("Using default tag: latest")?;
        }
        let client = invocation.connect().await?;
        let sink = if quiet { Sink::Quiet } else { Sink::Stdout };
        fetch(&client, &reference, matches.filled("platform"), sink).await?;
        output::line(&reference.to_string())?;
        Ok(0)
    })
}

/// Pulls what `reference` names.
pub(super) async fn fetch(
    client: &Client,
    reference: &Reference,
    platform: Option<&str>,
    sink: Sink,
) -> Result<(), Error> {
    let repository = format!("{}/{}", reference.domain(), reference.path());
    let tag = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => Some(digest.as_str()),
        (None, tag) => tag,
    };
    let progress = client.pull_image(&repository, tag, platform).await?;
    progress::show(progress, sink).await
}
