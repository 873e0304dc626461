//! Hears of changes that others make to our table.

use crate::NetworkError;
use crate::netlink::{Change, Changes};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// A thread that waits for somebody to flush, delete or change a table. Dropping it ends the thread.
pub(crate) struct Watch {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Calls `changed` whenever somebody other than the socket numbered `own` has changed the table, from now on, in the
    /// caller's network namespace.
    pub(crate) fn start(
        table: &str,
        own: u32,
        mut changed: impl FnMut() + Send + 'static,
    ) -> Result<Self, NetworkError> {
        let mut changes =
            Changes::open(table, own).map_err(NetworkError::system("watch the nf_tables table"))?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)
            .map_err(io::Error::from)
            .map_err(NetworkError::system("make an event descriptor"))?;
        let stop = Arc::new(stop);
        let stopped = Arc::clone(&stop);
        let thread = Builder::new()
            .name("table-watch".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || {
                while wait(&changes, &stopped) {
                    match changes.read() {
                        Change::Foreign => changed(),
                        Change::None => {}
                    }
                }
            })
            .map_err(NetworkError::system("start a thread"))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

/// Waits for news; false when it is time to stop.
fn wait(changes: &Changes, stop: &OwnedFd) -> bool {
    loop {
        let mut sources = [
            PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(changes.as_fd(), PollFlags::IN),
        ];
        match poll(&mut sources, None) {
            Err(Errno::INTR) => {}
            Ok(_) => return sources[0].revents().is_empty(),
            Err(error) => {
                tracing::error!(%error, "cannot watch the nf_tables table any longer");
                return false;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let told = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let (Ok(_), Some(thread)) = (told, self.thread.take())
            && thread.join().is_err()
        {
            tracing::error!("the thread that watches the nf_tables table panicked");
        }
    }
}
