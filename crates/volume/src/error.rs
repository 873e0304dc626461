//! What can go wrong with volumes, in Docker's words.

use std::io;

use corten_types::{ErrorKind, system_words};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a volume could not be made, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No volume of this name.
    #[error("get {0}: no such volume")]
    NotFound(String),
    /// The name has characters that file systems or Docker do not allow.
    #[error(
        "create {name}: \"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are \
         allowed. If you intended to pass a host directory, use absolute path"
    )]
    InvalidName {
        /// The name asked for.
        name: String,
    },
    /// The name is a single character.
    #[error("create {0}: volume name is too short, names should be at least two alphanumeric characters")]
    ShortName(String),
    /// A driver other than `local`.
    #[error("create {name}: error looking up volume plugin {driver}: plugin \"{driver}\" not found")]
    UnknownDriver {
        /// The volume.
        name: String,
        /// The driver asked for.
        driver: String,
    },
    /// Options of the local driver that are not offered yet.
    #[error("create {name}: driver option \"{option}\" is not supported by Corten yet")]
    UnsupportedOption {
        /// The volume.
        name: String,
        /// The option.
        option: String,
    },
    /// The disk failed.
    #[error("volume {name}: {}", system_words(source))]
    Io {
        /// The volume.
        name: String,
        /// How.
        source: io::Error,
    },
}

impl Error {
    /// The kind the API's status code follows from.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) | Self::UnknownDriver { .. } => ErrorKind::NotFound,
            Self::InvalidName { .. } | Self::ShortName(_) => ErrorKind::Invalid,
            Self::UnsupportedOption { .. } => ErrorKind::NotImplemented,
            Self::Io { .. } => ErrorKind::System,
        }
    }

    pub(crate) fn io(name: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            name: name.to_owned(),
            source,
        }
    }
}
