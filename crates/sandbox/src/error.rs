//! Everything that can go wrong between the daemon and a container's process.

use std::io;

use corten_shim_api::{ProtocolError, RuntimeFailure};
use corten_types::{ErrorKind, system_words};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What Docker puts before the runtime's own sentence when a container cannot be started.
const CREATE_PREFIX: &str = "failed to create task for container: failed to create shim task: OCI runtime create failed: \
                             runc create failed: unable to start container process: ";
/// The same for an exec.
const EXEC_PREFIX: &str = "OCI runtime exec failed: exec failed: unable to start container process: ";

/// Why a sandbox could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The container's program could not be run.
    #[error("{}", in_dockers_words(CREATE_PREFIX, .0))]
    Start(RuntimeFailure),
    /// A further program could not be run in the container.
    #[error("{}", in_dockers_words(EXEC_PREFIX, .0))]
    Exec(RuntimeFailure),
    /// The requested options contradict each other or the machine.
    #[error("{0}")]
    Invalid(String),
    /// Docker offers it, Corten does not yet.
    #[error("{0}")]
    Unsupported(String),
    /// The shim refused a request.
    #[error("{0}")]
    Refused(String),
    /// The shim went away or spoke nonsense.
    #[error("the container's shim is gone")]
    Lost(#[source] ProtocolError),
    /// The machine failed at `what`.
    #[error("{what}: {}", system_words(source))]
    System {
        /// What was being done.
        what: String,
        /// How it failed.
        source: io::Error,
    },
    /// The specification could not be put together.
    #[error("invalid container specification: {0}")]
    Spec(#[from] oci_spec::OciSpecError),
    /// Cgroups of a container whose shim is gone could not be cleared.
    #[error(transparent)]
    Cgroup(#[from] corten_cgroup::Error),
    /// The seccomp profile is not usable.
    #[error("decoding seccomp profile failed: {0}")]
    Seccomp(String),
}

impl Error {
    /// The kind the API's status code follows from.
    pub fn kind(&self) -> ErrorKind {
        match self {
            // Docker answers 400 when the user's program is at fault, 500 otherwise.
            Self::Start(failure) | Self::Exec(failure) => match failure.stage {
                corten_shim_api::ErrorStage::Exec
                | corten_shim_api::ErrorStage::WorkingDirectory
                | corten_shim_api::ErrorStage::User => ErrorKind::Invalid,
                _ => ErrorKind::System,
            },
            Self::Invalid(_) | Self::Seccomp(_) => ErrorKind::Invalid,
            Self::Unsupported(_) => ErrorKind::NotImplemented,
            Self::Refused(_) => ErrorKind::Conflict,
            Self::Lost(_) | Self::System { .. } | Self::Spec(_) | Self::Cgroup(_) => ErrorKind::System,
        }
    }

    /// A closure for `map_err` that says what failed.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System {
            what: what.into(),
            source,
        }
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self::Lost(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Lost(ProtocolError::Io(error))
    }
}

/// An unknown user is found by Docker's daemon, before its runtime: that sentence stands alone.
fn in_dockers_words(prefix: &str, failure: &RuntimeFailure) -> String {
    match failure.stage {
        corten_shim_api::ErrorStage::User => failure.message.clone(),
        _ => format!("{prefix}{failure}: unknown"),
    }
}
