//! What can go wrong with the records.

use std::io;
use std::sync::Arc;

use corten_types::ErrorKind;
use redb::StorageError;

/// Result of this crate's calls.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the metadata store. Cheap to clone, because one failed commit may answer many callers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The disk is full and the reserve did not help; nothing of the batch was written.
    #[error("no space left on device")]
    NoSpace,
    /// The file was written by a later release.
    #[error("metadata schema version {found} is newer than this release understands ({supported})")]
    TooNew {
        /// Version on disk.
        found: u64,
        /// [`crate::SCHEMA_VERSION`].
        supported: u64,
    },
    /// Another process has the file open.
    #[error("metadata is in use by another process")]
    InUse,
    /// A record does not read as the type asked for, or a value has no JSON form.
    #[error("malformed metadata record")]
    Record(#[source] Arc<serde_json::Error>),
    /// The file system failed.
    #[error("metadata file")]
    Io(#[source] Arc<io::Error>),
    /// The database failed or is damaged.
    #[error("metadata database")]
    Database(#[source] Arc<redb::Error>),
    /// The database could not be reopened after a failure, or the store is shutting down.
    #[error("metadata store is closed")]
    Closed,
}

impl Error {
    /// The kind a status code is chosen by.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed => ErrorKind::Unavailable,
            _ => ErrorKind::System,
        }
    }

    /// Whether the open database is of no more use: redb refuses everything after an I/O error until it is reopened.
    pub(crate) fn needs_reopen(&self) -> bool {
        match self {
            // `Closed` here means that an earlier reopen failed.
            Self::NoSpace | Self::Io(_) | Self::Closed => true,
            Self::Database(error) => matches!(**error, redb::Error::PreviousIo | redb::Error::DatabaseClosed),
            _ => false,
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Record(Arc::new(error))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => Self::Io(Arc::new(error)),
        }
    }
}

impl From<redb::Error> for Error {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            error => Self::Database(Arc::new(error)),
        }
    }
}

/// Each of redb's calls has an error enum of its own; all of them widen to [`redb::Error`].
macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}

from_redb!(
    StorageError,
    redb::DatabaseError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);
