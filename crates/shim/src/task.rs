//! A process the shim is parent of, with the shim's ends of its standard streams.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use corten_shim_api::RuntimeFailure;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::channel::Channel;
use crate::client::ClientId;

/// How far a process is.
#[derive(Debug)]
pub enum Phase {
    /// Cloned; waits for the order to go on.
    Waiting(Channel),
    /// Could not be made; nobody has been told yet.
    Broken(RuntimeFailure),
    /// On its way to its program.
    Starting {
        /// The line to it.
        channel: Channel,
        /// Whether it said that execve comes next.
        executing: bool,
        /// Who is to hear how it went.
        reply_to: ClientId,
    },
    /// Runs its program.
    Running,
    /// Ended; its output may not be drained yet.
    Exited {
        /// Exit code as Docker counts.
        code: i32,
        /// Nanoseconds since the epoch.
        at_ns: i64,
    },
}

/// One of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or the terminal's.
    Out,
    /// Standard error.
    Err,
}

/// The process.
#[derive(Debug)]
pub struct Task {
    /// The exec's identifier; `None` for the init.
    pub exec: Option<String>,
    /// As the host numbers it.
    pub pid: u32,
    /// For waiting and signalling.
    pub pidfd: OwnedFd,
    /// How far it is.
    pub phase: Phase,
    /// Where input goes.
    pub input: Input,
    /// A terminal's master, for reading output and setting the size.
    pub terminal: Option<OwnedFd>,
    /// The read end of standard output.
    pub out: Option<OwnedFd>,
    /// The read end of standard error.
    pub err: Option<OwnedFd>,
    /// When draining is given up, in nanoseconds of the monotonic clock; set when the process has ended.
    pub drain_until_ns: Option<i64>,
}

/// A process's standard input.
#[derive(Debug, Default)]
pub struct Input {
    /// The write end of its pipe; `None` if it has none (any more) or has a terminal.
    pub pipe: Option<OwnedFd>,
    /// Whether input can arrive at all: the pipe is open, or there is or will be a terminal.
    pub open: bool,
    /// What did not fit yet.
    pub pending: Vec<u8>,
    /// Close once nothing is pending.
    pub ends: bool,
}

/// The shim's ends of the pipes, and the child's.
#[derive(Debug)]
pub struct Pipes {
    /// Write end of standard input.
    pub input: Option<OwnedFd>,
    /// Read end of standard output.
    pub out: OwnedFd,
    /// Read end of standard error.
    pub err: OwnedFd,
    /// What the child gets.
    pub child: [OwnedFd; 3],
}

impl Pipes {
    /// Opens pipes for output and error, and for input if wanted; otherwise input is `/dev/null`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(with_input: bool) -> Result<Self, Errno> {
        let (out, child_out) = pipe_with(PipeFlags::CLOEXEC)?;
        let (err, child_err) = pipe_with(PipeFlags::CLOEXEC)?;
        let (child_in, input) = if with_input {
            let (child, own) = pipe_with(PipeFlags::CLOEXEC)?;
            (child, Some(own))
        } else {
            (open_null()?, None)
        };
        for own in [Some(&out), Some(&err), input.as_ref()].into_iter().flatten() {
            set_nonblocking(own)?;
        }
        Ok(Self {
            input,
            out,
            err,
            child: [child_in, child_out, child_err],
        })
    }
}

/// Opens the host's null device.
///
/// # Errors
/// The kernel's.
pub fn open_null() -> Result<OwnedFd, Errno> {
    use rustix::fs::{Mode, OFlags, open};
    open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
}

/// Makes reads and writes of the shim's end return instead of waiting. The process's end is another open file.
///
/// # Errors
/// The kernel's.
pub fn set_nonblocking(fd: impl AsFd) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags | rustix::fs::OFlags::NONBLOCK)
}

impl Task {
    /// The descriptor a stream is read from.
    pub fn output(&self, stream: Stream) -> Option<BorrowedFd<'_>> {
        match stream {
            Stream::Out => self.terminal.as_ref().or(self.out.as_ref()),
            Stream::Err => self.err.as_ref(),
        }
        .map(AsFd::as_fd)
    }

    /// Whether nothing more can be read.
    pub fn is_drained(&self) -> bool {
        self.output(Stream::Out).is_none() && self.output(Stream::Err).is_none()
    }

    /// Closes what a stream is read from.
    pub fn close_output(&mut self, stream: Stream) {
        match stream {
            Stream::Out => {
                self.terminal = None;
                self.out = None;
            }
            Stream::Err => self.err = None,
        }
    }

    /// The exit code, if the process has ended.
    pub fn exit_code(&self) -> Option<i32> {
        match self.phase {
            Phase::Exited { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether its program was started.
    pub fn has_started(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Exited { .. })
    }

    /// Reaps the process if it has ended: its exit code as Docker counts.
    pub fn reap(&self, wait: bool) -> Option<i32> {
        let options = if wait {
            WaitIdOptions::EXITED
        } else {
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG
        };
        loop {
            return match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
                Ok(None) => None,
                Ok(Some(status)) => Some(match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => code,
                    (None, Some(signal)) => corten_shim_api::exit_code_of_signal(signal),
                    (None, None) => 255,
                }),
                Err(Errno::INTR) => continue,
                // Only if someone else reaped it, which nobody can.
                Err(_) => Some(255),
            };
        }
    }

    /// Takes input; what does not fit at once is kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.input.open && !self.input.ends {
            self.input.pending.extend_from_slice(bytes);
            self.push_input();
        }
    }

    /// Writes pending input until the process takes no more.
    pub fn push_input(&mut self) {
        let mut written = 0;
        while written < self.input.pending.len() {
            let Some(fd) = self.terminal.as_ref().or(self.input.pipe.as_ref()) else {
                break;
            };
            match rustix::io::write(fd, &self.input.pending[written..]) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    // Nobody reads any more.
                    self.input = Input::default();
                    return;
                }
            }
        }
        if written == self.input.pending.len() {
            self.input.pending = Vec::new();
        } else {
            self.input.pending.drain(..written);
        }
        if self.input.ends && self.input.pending.is_empty() {
            self.input = Input::default();
        }
    }

    /// Ends standard input once what is pending was taken. A terminal has no end but its own.
    pub fn end_input(&mut self) {
        if self.input.pipe.is_some() {
            self.input.ends = true;
            self.push_input();
        }
    }
}
