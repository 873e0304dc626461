//! One running container: requests to its shim, and the events that come back.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use corten_shim_api::{
    EXIT_FILE_NAME, Event, ExecRequest, ExitRecord, FrameKind, GROUPS_SINCE, Request, ResolverSockets,
    Response, SOCKET_NAME,
};
use corten_types::ContainerId;
use oci_spec::runtime::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::shim_process;
use crate::streams::{Streams, read_frame, receive, send};

/// How long an init that has begun to end may take to: it waits for all other processes of the container.
const END: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 500_000_000,
};

/// A handle on a running container; cheap to clone, harmless to drop.
#[derive(Debug, Clone)]
pub struct Sandbox {
    id: ContainerId,
    pid: u32,
    /// The protocol version its shim speaks.
    version: u32,
    run_dir: PathBuf,
    cgroup: Option<String>,
}

/// Something that happened in a container.
#[derive(Debug, Clone)]
pub struct SandboxEvent {
    /// The container.
    pub id: ContainerId,
    /// What happened.
    pub kind: SandboxEventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SandboxEventKind {
    /// The process of an exec ended.
    ExecExited {
        /// The exec.
        exec: String,
        /// Its exit code.
        code: i32,
    },
    /// The kernel killed a process for want of memory.
    OutOfMemory,
    /// Its log cannot be written any more; the reason.
    LogFailed(String),
    /// So many entries were dropped, since its log did not take them in time.
    LogDropped(u64),
    /// Its log is written again; the number of entries lost meanwhile.
    LogResumed(u64),
    /// The container ended in good order: its log is complete, its cgroups are gone.
    Exited(ExitRecord),
    /// The shim went away without a word; [`crate::Sandboxes::clear`] must clean up.
    Lost,
}

/// A process to run beside the init.
#[derive(Debug, Clone)]
pub struct ExecOrder {
    /// Identifier of the exec.
    pub id: String,
    /// The process, from [`crate::spec::process`].
    pub process: Process,
    /// Its compiled system call filter.
    pub seccomp: Option<PathBuf>,
    /// Become the client of its streams.
    pub attach: bool,
    /// Forward input.
    pub stdin: bool,
    /// Initial terminal size (columns, rows).
    pub size: (u16, u16),
    /// Names of groups beyond those of its user, looked up in the container.
    pub groups: Vec<String>,
}

/// A running exec.
#[derive(Debug)]
pub struct ExecStarted {
    /// Its process identifier on the host.
    pub pid: u32,
    /// Its streams, if asked for.
    pub streams: Option<Streams>,
}

impl Sandbox {
    pub(crate) fn new(
        id: ContainerId,
        pid: u32,
        version: u32,
        run_dir: PathBuf,
        cgroup: Option<String>,
    ) -> Self {
        Self {
            id,
            pid,
            version,
            run_dir,
            cgroup,
        }
    }

    /// The init's process identifier on the host.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The path of its cgroup, unless its run directory no longer tells.
    pub fn cgroup(&self) -> Option<&str> {
        self.cgroup.as_deref()
    }

    pub(crate) fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Becomes a client of the container's streams.
    ///
    /// # Errors
    /// When the shim is gone.
    pub async fn attach(&self, stdin: bool, stdout: bool, stderr: bool) -> Result<Streams> {
        let mut socket = connect(&self.run_dir).await?;
        match ask(
            &mut socket,
            &Request::Attach {
                stdin,
                stdout,
                stderr,
            },
        )
        .await?
        {
            Response::Ok => Ok(Streams::new(socket)),
            other => Err(unexpected(other)),
        }
    }

    /// Runs a process beside the init.
    ///
    /// # Errors
    /// When the program cannot be run, or the shim is gone.
    pub async fn exec(&self, order: ExecOrder) -> Result<ExecStarted> {
        let ExecOrder {
            id,
            process,
            seccomp,
            attach,
            stdin,
            size,
            groups,
        } = order;
        if !groups.is_empty() && self.version < GROUPS_SINCE {
            return Err(Error::Unsupported(format!(
                "container {} was started by an older release, which cannot look up groups by name: restart the container",
                self.id.short()
            )));
        }
        let request = Request::Exec(Box::new(ExecRequest {
            id,
            process,
            seccomp,
            attach,
            stdin,
            size,
            groups,
        }));
        let mut socket = connect(&self.run_dir).await?;
        match ask(&mut socket, &request).await? {
            Response::Started { pid } => Ok(ExecStarted {
                pid,
                streams: attach.then(|| Streams::new(socket)),
            }),
            Response::Failed(failure) => Err(Error::Exec(failure)),
            other => Err(unexpected(other)),
        }
    }

    /// Sends a signal to the init, or to an exec's process.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub async fn signal(&self, exec: Option<&str>, signal: i32) -> Result<()> {
        self.command(&Request::Signal {
            exec: exec.map(str::to_owned),
            signal,
            group: false,
        })
        .await
    }

    /// Whether the container's init has ended, be it a moment ago and nobody told yet.
    pub async fn has_ended(&self) -> bool {
        // Its parent, the shim, knows it as long as it has not taken note of the end, which the kernel tells earlier.
        is_over(self.pid, &Timespec::default()) || self.signal(None, 0).await.is_err()
    }

