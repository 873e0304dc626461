//! `attach`: joins the streams of a running container.

use corten_client::AttachOptions;

use super::start::with_window;
use crate::command::{Arity, Command, Outcome};
use crate::error::{CODE_ENGINE, Error};
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::session::{
    DetachKeys, Disposition, Ended, RawMode, Resized, Signals, Streams, stdin_is_terminal, window_size,
};

pub(crate) static COMMAND: Command = Command {
    about: "Attach local standard input, output, and error streams to a running container",
    usage: "[OPTIONS] CONTAINER",
    names: &["container attach", "attach"],
    flags: &[
        Flag::text(
            "detach-keys",
            "Override the key sequence for detaching a container",
        ),
        Flag::switch("no-stdin", "Do not attach STDIN"),
        Flag::switch("sig-proxy", "Proxy all received signals to the process").default("true"),
    ],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let keys = invocation.detach_keys()?;
        let detach_keys = DetachKeys::parse(keys.as_deref()).map_err(Error::plain)?;
        let client = invocation.connect().await?;
        let container = client.inspect_container(&matches.args[0]).await?;
        let state = &container.state;
        if !state.running {
            return Err(Error::plain(
                "cannot attach to a stopped container, start it first",
            ));
        }
        if state.paused {
            return Err(Error::plain(
                "cannot attach to a paused container, unpause it first",
            ));
        }
        if state.restarting {
            return Err(Error::plain(
                "cannot attach to a restarting container, wait until it is running",
            ));
        }
        let id = &container.id;
        let tty = container.config.tty;
        let stdin = !matches.on("no-stdin") && container.config.open_stdin;
        if tty && stdin && !stdin_is_terminal() {
            return Err(Error::plain("the input device is not a TTY"));
        }
        let disposition = if matches.on("sig-proxy") && !tty {
            Disposition::Forward
        } else {
            Disposition::Leave
        };
        let mut signals = Signals::catch(disposition)?;
        let options = AttachOptions {
            stdin,
            stdout: true,
            stderr: true,
            logs: false,
            detach_keys: keys,
        };
        let (hijacked, wait) = tokio::try_join!(
            client.attach_container(id, &options),
            client.wait_container(id, "not-running"),
        )?;
        let raw = if tty && stdin { RawMode::enter()? } else { None };
        let streams = Streams {
            hijacked,
            stdin,
            tty,
            detach_keys: tty.then_some(detach_keys),
        };
        if let Some((height, width)) = window_size().filter(|_| tty) {
            // Only a change makes a program show its prompt again to whoever has just come. The size told next is the right one.
            let _ = client
                .resize_container(id, height.saturating_add(1), width.saturating_add(1))
                .await;
        }
        let ended = with_window(streams, tty, &client, &Resized::Container(id), &mut signals, id).await?;
        drop(raw);
        match ended {
            Ended::Output => {
                let result = wait.result().await?;
                match result.error {
                    Some(error) => Err(Error::plain(error.message)),
                    None => Ok(i32::try_from(result.status_code).unwrap_or(CODE_ENGINE)),
                }
            }
            Ended::Detached => Err(Error::plain("read escape sequence")),
        }
    })
}
