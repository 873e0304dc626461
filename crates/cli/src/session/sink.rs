//! Standard output and error as the end of a stream: never blocks the session, needs no thread where nothing blocks.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A pipe that polls as writable takes this much without blocking (POSIX's `PIPE_BUF` on Linux).
const ATOMIC: usize = 4096;

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standard {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Where a stream of a container goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sink(Standard);

impl Sink {
    /// The process's own stream.
    pub(crate) fn new(standard: Standard) -> Self {
        Self(standard)
    }

    /// Writes everything.
    pub(crate) async fn write(self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if !self.is_writable(Some(&Timespec::default()))? {
                tokio::task::spawn_blocking(move || self.is_writable(None)).await??;
            }
            match rustix::io::write(self.fd(), &bytes[..bytes.len().min(ATOMIC)]) {
                Ok(written) => bytes = &bytes[written..],
                // The stream is shared with a process that made it non-blocking.
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes everything, and holds up the whole process meanwhile: for who has nothing else to do than that.
    pub(crate) fn write_waiting(self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(self.fd(), bytes) {
                Ok(written) => bytes = &bytes[written..],
                // The stream is shared with a process that made it non-blocking.
                Err(rustix::io::Errno::AGAIN) => {
                    self.is_writable(None)?;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn fd(self) -> BorrowedFd<'static> {
        match self.0 {
            Standard::Output => rustix::stdio::stdout(),
            Standard::Error => rustix::stdio::stderr(),
        }
    }

    fn is_writable(self, timeout: Option<&Timespec>) -> io::Result<bool> {
        let fd = self.fd();
        let mut polled = [PollFd::new(&fd, PollFlags::OUT)];
        match poll(&mut polled, timeout) {
            // An error on the descriptor is for the write to report.
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
