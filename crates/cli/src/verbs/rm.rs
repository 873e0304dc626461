//! `rm`: removes containers.

use corten_client::RemoveOptions;

use super::many::each;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Remove one or more containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container rm", "container remove", "rm"],
    flags: &[
        Flag::switch("force", "Force the removal of a running container (uses SIGKILL)").short('f'),
        Flag::switch("link", "Remove the specified link").short('l'),
        Flag::switch(
            "volumes",
            "Remove anonymous volumes associated with the container",
        )
        .short('v'),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let options = RemoveOptions {
            force: matches.on("force"),
            volumes: matches.on("volumes"),
            link: matches.on("link"),
        };
        let client = invocation.connect().await?;
        let client = &client;
        each(&matches.args, |name| async move {
            let path = name.trim_matches('/');
            if path.is_empty() {
                return Err(Error::plain("container name cannot be empty"));
            }
            match client.remove_container(path, options).await {
                // With -f a container that is gone already is what was wished for; Docker tells, and succeeds.
                Err(error @ corten_client::Error::Status { status: 404, .. }) if options.force => {
                    Error::from(error).report();
                    Err(Error::Reported(0))
                }
                result => Ok(result?),
            }
        })
        .await
    })
}
