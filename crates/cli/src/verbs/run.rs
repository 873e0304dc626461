//! `run`: makes a container, starts it, and stays with it unless told otherwise.

use std::time::Duration;

use corten_client::{AttachOptions, Client, Hijacked, PendingWait};

use super::create::Launch;
use crate::command::{Arity, Command, Outcome};
use crate::error::{CODE_ENGINE, Error};
use crate::invocation::Invocation;
use crate::output;
use crate::session::{
    DetachKeys, Disposition, Ended, RawMode, Resized, Signals, Streams, Window, stdin_is_terminal,
    window_size,
};
use crate::spec::RUN_FLAGS;

pub(crate) static COMMAND: Command = Command {
    about: "Create and run a new container from an image",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    names: &["container run", "run"],
    flags: RUN_FLAGS,
    arity: Arity::AtLeast(1),
    interspersed: false,
    run,
};

/// How long the engine may take to remove a container that could not be started.
const REMOVAL: Duration = Duration::from_secs(10);
const CODE_NOT_EXECUTABLE: i32 = 126;
const CODE_NOT_FOUND: i32 = 127;

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let detach = invocation.matches.on("detach");
        if detach && invocation.matches.has("attach") {
            return Err(Error::plain(
                "conflicting options: cannot specify both --attach and --detach",
            ));
        }
        // As of any other verb, an address that is none is no failure of running.
        invocation.settings.check_engine()?;
        let mut launch = Launch::new(invocation, "run")?;
        let config = &launch.request.config;
        if config.attach_stdin && config.tty && !stdin_is_terminal() {
            return Err(Error::plain("the input device is not a TTY"));
        }
        if config.tty
            && let (Some((height, width)), Some(host)) = (window_size(), &mut launch.request.host_config)
        {
            host.console_size = [height.into(), width.into()];
        }
        let client = launch
            .invocation
            .connect()
            .await
            .map_err(|error| launch.failed(&error))?;
        if detach {
            let id = launch.create(&client).await?;
            let started = start(&launch, &client, &id).await;
            // A container that could not be started is there all the same.
            let printed = output::line(&id);
            started?;
            printed?;
            return Ok(0);
        }
        let keys = launch.invocation.detach_keys()?;
        let detach_keys =
            DetachKeys::parse(keys.as_deref()).map_err(|error| launch.failed(&Error::plain(error)))?;
        // Caught from here on, so that Ctrl-C never leaves behind a container nobody knows of.
        let config = &launch.request.config;
        let disposition = match (launch.invocation.matches.on("sig-proxy"), config.tty) {
            (true, false) => Disposition::Forward,
            (true, true) => Disposition::ForwardToTerminal,
            (false, _) => Disposition::Leave,
        };
        let mut signals = Signals::catch(disposition)?;
        let id = launch.create(&client).await?;
        if !(config.attach_stdin || config.attach_stdout || config.attach_stderr) {
            start(&launch, &client, &id).await?;
            return Ok(0);
        }
        let session = async { attached(&launch, &client, &id, keys.as_deref(), detach_keys).await };
        tokio::select! {
            biased;
            result = session => result,
            error = signals.handle(&client, &id) => Err(error),
        }
    })
}

/// Starts with streams attached and stays to the end.
async fn attached(
    launch: &Launch,
    client: &Client,
    id: &str,
    keys: Option<&str>,
    detach_keys: DetachKeys,
) -> Result<i32, Error> {
    let config = &launch.request.config;
    let (hijacked, wait) = attach_and_wait(launch, client, id, keys).await?;
    let raw = if config.tty && config.attach_stdin {
        RawMode::enter()?
    } else {
        None
    };
    let mut window = if config.tty { Some(Window::watch()?) } else { None };
    if let Err(error) = start(launch, client, id).await {
        drop(raw);
        if launch.invocation.matches.on("rm") {
            // The engine removes it; whoever asks next for its name must find that done.
            let _ = tokio::time::timeout(REMOVAL, wait.result()).await;
        }
        return Err(error);
    }
    let streams = Streams {
        hijacked,
        stdin: config.attach_stdin,
        tty: config.tty,
        detach_keys: config.tty.then_some(detach_keys),
    };
    let resized = Resized::Container(id);
    let follow = async {
        match &mut window {
            Some(window) => window.follow(client, &resized).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        biased;
        ended = streams.run() => ended?,
        never = follow => match never {},
    };
    drop(raw);
    if ended == Ended::Detached {
        return Ok(0);
    }
    exit_code(wait).await
}

/// The exit code that a wait ends with.
pub(super) async fn exit_code(wait: PendingWait) -> Result<i32, Error> {
    let result = wait.result().await.map_err(|error| Error::Message {
        message: format!("error waiting for container: {error}"),
        code: CODE_ENGINE,
    })?;
    if let Some(error) = result.error {
        return Err(Error::Message {
            message: format!("Error waiting for container: {}", error.message),
            code: CODE_ENGINE,
        });
    }
    Ok(i32::try_from(result.status_code).unwrap_or(CODE_ENGINE))
}

/// Attaches and registers the wait, on two connections at once: both must be there before the start.
async fn attach_and_wait(
    launch: &Launch,
    client: &Client,
    id: &str,
    keys: Option<&str>,
) -> Result<(Hijacked, PendingWait), Error> {
    let config = &launch.request.config;
    let options = AttachOptions {
        stdin: config.attach_stdin,
        stdout: config.attach_stdout,
        stderr: config.attach_stderr,
        logs: false,
        detach_keys: keys.map(str::to_owned),
    };
    let condition = if launch.invocation.matches.on("rm") {
        "removed"
    } else {
        "next-exit"
    };
    tokio::try_join!(
        client.attach_container(id, &options),
        client.wait_container(id, condition),
    )
    .map_err(|error| launch.failed(&error.into()))
}

async fn start(launch: &Launch, client: &Client, id: &str) -> Result<(), Error> {
    client.start_container(id, None).await.map_err(|error| {
        let code = start_failure_code(&error.to_string());
        launch.failed_with(&error.into(), code)
    })
}

/// Docker tells by the message whether the command is missing or cannot be run.
fn start_failure_code(message: &str) -> i32 {
    let says = |text| message.contains(text);
    if says("executable file not found") || says("no such file or directory") {
        CODE_NOT_FOUND
    } else if says("permission denied") || says("is a directory") {
        CODE_NOT_EXECUTABLE
    } else {
        CODE_ENGINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_by_message() {
        assert_eq!(
            start_failure_code("exec: \"x\": executable file not found in $PATH"),
            127
        );
        assert_eq!(
            start_failure_code("exec: \"/x\": stat /x: no such file or directory"),
            127
        );
        assert_eq!(start_failure_code("exec: \"/etc\": permission denied"), 126);
        assert_eq!(start_failure_code("exec: \"/etc\": is a directory"), 126);
        assert_eq!(start_failure_code("port is already allocated"), 125);
    }
}
