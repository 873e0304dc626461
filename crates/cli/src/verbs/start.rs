//! `start`: starts containers that do not run.

use corten_client::{AttachOptions, Client};

use super::run::exit_code;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::output;
use crate::session::{
    DetachKeys, Disposition, Ended, RawMode, Resized, Signals, Streams, Window, stdin_is_terminal,
};

pub(crate) static COMMAND: Command = Command {
    about: "Start one or more stopped containers",
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    names: &["container start", "start"],
    flags: &[
        Flag::switch("attach", "Attach STDOUT/STDERR and forward signals").short('a'),
        Flag::text("checkpoint", "Restore from this checkpoint")
            .not_yet()
            .hidden(),
        Flag::text("checkpoint-dir", "Use a custom checkpoint storage directory")
            .not_yet()
            .hidden(),
        Flag::text(
            "detach-keys",
            "Override the key sequence for detaching a container",
        ),
        Flag::switch("interactive", "Attach container's STDIN").short('i'),
    ],
    arity: Arity::AtLeast(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let names = &invocation.matches.args;
        let client = invocation.connect().await?;
        if invocation.matches.on("attach") || invocation.matches.on("interactive") {
            let [name] = &names[..] else {
                return Err(Error::plain(
                    "you cannot start and attach multiple containers at once",
                ));
            };
            return attached(&invocation, &client, name).await;
        }
        let mut failed = Vec::new();
        for name in names {
            match client.start_container(name, None).await {
                Ok(()) => output::line(name)?,
                Err(error) => {
                    Error::from(error).report();
                    failed.push(name.as_str());
                }
            }
        }
        if failed.is_empty() {
            return Ok(0);
        }
        Err(Error::plain(format!(
            "Error: failed to start containers: {}",
            failed.join(", ")
        )))
    })
}

async fn attached(invocation: &Invocation, client: &Client, name: &str) -> Result<i32, Error> {
    let keys = invocation.detach_keys()?;
    let detach_keys = DetachKeys::parse(keys.as_deref()).map_err(Error::plain)?;
    let container = client.inspect_container(name).await?;
    let id = &container.id;
    let tty = container.config.tty;
    let stdin = invocation.matches.on("interactive") && container.config.open_stdin;
    if tty && stdin && !stdin_is_terminal() {
        return Err(Error::plain("the input device is not a TTY"));
    }
    let disposition = if tty {
        Disposition::Leave
    } else {
        Disposition::Forward
    };
    let mut signals = Signals::catch(disposition)?;
    let options = AttachOptions {
        stdin,
        stdout: container.config.attach_stdout || !container.config.attach_stderr,
        stderr: container.config.attach_stderr || !container.config.attach_stdout,
        logs: false,
        detach_keys: keys,
    };
    let condition = if container.host_config.auto_remove {
        "removed"
    } else {
        "next-exit"
    };
    let (hijacked, wait) = tokio::try_join!(
        client.attach_container(id, &options),
        client.wait_container(id, condition),
    )?;
    let raw = if tty && stdin { RawMode::enter()? } else { None };
    client.start_container(id, None).await?;
    let streams = Streams {
        hijacked,
        stdin,
        tty,
        detach_keys: tty.then_some(detach_keys),
    };
    let ended = with_window(streams, tty, client, &Resized::Container(id), &mut signals, id).await?;
    drop(raw);
    if ended == Ended::Detached {
        return Ok(0);
    }
    exit_code(wait).await
}

/// Runs streams while the window's size is told and signals are dealt with.
pub(super) async fn with_window(
    streams: Streams,
    tty: bool,
    client: &Client,
    resized: &Resized<'_>,
    signals: &mut Signals,
    container: &str,
) -> Result<Ended, Error> {
    let mut window = if tty { Some(Window::watch()?) } else { None };
    let follow = async {
        match &mut window {
            Some(window) => window.follow(client, resized).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        ended = streams.run() => ended,
        error = signals.handle(client, container) => Err(error),
        never = follow => match never {},
    }
}
