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
    /// The archive is not what it should be.
    #[error("invalid archive: {0}")]
    Archive(String),
    /// The archive does not read.
    #[error(transparent)]
    Tar(corten_archive::Error),
    /// A layer could not be unpacked.
    #[error("failed to register layer: {0}")]
    Layer(#[source] corten_archive::Error),
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
    /// Docker refuses images of so many layers, and so do we: the kernel would not mount them all.
    #[error("max depth exceeded")]
    TooManyLayers,
    /// The image is for another operating system or machine.
    #[error("{0}")]
    Platform(String),
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
    /// The system gave no thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
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
            | Self::Archive(_)
            | Self::Json { .. }
            | Self::DiffId { .. }
            | Self::TooManyLayers
            | Self::Platform(_) => ErrorKind::Invalid,
            Self::Tar(error) | Self::Layer(error) => error.kind(),
            Self::Content(error) => error.kind(),
            Self::Snapshot(error) => error.kind(),
            Self::Metadata(error) => error.kind(),
            Self::NoSpace | Self::Read(_) | Self::Thread(_) | Self::Damaged(_) => ErrorKind::System,
        }
    }

    /// For `map_err`: a JSON error in the document `what`.
    pub(crate) fn json(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Json {
            what: what.into(),
            source,
        }
    }

    /// An error of unpacking a layer. What is wrong with its bytes is told as for the archive they are in.
    pub(crate) fn layer(error: corten_archive::Error) -> Self {
        match error {
            corten_archive::Error::Unpack { .. } => Self::Layer(error),
            error => error.into(),
        }
    }
}

impl From<corten_archive::Error> for Error {
    fn from(error: corten_archive::Error) -> Self {
        match error {
            corten_archive::Error::NoSpace => Self::NoSpace,
            corten_archive::Error::Read(source) => Self::Read(source),
            error => Self::Tar(error),
        }
    }
}
