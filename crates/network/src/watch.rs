//! Hears of changes that others make to our tables, and to their own.

use crate::NetworkError;
use crate::netlink::{Changes, News};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A firewall that is loaded changes many times: it is looked at when nothing has happened for so long, ...
const QUIET: Duration = Duration::from_millis(20);
/// ... or when it has gone on for so long.
const AT_LAST: Duration = Duration::from_millis(500);
/// How long two who undo each other's changes are kept from it, at most; twice as long each time.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is to be done about news.
pub(crate) trait Watcher: Send + 'static {
    /// Somebody else has changed our tables.
    fn ours_changed(&mut self);
    /// Somebody else has changed chains or rules of theirs, and has finished for now. Whether that made us change them.
    fn theirs_changed(&mut self) -> bool;
}

/// A thread that waits for news. Dropping it ends the thread.
pub(crate) struct Watch {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Tells the watcher of what others than the socket numbered `own` do, from now on, in the caller's network namespace.
    pub(crate) fn start(table: &str, own: u32, watcher: impl Watcher) -> Result<Self, NetworkError> {
        let changes =
            Changes::open(table, own).map_err(NetworkError::system("watch the nf_tables tables"))?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)
            .map_err(io::Error::from)
            .map_err(NetworkError::system("make an event descriptor"))?;
        let stop = Arc::new(stop);
        let stopped = Arc::clone(&stop);
        let thread = Builder::new()
            .name("table-watch".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || watch(changes, &stopped, watcher))
            .map_err(NetworkError::system("start a thread"))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

/// When others' chains are to be looked at next.
#[derive(Default)]
struct Due {
    /// When the present burst began, and when it was last heard of.
    burst: Option<(Instant, Instant)>,
    /// Not before this.
    held_until: Option<Instant>,
    pause: Duration,
}

impl Due {
    fn heard(&mut self, now: Instant) {
        let (began, _) = self.burst.unwrap_or((now, now));
        self.burst = Some((began, now));
    }

    /// The moment, if there is anything to look at.
    fn at(&self) -> Option<Instant> {
        let (began, last) = self.burst?;
        let due = (last + QUIET).min(began + AT_LAST);
        Some(self.held_until.map_or(due, |held| held.max(due)))
    }

    /// It was looked, and had to be changed or not. Who changes something again and again has to wait longer and longer.
    fn looked(&mut self, now: Instant, changed: bool) {
        self.burst = None;
        if !changed {
            return;
        }
        let was_calm = self.held_until.is_none_or(|held| now > held + LONGEST_PAUSE);
        self.pause = match was_calm {
            true => QUIET,
            false => (self.pause * 2).min(LONGEST_PAUSE),
        };
        self.held_until = Some(now + self.pause);
    }
}

fn watch(mut changes: Changes, stop: &OwnedFd, mut watcher: impl Watcher) {
    let mut due = Due::default();
    while wait(&changes, stop, due.at()) {
        let News { ours, theirs } = changes.read();
        if ours {
            watcher.ours_changed();
        }
        let now = Instant::now();
        if theirs {
            due.heard(now);
        }
        if due.at().is_some_and(|at| at <= now) {
            let changed = watcher.theirs_changed();
            due.looked(now, changed);
        }
    }
}

/// Waits for news, or until the moment; false when it is time to stop.
fn wait(changes: &Changes, stop: &OwnedFd, until: Option<Instant>) -> bool {
    loop {
        let mut sources = [
            PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(changes.as_fd(), PollFlags::IN),
        ];
        let timeout = until.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        match poll(&mut sources, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            Ok(_) => return sources[0].revents().is_empty(),
            Err(error) => {
                tracing::error!(%error, "cannot watch the nf_tables tables any longer");
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
            tracing::error!("the thread that watches the nf_tables tables panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_looked_at_when_it_is_over() {
        let start = Instant::now();
        let mut due = Due::default();
        assert_eq!(due.at(), None);
        due.heard(start);
        due.heard(start + QUIET / 2);
        assert_eq!(due.at(), Some(start + QUIET / 2 + QUIET));
        due.heard(start + AT_LAST);
        assert_eq!(due.at(), Some(start + AT_LAST));
        due.looked(start + AT_LAST, false);
        assert_eq!(due.at(), None);
    }

    #[test]
    fn who_undoes_each_others_changes_slows_down() {
        let mut now = Instant::now();
        let mut due = Due::default();
        let mut pauses = Vec::new();
        for _ in 0..20 {
            due.heard(now);
            let at = due.at().unwrap();
            pauses.push(at - now);
            now = at;
            due.looked(now, true);
        }
        assert!(pauses.is_sorted() && pauses[19] == LONGEST_PAUSE, "{pauses:?}");
        now += LONGEST_PAUSE * 3;
        due.heard(now);
        assert_eq!(due.at(), Some(now + QUIET));
        due.looked(now + QUIET, true);
        due.heard(now + QUIET);
        assert!(due.at().unwrap() - now < QUIET * 3);
    }
}
