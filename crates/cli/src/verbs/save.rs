//! `save`: images as an archive.

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;
use crate::output;
use crate::platform::Platform;

pub(crate) static COMMAND: Command = Command {
    about: "Save one or more images to a tar archive (streamed to STDOUT by default)",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    names: &["image save", "save"],
    flags: &[
        Flag::text("output", "Write to a file, instead of STDOUT").short('o'),
        Flag::text(
            "platform",
            "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")",
        ),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let file = matches.filled("output");
        output::check_archive(file, "save image")?;
        let platform = images_platform(matches)?;
        let client = invocation.connect().await?;
        let archive = client.save_images(&matches.args, platform.as_deref()).await?;
        output::archive(archive, file).await?;
        Ok(0)
    })
}

/// The `--platform` of archives of images as the API wants it.
pub(crate) fn images_platform(matches: &Matches) -> Result<Option<String>, Error> {
    let platform = matches.filled("platform").map(Platform::parse).transpose();
    let platform = platform.map_err(|error| Error::plain(format!("invalid platform: {error}")))?;
    Ok(platform.map(|platform| platform.json()))
}
