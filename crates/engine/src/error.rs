//! Everything a container verb can fail with, in Docker's words.

use corten_types::{ContainerId, ErrorKind, system_words};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No container of that name or identifier.
    #[error("No such container: {0}")]
    NoSuchContainer(String),
    /// No exec of that identifier.
    #[error("No such exec instance: {0}")]
    NoSuchExec(String),
    /// No image of that reference.
    #[error("No such image: {0}")]
    NoSuchImage(String),
    /// No image of a name with a tag, in `save`.
    #[error("reference does not exist")]
    NoSuchReference,
    /// No built-in image of that name, and no registry to ask.
    #[error(
        "pull access denied for {0}, repository does not exist here: only hello-world and whoami are built in, and Corten does not contact registries yet; use load"
    )]
    NotBuiltin(String),
    /// No such file in a container.
    #[error("Could not find the file {path} in container {container}")]
    NoSuchFile {
        /// As the user wrote it.
        path: String,
        /// As the user named it.
        container: String,
    },
    /// No network of that name.
    #[error("network {0} not found")]
    NoSuchNetwork(String),
    /// No configuration of this name to make a network from.
    #[error("configuration network {0:?} does not exist")]
    NoSuchConfiguration(String),
    /// What reaches over several machines was asked for.
    #[error(
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
    )]
    NoSwarmManager,
    /// A container that is not there is on no network.
    #[error("endpoint {0} not found")]
    NoSuchEndpoint(String),
    /// Nobody may do that.
    #[error("{0}")]
    Forbidden(String),
    /// The object's state does not allow it, or a name is taken.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for needs a running container.
    #[error("container {0} is not running")]
    NotRunning(ContainerId),
    /// Something could not be done to a container.
    #[error("Cannot {verb} container {id}: {source}")]
    Cannot {
        /// What was to be done.
        verb: &'static str,
        /// The container.
        id: ContainerId,
        /// Why not.
        source: Box<Error>,
    },
    /// A container could not be restarted.
    #[error("Cannot restart container {name}: {source}")]
    CannotRestart {
        /// As it was named.
        name: String,
        /// Why not.
        source: Box<Error>,
    },
    /// A signal could not be sent.
    #[error("cannot kill container: {name}: {source}")]
    CannotKill {
        /// As the user named it.
        name: String,
        /// Why not.
        source: Box<Error>,
    },
    /// The request is senseless.
    #[error("{0}")]
    Invalid(String),
    /// Nothing to do.
    #[error("{0}")]
    NotModified(String),
    /// Docker offers it, Corten does not yet.
    #[error("{0} is not supported by Corten yet")]
    Unsupported(String),
    /// It cannot be done here and now, and the sentence says all there is to say.
    #[error("{0}")]
    Failed(String),
    /// The container's log driver only writes.
    #[error("configured logging driver does not support reading")]
    UnreadableLog,
    /// The daemon is ending and takes no containers along.
    #[error("the daemon is shutting down")]
    ShuttingDown,
    /// The machine failed.
    #[error("{what}: {}", system_words(source))]
    System {
        /// What was being done.
        what: String,
        /// How.
        source: std::io::Error,
    },
    /// Setting up a container's network failed.
    #[error(
        "failed to set up container networking: driver failed programming external connectivity on endpoint {name} ({endpoint}): {source}"
    )]
    Ports {
        /// The container's name.
        name: String,
        /// The endpoint that was to be made.
        endpoint: String,
        /// How.
        source: Box<corten_network::NetworkError>,
    },
    /// A container cannot have the place in the network that it wants.
    #[error("failed to set up container networking: {0}")]
    Endpoint(#[source] Box<corten_network::NetworkError>),
    /// From packing or unpacking files.
    #[error(transparent)]
    Archive(#[from] corten_archive::Error),
    /// From the image store.
    #[error(transparent)]
    Image(#[from] corten_image::Error),
    /// From the snapshotter.
    #[error(transparent)]
    Snapshot(#[from] corten_snapshot::Error),
    /// From the runtime.
    #[error(transparent)]
    Sandbox(#[from] corten_sandbox::Error),
    /// From the network.
    #[error(transparent)]
    Network(#[from] corten_network::NetworkError),
    /// From the volume store.
    #[error(transparent)]
    Volume(#[from] corten_volume::Error),
    /// From the record store.
    #[error(transparent)]
    Metadata(#[from] corten_metadata::Error),
}

impl Error {
    /// The kind the API's status code follows from.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchContainer(_)
            | Self::NoSuchExec(_)
            | Self::NoSuchImage(_)
            | Self::NoSuchReference
            | Self::NoSuchNetwork(_)
            | Self::NoSuchConfiguration(_)
            | Self::NoSuchEndpoint(_)
            | Self::NoSuchFile { .. }
            | Self::NotBuiltin(_) => ErrorKind::NotFound,
            Self::Conflict(_) | Self::NotRunning(_) => ErrorKind::Conflict,
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Cannot { source, .. }
            | Self::CannotKill { source, .. }
            | Self::CannotRestart { source, .. } => source.kind(),
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::NotModified(_) => ErrorKind::NotModified,
            Self::Unsupported(_) | Self::UnreadableLog => ErrorKind::NotImplemented,
            Self::ShuttingDown | Self::NoSwarmManager => ErrorKind::Unavailable,
            Self::System { .. } | Self::Ports { .. } | Self::Failed(_) => ErrorKind::System,
            Self::Archive(error) => error.kind(),
            Self::Image(error) => error.kind(),
            Self::Snapshot(error) => error.kind(),
            Self::Sandbox(error) => error.kind(),
            Self::Network(error) => error.kind(),
            Self::Endpoint(error) => error.kind(),
            Self::Volume(error) => error.kind(),
            Self::Metadata(error) => error.kind(),
        }
    }

    /// A closure for `map_err` that says what failed.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System {
            what: what.into(),
            source,
        }
    }
}
