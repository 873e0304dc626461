//! What can go wrong with archives.

use std::io;

use corten_types::{ErrorKind, system_words};
use rustix::io::Errno;

/// Result of this crate's calls.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of reading, writing, packing or unpacking, in Docker's words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stream ends too early.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The archive is not what it should be.
    #[error("invalid archive: {0}")]
    Invalid(String),
    /// A tar header makes no sense.
    #[error("archive/tar: invalid tar header")]
    TarHeader,
    /// A path or link leads out of the tree.
    #[error("{0}")]
    Breakout(String),
    /// A directory would be replaced by something else, or the other way round.
    #[error("cannot overwrite {0}")]
    Overwrite(String),
    /// A compressed stream is damaged.
    #[error("invalid archive: damaged compressed data")]
    Compression(#[source] io::Error),
    /// Decompressing it would take too much memory.
    #[error("invalid archive: it is compressed with a window of more than 128 MiB")]
    Window,
    /// A file could not be made.
    #[error("{operation} {path}: {}", system_words(source))]
    Unpack {
        /// System call.
        operation: &'static str,
        /// The file, as in the archive.
        path: String,
        /// The system's word.
        source: io::Error,
    },
    /// A path is longer than any program could use; this is its beginning.
    #[error("cannot archive {0}...: file name too long")]
    LongPath(String),
    /// A file could not be read.
    #[error("{operation} {path}: {}", system_words(source))]
    Pack {
        /// System call.
        operation: &'static str,
        /// The file, as in the archive.
        path: String,
        /// The system's word.
        source: io::Error,
    },
    /// The disk is full.
    #[error("no space left on device")]
    NoSpace,
    /// Reading the stream failed.
    #[error("read archive: {}", system_words(.0))]
    Read(#[source] io::Error),
    /// Writing the stream failed, usually because its reader went away.
    #[error("write archive: {}", system_words(.0))]
    Write(#[source] io::Error),
}

impl Error {
    /// The kind a status code is chosen by.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnexpectedEof
            | Self::Invalid(_)
            | Self::TarHeader
            | Self::Breakout(_)
            | Self::Overwrite(_)
            | Self::Compression(_)
            | Self::Window
            | Self::LongPath(_) => ErrorKind::Invalid,
            Self::Unpack { source, .. } if is_about_names(source) => ErrorKind::Invalid,
            Self::Unpack { .. } | Self::Pack { .. } | Self::NoSpace | Self::Read(_) | Self::Write(_) => {
                ErrorKind::System
            }
        }
    }

    /// What the system said, if it was the system that failed.
    pub fn system(&self) -> Option<&io::Error> {
        match self {
            Self::Unpack { source, .. } | Self::Pack { source, .. } => Some(source),
            _ => None,
        }
    }

    /// An error of reading archive bytes: early ends and damaged compression are the sender's fault.
    pub fn read(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::UnexpectedEof,
            io::ErrorKind::OutOfMemory => Self::Window,
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Unsupported
            | io::ErrorKind::Other => Self::Compression(error),
            _ => Self::Read(error),
        }
    }

    /// An error of making the file `path`.
    pub(crate) fn unpack(operation: &'static str, path: &[u8], error: impl Into<io::Error>) -> Self {
        let source = error.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => Self::Unpack {
                operation,
                path: format!("/{}", String::from_utf8_lossy(path)),
                source,
            },
        }
    }

    /// An error of reading the file `path`.
    pub(crate) fn pack(operation: &'static str, path: &[u8], error: impl Into<io::Error>) -> Self {
        Self::Pack {
            operation,
            path: String::from_utf8_lossy(path).into_owned(),
            source: error.into(),
        }
    }
}

/// Whether what failed was bound to: no name, link or attribute like the archive's can be made, whatever the machine's state.
fn is_about_names(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::NAMETOOLONG
                | Errno::NOTDIR
                | Errno::NOENT
                | Errno::ISDIR
                | Errno::EXIST
                | Errno::LOOP
                | Errno::MLINK
                | Errno::INVAL
                | Errno::RANGE
                | Errno::TOOBIG
        )
    )
}
