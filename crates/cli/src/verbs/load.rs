//! `load`: takes images from an archive.

use std::io::IsTerminal;
use std::path::Path;

use corten_client::Upload;

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::progress::{self, Sink};
use crate::spec::open_error;
use crate::verbs::save::images_platform;

pub(crate) static COMMAND: Command = Command {
    about: "Load an image from a tar archive or STDIN",
    usage: "[OPTIONS]",
    names: &["image load", "load"],
    flags: &[
        Flag::text("input", "Read from tar archive file, instead of STDIN").short('i'),
        Flag::text(
            "platform",
            "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")",
        ),
        Flag::switch("quiet", "Suppress the load output").short('q'),
    ],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let archive = match matches.filled("input") {
            Some(path) => {
                let file = std::fs::File::open(path)
                    .map_err(|error| Error::plain(open_error(Path::new(path), &error)))?;
                Upload::from_file(file)
            }
            None if std::io::stdin().is_terminal() => {
                return Err(Error::plain("requested load from stdin, but stdin is empty"));
            }
            None => Upload::from_reader(tokio::io::stdin()),
        };
        // Bars are for terminals; elsewhere the engine need not send them.
        let quiet = matches.on("quiet") || !std::io::stdout().is_terminal();
        let platform = images_platform(matches)?;
        let client = invocation.connect().await?;
        let progress = client.load_images(archive, quiet, platform.as_deref()).await?;
        progress::show(progress, Sink::Stdout).await?;
        Ok(0)
    })
}
