//! A file kept only to be given up: its blocks let the records still be written, and above all deleted, on a full disk.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;

use rustix::fs::FallocateFlags;

/// Bytes kept back. A commit rewrites a few pages of 4 KiB; this is room for hundreds of removals.
const RESERVE_BYTES: u64 = 1024 * 1024;

/// The reserve of one store.
pub(crate) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    /// The reserve kept at `path`, made now unless the disk is too full for it.
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        let mut reserve = Self { path, held: false };
        reserve.refill()?;
        Ok(reserve)
    }

    /// Gives the space back; tells whether there was any to give.
    pub(crate) fn give_back(&mut self) -> io::Result<bool> {
        if !std::mem::take(&mut self.held) {
            return Ok(false);
        }
        fs::remove_file(&self.path)?;
        Ok(true)
    }

    /// Takes the space again after it was given back; a disk still full leaves it for another time.
    pub(crate) fn refill(&mut self) -> io::Result<()> {
        if self.held {
            return Ok(());
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES).map_err(io::Error::from)
        {
            Ok(()) => {
                self.held = true;
                Ok(())
            }
            Err(error) => {
                fs::remove_file(&self.path)?;
                match error.kind() {
                    // Without it we merely have no reserve, on a full disk or one whose file system cannot preallocate.
                    io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::Unsupported => Ok(()),
                    _ => Err(error),
                }
            }
        }
    }
}
