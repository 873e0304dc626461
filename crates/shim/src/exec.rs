//! Running one more process in a container: cloned into its pid namespace and cgroup, entering the others by itself.

use std::convert::Infallible;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use corten_cgroup::{Cgroup, Joiner};
use corten_shim_api::{ErrorStage, ExecRequest};
use rustix::fs::Mode;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::channel::{Channel, Message};
use crate::client::ClientId;
use crate::failure::{Context, Result, chain, failure};
use crate::init::root::Root;
use crate::init::terminal::{Terminal, standard_streams};
use crate::launch::with_children_in;
use crate::process::{self, Program};
use crate::sys::{self, Cloned};
use crate::task::{Input, Phase, Pipes, Task, open_null};

/// Namespaces a process enters to be in the container; its pid namespace it is born in.
const ENTERED: i32 =
    libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC | libc::CLONE_NEWNET | libc::CLONE_NEWCGROUP;

/// What the new process works from.
struct Exec<'a> {
    request: &'a ExecRequest,
    container: &'a str,
    init: BorrowedFd<'a>,
    joiner: &'a Joiner,
    seccomp: Option<&'a [u8]>,
    streams: Option<[OwnedFd; 3]>,
    channel: Channel,
}

/// Starts a process beside `init`. It reports through its channel how it goes on.
///
/// # Errors
/// When it cannot even be cloned.
pub fn start(
    request: &ExecRequest,
    container: &str,
    init: BorrowedFd<'_>,
    cgroup: &Cgroup,
    reply_to: ClientId,
) -> Result<Task> {
    let seccomp = request
        .seccomp
        .as_deref()
        .map(|path| {
            std::fs::read(path).context(ErrorStage::Rights, || {
                format!("open seccomp program {}", path.display())
            })
        })
        .transpose()?;
    let joiner = cgroup
        .join_fds()
        .map_err(|error| failure(ErrorStage::Cgroup, chain(&error)))?;
    let terminal = request.process.terminal() == Some(true);
    let (mut input, mut out, mut err, mut streams) = (None, None, None, None);
    if !terminal {
        let opened = if request.attach {
            Pipes::open(request.stdin).map(|pipes| {
                (input, out, err, streams) =
                    (pipes.input, Some(pipes.out), Some(pipes.err), Some(pipes.child));
            })
        } else {
            null_streams().map(|nulls| streams = Some(nulls))
        };
        opened.context(ErrorStage::Spec, || "open pipes".into())?;
    }
    let (channel, childs_channel) = Channel::pair().context(ErrorStage::Namespace, || "socketpair".into())?;
    let exec = Exec {
        request,
        container,
        init,
        joiner: &joiner,
        seccomp: seccomp.as_deref(),
        streams,
        channel: childs_channel,
    };
    let (pid, pidfd) = with_children_in(init, || {
        // SAFETY: the shim has one thread, and `run` never returns.
        match unsafe { sys::clone_process(0, joiner.clone_into()) }? {
            Cloned::Parent { pid, pidfd } => Ok((pid, pidfd)),
            Cloned::Child => exec.run(),
        }
    })
    .context(ErrorStage::Namespace, || "exec failed: clone".into())?;
    Ok(Task {
        exec: Some(request.id.clone()),
        pid,
        pidfd,
        phase: Phase::Starting {
            channel,
            executing: false,
            reply_to,
        },
        input: Input {
            open: input.is_some() || (terminal && request.stdin),
            pipe: input,
            ..Input::default()
        },
        terminal: None,
        out,
        err,
        drain_until_ns: None,
    })
}

fn null_streams() -> std::result::Result<[OwnedFd; 3], rustix::io::Errno> {
    Ok([open_null()?, open_null()?, open_null()?])
}

impl Exec<'_> {
    fn run(&self) -> ! {
        let Err(failed) = self.try_run();
        self.channel.send(&Message::Failed(failed));
        sys::exit_now(1)
    }

    fn try_run(&self) -> Result<Infallible> {
        let process = &self.request.process;
        rustix::process::umask(Mode::empty());
        sys::reset_signals();
        rustix::process::setsid().context(ErrorStage::Namespace, || "setsid".into())?;
        set_parent_process_death_signal(Some(Signal::KILL))
            .context(ErrorStage::Namespace, || "prctl".into())?;
        process::prepare(process)?;
        if self.joiner.clone_into().is_none() {
            self.joiner
                .join_self()
                .context(ErrorStage::Cgroup, || "exec failed: join cgroup".into())?;
        }
        sys::enter_namespaces(self.init, ENTERED).context(ErrorStage::Namespace, || {
            "exec failed: join the container's namespaces".into()
        })?;
        // Nothing of the shim's stays open once its process can be seen in the container.
        let mut keep = vec![self.channel.as_fd().as_raw_fd()];
        keep.extend(self.streams.iter().flatten().map(AsRawFd::as_raw_fd));
        // SAFETY: this child never returns to the owners of the other descriptors.
        unsafe { sys::close_all_but(&mut keep) };

        match &self.streams {
            Some(streams) => standard_streams(streams.each_ref().map(AsFd::as_fd))
                .context(ErrorStage::Mount, || "connect standard streams".into())?,
            None => self.open_terminal()?,
        }
        let program = Program {
            container: self.container,
            process,
            groups: &self.request.groups,
            init: None,
            seccomp: self.seccomp,
        };
        process::become_program(&program, self.streams.is_some(), &self.channel)
    }

    fn open_terminal(&self) -> Result<()> {
        let root = Root::open(Path::new("/")).context(ErrorStage::Mount, || "open /".into())?;
        let terminal = Terminal::open(&root, self.request.size)?;
        terminal.become_standard_streams()?;
        self.channel.send(&Message::Terminal(terminal.master));
        Ok(())
    }
}
