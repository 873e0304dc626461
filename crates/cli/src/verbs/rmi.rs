//! `rmi`: removes names of images and, with the last name, the image.

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;

pub(crate) static COMMAND: Command = Command {
    about: "Remove one or more images",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    names: &["image rm", "image remove", "rmi"],
    flags: &[
        Flag::switch("force", "Force removal of the image").short('f'),
        Flag::switch("no-prune", "Do not delete untagged parents"),
        Flag::list("platform", "Remove only the given platform variant")
            .of("strings")
            .not_yet(),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let force = matches.on("force");
        let client = invocation.connect().await?;
        let mut failed = false;
        // One after the other: removing one may be what allows removing the next.
        for name in &matches.args {
            match client.remove_image(name, force, matches.on("no-prune")).await {
                Ok(removed) => {
                    for item in removed {
                        if item.deleted.is_empty() {
                            output::line(&format!("Untagged: {}", item.untagged))?;
                        } else {
                            output::line(&format!("Deleted: {}", item.deleted))?;
                        }
                    }
                }
                Err(error) => {
                    let is_missing = matches!(error, corten_client::Error::Status { status: 404, .. });
                    failed |= !(force && is_missing);
                    Error::from(error).report();
                }
            }
        }
        Ok(i32::from(failed))
    })
}
