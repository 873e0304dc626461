//! What can go wrong with volumes, in Docker's words.

use std::io;

use corten_types::{ErrorKind, system_words};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a volume could not be made, found, mounted or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No volume of this name.
    #[error("get {0}: no such volume")]
    NotFound(String),
    /// The name has characters that file systems or Docker do not allow.
    #[error(
        "create {name}: {name:?} includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are \
         allowed. If you intended to pass a host directory, use absolute path"
    )]
    InvalidName {
        /// The name asked for.
        name: String,
    },
    /// No directory can have a name that long.
    #[error(
        "create {name}: error while creating volume root path '{path}': mkdir {path}: file name too long"
    )]
    LongName {
        /// The name asked for.
        name: String,
        /// Where the volume was to be.
        path: String,
    },
    /// The name is a single character.
    #[error("create {0}: volume name is too short, names should be at least two alphanumeric characters")]
    ShortName(String),
    /// There is no plugin of this name, or it is none for volumes.
    #[error("create {name}: error looking up volume plugin {driver}: {reason}")]
    UnknownDriver {
        /// The volume.
        name: String,
        /// The driver asked for.
        driver: String,
        /// Why it is none.
        reason: String,
    },
    /// Another driver has a volume of this name.
    #[error("create {name}: driver '{driver}' already has volume '{name}': volume name must be unique")]
    OtherDriver {
        /// The volume.
        name: String,
        /// The driver that has it.
        driver: String,
    },
    /// Options of the local driver make no sense.
    #[error("create {name}: {reason}")]
    InvalidOption {
        /// The volume.
        name: String,
        /// Which, and why.
        reason: String,
    },
    /// What a volume is to be mounted from cannot be.
    #[error("error while mounting volume '{path}': {reason}")]
    Mount {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
    /// A volume is still mounted and does not come off.
    #[error("unable to remove volume {0}: it is still mounted")]
    StillMounted(String),
    /// A plugin refused, or could not be asked.
    #[error("{operation} {name}: {reason}")]
    Plugin {
        /// What was asked: `create`, `remove`, `get`.
        operation: &'static str,
        /// The volume.
        name: String,
        /// What the plugin said.
        reason: String,
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
            Self::InvalidName { .. } | Self::ShortName(_) | Self::InvalidOption { .. } => ErrorKind::Invalid,
            Self::OtherDriver { .. } => ErrorKind::Conflict,
            // Docker finds out when it makes the directory, and calls it the system's fault.
            Self::LongName { .. }
            | Self::Mount { .. }
            | Self::StillMounted(_)
            | Self::Plugin { .. }
            | Self::Io { .. } => ErrorKind::System,
        }
    }

    pub(crate) fn plugin(operation: &'static str, name: &str) -> impl FnOnce(String) -> Self {
        move |reason| Self::Plugin {
            operation,
            name: name.to_owned(),
            reason,
        }
    }

    pub(crate) fn io(name: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            name: name.to_owned(),
            source,
        }
    }
}
