//! Output to the log and to attached clients, input from them.

use std::mem::MaybeUninit;

use corten_shim_api::FrameKind;
use rustix::io::Errno;

use super::Supervisor;
use crate::client::MAX_QUEUE;
use crate::task::{Stream, Task};

/// Most that is read from a process at a time, in bytes.
const CHUNK: usize = 32 << 10;

/// What became of an attempt to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pumped {
    /// Something was passed on.
    Some,
    /// Nothing was there.
    Nothing,
    /// The stream has ended and is closed.
    End,
}

impl Supervisor {
    /// Whether a client that does not keep up holds up this process's output.
    pub(super) fn is_congested(&self, task: &Task) -> bool {
        // An ended process has no more to say than what is in its pipes already.
        task.exit_code().is_none()
            && self.clients.iter().any(|client| {
                client.queued() > MAX_QUEUE && client.attachment_to(task.exec.as_deref()).is_some()
            })
    }

    /// Passes on one piece of output.
    pub(super) fn pump(&mut self, pid: u32, stream: Stream) -> Pumped {
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let Some(task) = self.task(pid) else {
            return Pumped::End;
        };
        let exec = task.exec.clone();
        let Some(fd) = task.output(stream) else {
            return Pumped::End;
        };
        let bytes = match rustix::io::read(fd, &mut chunk) {
            Ok((bytes, _)) if !bytes.is_empty() => &*bytes,
            Err(Errno::AGAIN | Errno::INTR) => return Pumped::Nothing,
            // A terminal whose last user is gone answers EIO.
            Ok(_) | Err(_) => {
                task.close_output(stream);
                if exec.is_none()
                    && let Some(log) = &mut self.log
                {
                    log.finish(stream);
                }
                return Pumped::End;
            }
        };
        if exec.is_none()
            && let Some(log) = &mut self.log
        {
            log.write(stream, bytes);
        }
        let kind = match stream {
            Stream::Out => FrameKind::Stdout,
            Stream::Err => FrameKind::Stderr,
        };
        for client in &mut self.clients {
            let wanted = client
                .attachment_to(exec.as_deref())
                .is_some_and(|attachment| match stream {
                    Stream::Out => attachment.stdout,
                    Stream::Err => attachment.stderr,
                });
            if wanted {
                client.send_data(kind, bytes);
            }
        }
        Pumped::Some
    }

    /// Passes on everything that is there.
    pub(super) fn pump_all(&mut self, pid: u32) {
        for stream in [Stream::Out, Stream::Err] {
            while self.pump(pid, stream) == Pumped::Some {}
        }
    }
}
