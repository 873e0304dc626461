//! What can go wrong with layers and writable directories.

use std::io;

use corten_types::{Digest, ErrorKind};

/// Result of this crate's calls.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of a snapshotter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such layer.
    #[error("layer {0} does not exist")]
    LayerNotFound(Digest),
    /// There is no such container snapshot.
    #[error("snapshot {0} does not exist")]
    NotFound(String),
    /// The key has a snapshot already.
    #[error("snapshot {0} already exists")]
    Exists(String),
    /// A key that cannot be a directory's name.
    #[error("invalid snapshot key {0:?}")]
    InvalidKey(String),
    /// The kernel would not take so many layers.
    #[error("max depth exceeded")]
    TooManyLayers,
    /// The disk is full.
    #[error("no space left on device")]
    NoSpace,
    /// The file system failed.
    #[error("snapshot store: {doing}")]
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
            Self::LayerNotFound(_) | Self::NotFound(_) => ErrorKind::NotFound,
            Self::Exists(_) => ErrorKind::Conflict,
            Self::InvalidKey(_) => ErrorKind::Invalid,
            Self::TooManyLayers | Self::NoSpace | Self::Io { .. } => ErrorKind::System,
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
