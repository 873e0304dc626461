//! What can go wrong with images.

use std::io;

use corten_types::{Digest, ErrorKind, InvalidReference};

/// Result of this crate's calls.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of an image operation, in Docker's words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No image has this name, id or prefix of an id.
    #[error("No such image: {0}")]
    NotFound(String),
    /// The name is no reference.
    #[error(transparent)]
    Reference(#[from] InvalidReference),
    /// A digest cannot be the target of a tag.
    #[error("refusing to create a tag with a digest reference")]
    TagWithDigest,
    /// Removing is not possible, or only with force.
    #[error("conflict: unable to {0}")]
    Conflict(String),
    /// The archive ends too early.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The archive is not what it should be.
    #[error("invalid archive: {0}")]
    Archive(String),
    /// A tar header makes no sense.
    #[error("archive/tar: invalid tar header")]
    TarHeader,
    /// A path or link of a layer leads out of the root filesystem.
    #[error("{0}")]
    Breakout(String),
    /// A compressed stream is damaged.
    #[error("invalid archive: damaged compressed data")]
    Compression(#[source] io::Error),
    /// A JSON document of an archive or of the store does not read.
    #[error("invalid archive: malformed {what}")]
    Json {
        /// Which document.
        what: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A layer's uncompressed bytes are not what the image's configuration says.
    #[error("invalid diffID for layer {number}: expected {expected}, got {found}")]
    DiffId {
        /// Position of the layer, the lowest being 0.
        number: usize,
        /// Digest in the configuration.
        expected: Digest,
        /// Digest of the bytes.
        found: Digest,
    },
    /// The image is for another operating system or machine.
    #[error("{0}")]
    Platform(String),
    /// A file of a layer could not be made.
    #[error("failed to register layer: {operation} {path}")]
    Unpack {
        /// System call.
        operation: &'static str,
        /// The file, as in the image.
        path: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The disk is full.
    #[error("no space left on device")]
    NoSpace,
    /// Reading the archive failed.
    #[error("read archive")]
    Read(#[source] io::Error),
    /// The content store failed.
    #[error(transparent)]
    Content(#[from] corten_content::Error),
    /// The snapshotter failed.
    #[error(transparent)]
    Snapshot(#[from] corten_snapshot::Error),
    /// The metadata store failed.
    #[error(transparent)]
    Metadata(#[from] corten_metadata::Error),
    /// A record of the store contradicts another; the store was damaged from outside.
    #[error("image store is damaged: {0}")]
    Damaged(String),
}

impl Error {
    /// The kind a status code is chosen by.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Conflict(_) => ErrorKind::Conflict,
            Self::Reference(_)
            | Self::TagWithDigest
            | Self::UnexpectedEof
            | Self::Archive(_)
            | Self::TarHeader
            | Self::Breakout(_)
            | Self::Compression(_)
            | Self::Json { .. }
            | Self::DiffId { .. }
            | Self::Platform(_) => ErrorKind::Invalid,
            Self::Content(error) => error.kind(),
            Self::Snapshot(error) => error.kind(),
            Self::Metadata(error) => error.kind(),
            Self::Unpack { .. } | Self::NoSpace | Self::Read(_) | Self::Damaged(_) => ErrorKind::System,
        }
    }

    /// For `map_err`: a JSON error in the document `what`.
    pub(crate) fn json(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Json {
            what: what.into(),
            source,
        }
    }

    /// An error of reading archive bytes: early ends and damaged compression are the sender's fault.
    pub(crate) fn read(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::UnexpectedEof,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Self::Compression(error)
            }
            _ => Self::Read(error),
        }
    }

    /// An error of making the file `path` of a layer.
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
}
