//! Writable directories made ahead of time.
//!
//! Making the three directories of a container takes milliseconds on some file systems (ext4 without a journal looks for an
//! inode that was not freed lately); renaming ready ones takes microseconds on all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, Mode, RenameFlags};

use crate::background::Background;

/// Directories kept ready.
const SIZE: usize = 8;
/// How few are left when more are made, several at once.
const REFILL_AT: usize = 4;

/// Directories with an empty `upper` (0755, root's) and `work` each.
#[derive(Debug)]
pub(crate) struct Pool {
    dir: PathBuf,
    /// Number of the next one.
    next: AtomicU64,
    ready: Mutex<Vec<PathBuf>>,
}

impl Pool {
    /// A pool in the empty directory `dir`.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            next: AtomicU64::new(0),
            ready: Mutex::default(),
        }
    }

    /// Moves a ready directory to `target`, or makes one if none is ready. Fails with `EEXIST` if there is something.
    pub(crate) fn take(self: &Arc<Self>, target: &Path, background: &Background) -> rustix::io::Result<()> {
        let (ready, left) = {
            let mut list = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            (list.pop(), list.len())
        };
        let source = match ready {
            Some(source) => source,
            None => self.make()?,
        };
        let result = rustix::fs::renameat_with(CWD, &source, CWD, target, RenameFlags::NOREPLACE);
        if result.is_err() {
            self.ready
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(source);
        }
        // Exactly once per emptying, but also when a burst has outrun the background.
        if left == REFILL_AT || left == 0 {
            self.fill_later(background);
        }
        result
    }

    /// Makes missing directories in the background, before any removals that wait there: containers need them sooner.
    pub(crate) fn fill_later(self: &Arc<Self>, background: &Background) {
        let pool = Arc::clone(self);
        background.run_next(Box::new(move || {
            if let Err(error) = pool.fill() {
                // Whoever needs one makes it then, and is told if that fails, too.
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "cannot make directories ahead of time"
                );
            }
        }));
    }

    fn fill(&self) -> rustix::io::Result<()> {
        while self.ready.lock().unwrap_or_else(PoisonError::into_inner).len() < SIZE {
            let made = self.make()?;
            self.ready
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(made);
        }
        Ok(())
    }

    fn make(&self) -> rustix::io::Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(number.to_string());
        let made = make_all(&path);
        if made.is_err() {
            // Best effort on a file system that just failed; opening cleans up, too.
            drop(fs::remove_dir_all(&path));
        }
        made.map(|()| path)
    }
}

fn make_all(path: &Path) -> rustix::io::Result<()> {
    rustix::fs::mkdir(path, Mode::from_raw_mode(0o710))?;
    let upper = path.join("upper");
    rustix::fs::mkdir(&upper, Mode::from_raw_mode(0o755))?;
    // Whatever the process's file mode mask.
    rustix::fs::chmod(&upper, Mode::from_raw_mode(0o755))?;
    rustix::fs::mkdir(path.join("work"), Mode::from_raw_mode(0o711))
}
