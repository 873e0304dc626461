//! `logs`: prints what a container has written.

use corten_client::LogOptions;

use super::time_arg;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::session::{copy_log, interruptible};

pub(crate) static COMMAND: Command = Command {
    about: "Fetch the logs of a container",
    usage: "[OPTIONS] CONTAINER",
    names: &["container logs", "logs"],
    flags: &[
        Flag::switch("details", "Show extra details provided to logs"),
        Flag::switch("follow", "Follow log output").short('f'),
        Flag::text(
            "since",
            "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)",
        ),
        Flag::text("tail", "Number of lines to show from the end of the logs")
            .short('n')
            .default("\"all\""),
        Flag::switch("timestamps", "Show timestamps").short('t'),
        Flag::text(
            "until",
            "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)",
        ),
    ],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

const RAW: &str = "application/vnd.docker.raw-stream";
const MULTIPLEXED: &str = "application/vnd.docker.multiplexed-stream";

fn run(invocation: Invocation) -> Outcome {
    Box::pin(interruptible(follow(invocation)))
}

async fn follow(invocation: Invocation) -> Result<i32, Error> {
    let matches = &invocation.matches;
    let moment = |name: &str| {
        time_arg::unix(matches.text(name).unwrap_or_default())
            .map_err(|error| Error::plain(format!("invalid value for {name:?}: {error}")))
    };
    let options = LogOptions {
        follow: matches.on("follow"),
        timestamps: matches.on("timestamps"),
        details: matches.on("details"),
        since: moment("since")?,
        until: moment("until")?,
        tail: matches.text("tail").unwrap_or("all").to_owned(),
    };
    let container = &matches.args[0];
    let client = invocation.connect().await?;
    let log = client.container_logs(container, &options).await?;
    let multiplexed = match log.content_type() {
        MULTIPLEXED => true,
        // Before API 1.42 (and in releases of 1.42) it is called raw whatever it is.
        RAW if client.api_version().at_least(43) => false,
        _ => !client.inspect_container(container).await?.config.tty,
    };
    copy_log(log, multiplexed).await?;
    Ok(0)
}
