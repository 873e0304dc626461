//! What can go wrong with blobs.

use std::io;

use corten_types::{Digest, ErrorKind};

/// Result of this crate's calls.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the content store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such blob.
    #[error("blob {0} not found")]
    NotFound(Digest),
    /// What was written is not what was announced.
    #[error("unexpected commit digest {found}, expected {expected}")]
    Mismatch {
        /// Digest that was announced.
        expected: Digest,
        /// Digest of the bytes.
        found: Digest,
    },
    /// The disk is full.
    #[error("no space left on device")]
    NoSpace,
    /// The file system failed.
    #[error("content store: {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's word.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// The kind a status code is chosen by.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Mismatch { .. } => ErrorKind::Invalid,
            Self::NoSpace | Self::Io { .. } => ErrorKind::System,
        }
    }

    /// For `map_err`: an I/O error with what was being done.
    pub(crate) fn io<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| {
            let source = source.into();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
                _ => Self::Io { doing, source },
            }
        }
    }
}
