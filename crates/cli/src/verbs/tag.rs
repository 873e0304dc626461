//! `tag`: gives an image a further name.

use corten_types::{InvalidReference, Reference};

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    names: &["image tag", "tag"],
    flags: &[],
    arity: Arity::Exactly(2),
    interspersed: false,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let [source, target] = &invocation.matches.args[..] else {
            return Err(Error::plain("two names are required"));
        };
        let refuse = |name: &str, error: InvalidReference| {
            Error::plain(format!(
                "Error parsing reference: {name:?} is not a valid repository/tag: {error}"
            ))
        };
        // The source may be an identifier.
        match source.parse::<Reference>() {
            Ok(_) | Err(InvalidReference::LooksLikeId(_)) => {}
            Err(error) => return Err(refuse(source, error)),
        }
        let reference: Reference = target.parse().map_err(|error| refuse(target, error))?;
        if reference.digest().is_some() {
            return Err(Error::plain("refusing to create a tag with a digest reference"));
        }
        let reference = reference.with_default_tag();
        let repository = format!("{}/{}", reference.domain(), reference.path());
        let client = invocation.connect().await?;
        client.tag_image(source, &repository, reference.tag()).await?;
        Ok(0)
    })
}
