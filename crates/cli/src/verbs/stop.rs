//! `stop`: asks containers to end, and ends those that do not.

use corten_client::StopOptions;

use super::many::each;
use crate::command::{Arity, Command, Outcome};
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;

pub(crate) static COMMAND: Command = Command {
    about: "Stop one or more running containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container stop", "stop"],
    flags: FLAGS,
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

/// The flags of `stop` and `restart`.
pub(super) static FLAGS: &[Flag] = &[
    Flag::text("signal", "Signal to send to the container").short('s'),
    Flag::deprecated("time", "timeout"),
    Flag::int("timeout", "Seconds to wait before killing the container").short('t'),
];

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let options = options(&invocation.matches);
        let client = invocation.connect().await?;
        let (client, options) = (&client, &options);
        each(&invocation.matches.args, |name| async move {
            Ok(client.stop_container(&name, options).await?)
        })
        .await
    })
}

/// What the flags of `stop` and `restart` mean.
pub(super) fn options(matches: &Matches) -> StopOptions {
    StopOptions {
        signal: matches.filled("signal").map(str::to_owned),
        timeout: matches.int("timeout"),
    }
}
