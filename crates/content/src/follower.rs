//! Reads a blob while it is written.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::progress::{End, Progress};

/// The bytes of a blob from its beginning; waits for those that are still to come.
///
/// What is read was not verified: whether the bytes are those that were announced is known when the blob is whole.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    /// Opened with the first read: many may wait to be read.
    file: Option<File>,
    progress: Arc<Progress>,
    /// Bytes read.
    at: u64,
    /// Bytes known to be written.
    written: u64,
}

impl Follower {
    pub(crate) fn new(path: PathBuf, progress: Arc<Progress>) -> Self {
        let (at, written) = (0, 0);
        Self {
            path,
            file: None,
            progress,
            at,
            written,
        }
    }

    /// Waits until the blob is whole.
    ///
    /// # Errors
    /// When it was given up.
    pub fn wait_until_whole(&mut self) -> io::Result<()> {
        self.wait_beyond(u64::MAX)
    }

    fn wait_beyond(&mut self, seen: u64) -> io::Result<()> {
        let state = self.progress.beyond(seen);
        self.written = state.written;
        match state.end {
            Some(End::GivenUp) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the blob was given up",
            )),
            _ => Ok(()),
        }
    }
}

impl Read for Follower {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.written {
            self.wait_beyond(self.at)?;
        }
        let ready = usize::try_from(self.written - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(ready);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::open(&self.path)?),
        };
        let count = file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
