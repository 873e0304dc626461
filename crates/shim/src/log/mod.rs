//! A container's log in the formats of Docker's `json-file` and `local` drivers.

mod buffered;
mod compress;
mod encode;
mod local;
mod log_file;
mod splitter;
mod timestamp;

use std::io;

use corten_shim_api::{Event, LogTarget};

use crate::task::Stream;
use buffered::Buffered;
use log_file::LogFile;

pub use buffered::write_log;
pub use compress::compress;
pub use timestamp::now_ns;

/// Where output is recorded.
#[derive(Debug)]
pub enum Log {
    /// The container waits for it.
    Direct(Box<LogFile>),
    /// It waits for nothing.
    Buffered(Buffered),
}

impl Log {
    /// Opens the log for appending, making it if needed.
    ///
    /// # Errors
    /// The file system's, or when no process can be started for it.
    pub fn open(target: &LogTarget) -> io::Result<Self> {
        match target.buffer {
            None => Ok(Self::Direct(Box::new(LogFile::open(target)?))),
            Some(size) => Buffered::open(target, size).map(Self::Buffered),
        }
    }

    /// Records output. Lines without an end yet are held back.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match self {
            Self::Direct(log) => log.write(stream, bytes),
            Self::Buffered(log) => log.write(stream, bytes),
        }
    }

    /// A stream has ended.
    pub fn finish(&mut self, stream: Stream) {
        match self {
            Self::Direct(log) => log.finish(stream),
            Self::Buffered(log) => log.finish(stream),
        }
    }

    /// What has changed about whether entries can be written, since the last call.
    pub fn take_news(&mut self) -> Option<Event> {
        match self {
            Self::Direct(log) => log.take_news(),
            Self::Buffered(log) => log.take_news(),
        }
    }

    /// Entries lost to failing writes since the last call. A log that nobody waits for may drop what it does not take.
    pub fn take_dropped(&mut self) -> u64 {
        match self {
            Self::Direct(log) => log.take_dropped(),
            Self::Buffered(_) => 0,
        }
    }
}
