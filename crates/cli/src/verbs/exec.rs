//! `exec`: runs a further command in a container.

use corten_wire::{ExecCreateRequest, ExecStartRequest};

use super::start::with_window;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::invocation::Invocation;
use crate::session::{
    DetachKeys, Disposition, Ended, RawMode, Resized, Signals, Streams, stdin_is_terminal, window_size,
};
use crate::spec::{self, Surroundings};

pub(crate) static COMMAND: Command = Command {
    about: "Execute a command in a running container",
    usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
    names: &["container exec", "exec"],
    flags: &[
        Flag::switch("detach", "Detached mode: run command in the background").short('d'),
        Flag::text(
            "detach-keys",
            "Override the key sequence for detaching a container",
        ),
        Flag::list("env", "Set environment variables")
            .short('e')
            .check(spec::variable),
        Flag::list("env-file", "Read in a file of environment variables"),
        Flag::switch("interactive", "Keep STDIN open even if not attached").short('i'),
        Flag::switch("privileged", "Give extended privileges to the command"),
        Flag::switch("tty", "Allocate a pseudo-TTY").short('t'),
        Flag::text("user", "Username or UID (format: \"<name|uid>[:<group|gid>]\")").short('u'),
        Flag::text("workdir", "Working directory inside the container").short('w'),
    ],
    arity: Arity::AtLeast(2),
    interspersed: false,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let detach = matches.on("detach");
        let tty = matches.on("tty");
        let stdin = matches.on("interactive") && !detach;
        let keys = invocation.detach_keys()?;
        // Who is not attached has nothing to detach from: no word about keys is wrong then.
        let detach_keys = (!detach)
            .then(|| DetachKeys::parse(keys.as_deref()))
            .transpose()
            .map_err(Error::plain)?;
        let env = spec::exec_env(matches, &Surroundings::real()?).map_err(Error::plain)?;
        if tty && stdin && !stdin_is_terminal() {
            return Err(Error::plain("the input device is not a TTY"));
        }
        let console_size = window_size()
            .filter(|_| tty)
            .map(|(height, width)| [height.into(), width.into()]);
        let container = &matches.args[0];
        let client = invocation.connect().await?;
        let exec = client
            .create_exec(
                container,
                &ExecCreateRequest {
                    user: matches.text("user").unwrap_or_default().to_owned(),
                    privileged: matches.on("privileged"),
                    tty,
                    console_size,
                    attach_stdin: stdin,
                    attach_stderr: !detach,
                    attach_stdout: !detach,
                    detach_keys: keys.unwrap_or_default(),
                    detach,
                    env: (!env.is_empty()).then_some(env),
                    working_dir: matches.text("workdir").unwrap_or_default().to_owned(),
                    cmd: Some(matches.args[1..].to_vec()),
                },
            )
            .await?;
        let request = ExecStartRequest {
            detach,
            tty,
            console_size,
        };
        if detach {
            client.start_exec_detached(&exec, &request).await?;
            return Ok(0);
        }
        // Without a terminal a signal ends this process and leaves the command alone, as with Docker: nothing to catch.
        let raw = if tty && stdin { RawMode::enter()? } else { None };
        let hijacked = client.start_exec(&exec, &request).await?;
        let streams = Streams {
            hijacked,
            stdin,
            tty,
            detach_keys: detach_keys.filter(|_| tty && stdin),
        };
        let ended = if raw.is_some() {
            let mut signals = Signals::catch(Disposition::Leave)?;
            with_window(
                streams,
                tty,
                &client,
                &Resized::Exec(&exec),
                &mut signals,
                container,
            )
            .await?
        } else {
            streams.run().await?
        };
        drop(raw);
        if ended == Ended::Detached {
            return Err(Error::plain("read escape sequence"));
        }
        let result = client.inspect_exec(&exec).await?;
        Ok(result
            .exit_code
            .and_then(|code| i32::try_from(code).ok())
            .unwrap_or(0))
    })
}