    /// The same after something has failed, which it does as soon as the init begins to end: waits a moment for that.
    pub async fn is_ending(&self) -> bool {
        if self.has_ended().await {
            return true;
        }
        let pid = self.pid;
        tokio::task::spawn_blocking(move || is_over(pid, &END))
            .await
            .unwrap_or(false)
    }

    /// Kills an exec's process with all of its process group; with a shim of an older release, the process alone.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub async fn kill_exec(&self, exec: &str) -> Result<()> {
        self.command(&Request::Signal {
            exec: Some(exec.to_owned()),
            signal: rustix::process::Signal::KILL.as_raw(),
            group: self.version >= GROUPS_SINCE,
        })
        .await
    }

    /// Sets the size of the init's or an exec's terminal.
    ///
    /// # Errors
    /// When there is no such terminal.
    pub async fn resize(&self, exec: Option<&str>, columns: u16, rows: u16) -> Result<()> {
        self.command(&Request::Resize {
            exec: exec.map(str::to_owned),
            columns,
            rows,
        })
        .await
    }

    /// Lets the shim answer queries on these sockets, for UDP and TCP, from now on, as [`crate::Sandboxes::write_resolver`] says.
    ///
    /// # Errors
    /// When the shim is gone, or of a release that cannot.
    pub async fn resolve(&self, udp: BorrowedFd<'_>, tcp: BorrowedFd<'_>) -> Result<()> {
        self.command(&Request::Resolve(ResolverSockets {
            pid: std::process::id(),
            udp: udp.as_raw_fd(),
            tcp: tcp.as_raw_fd(),
        }))
        .await
    }

    /// Waits until everything the container wrote so far stands in its log.
    ///
    /// # Errors
    /// When the shim is gone.
    pub async fn flush_log(&self) -> Result<()> {
        self.command(&Request::FlushLog).await
    }

    async fn command(&self, request: &Request) -> Result<()> {
        let mut socket = connect(&self.run_dir).await?;
        match ask(&mut socket, request).await? {
            Response::Ok => Ok(()),
            other => Err(unexpected(other)),
        }
    }
}

/// Connects to the shim of a run directory, however long the directory's path is.
pub(crate) async fn connect(run_dir: &Path) -> std::io::Result<UnixStream> {
    let dir = rustix::fs::open(
        run_dir,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    UnixStream::connect(format!("/proc/self/fd/{}/{SOCKET_NAME}", dir.as_raw_fd())).await
}

/// One request, one answer.
pub(crate) async fn ask(socket: &mut UnixStream, request: &Request) -> Result<Response> {
    send(socket, FrameKind::Request, request).await?;
    Ok(receive(socket, FrameKind::Response).await?)
}

pub(crate) fn unexpected(answer: Response) -> Error {
    match answer {
        Response::Error { message } => Error::Refused(message),
        other => Error::Refused(format!("unexpected answer of the shim: {other:?}")),
    }
}

/// Whether there is no process of this number, or all its threads end within `patience`.
fn is_over(pid: u32, patience: &Timespec) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return true;
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => {
            let mut polled = [PollFd::new(&process, PollFlags::IN)];
            poll(&mut polled, Some(patience)).is_ok_and(|ended| ended > 0)
        }
        Err(error) => error == Errno::SRCH,
    }
}

/// Reads the exit record of a run directory, if the container has ended.
pub(crate) fn exit_record(run_dir: &Path) -> Option<ExitRecord> {
    let text = std::fs::read(run_dir.join(EXIT_FILE_NAME)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Passes on a shim's events until it ends, then reaps it if it is a child of this process.
pub(crate) async fn follow(
    sandbox: Sandbox,
    mut control: UnixStream,
    events: mpsc::UnboundedSender<SandboxEvent>,
    child: Option<Pid>,
) {
    let tell = |kind| {
        // The receiver is only gone while the daemon shuts down; the next one finds the exit record.
        let _received = events.send(SandboxEvent {
            id: sandbox.id.clone(),
            kind,
        });
    };
    let end = loop {
        match read_frame(&mut control).await {
            Ok(Some(frame)) => match frame.json::<Event>() {
                Ok(Event::ExecExited { exec, code }) => tell(SandboxEventKind::ExecExited { exec, code }),
                Ok(Event::OutOfMemory) => tell(SandboxEventKind::OutOfMemory),
                Ok(Event::LogFailed { reason }) => tell(SandboxEventKind::LogFailed(reason)),
                Ok(Event::LogDropped { lost }) => tell(SandboxEventKind::LogDropped(lost)),
                Ok(Event::LogResumed { lost }) => tell(SandboxEventKind::LogResumed(lost)),
                Ok(Event::Exited(record)) => break Some(record),
                Err(error) => tracing::warn!(%error, id = %sandbox.id, "a shim sent nonsense"),
            },
            Ok(None) | Err(_) => break exit_record(&sandbox.run_dir),
        }
    };
    tell(end.map_or(SandboxEventKind::Lost, SandboxEventKind::Exited));
    drop(control);
    if let Some(pid) = child {
        shim_process::reap(pid).await;
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_over_before_it_is_reaped() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        assert!(!is_over(pid, &Timespec::default()));
        drop(child.stdin.take());
        let mut out = child.stdout.take().unwrap();
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        poll(&mut [PollFd::new(&process, PollFlags::IN)], None).unwrap();
        assert!(is_over(pid, &Timespec::default()), "though it is a zombie still");
        child.wait().unwrap();
        assert!(is_over(pid, &Timespec::default()));
    }
}
