//! `save`: images as an archive.

use serde_json::json;

use crate::command::{Arity, Command, Outcome};
use crate::copy::check_output_file;
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

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
        output::check_archive(file)?;
        if let Some(path) = file {
            check_output_file(path)
                .map_err(|error| Error::plain(format!("failed to save image: {error}")))?;
        }
        let platform = matches.filled("platform").map(platform_json);
        let client = invocation.connect().await?;
        let archive = client.save_images(&matches.args, platform.as_deref()).await?;
        output::archive(archive, file).await?;
        Ok(0)
    })
}

/// `os[/arch[/variant]]` as the API wants it.
pub(crate) fn platform_json(text: &str) -> String {
    let mut parts = text.split('/');
    let mut platform = json!({});
    for key in ["os", "architecture", "variant"] {
        if let Some(part) = parts.next() {
            platform[key] = part.into();
        }
    }
    platform.to_string()
}
