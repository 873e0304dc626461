//! What the API calls: one trait per resource, implemented by the daemon.
//!
//! Every future and stream may be dropped before its end, which means that the client is gone; a change of state must
//! not be left half done by that.

mod containers;
mod exec;
mod housekeeping;
mod images;
mod networks;
mod streams;
mod system;
mod volumes;

use std::sync::Arc;

pub use containers::{
    AttachOptions, ContainersApi, CreateOptions, ListContainers, LogOptions, PutArchive, RemoveContainer,
    StatsOptions, StopOptions, WaitCondition,
};
pub use exec::ExecApi;
pub use housekeeping::{DiskUsageQuery, HousekeepingApi};
pub use images::{CommitOptions, ImagesApi, ImportOptions, ListImages, PullOptions};
pub use networks::NetworksApi;
pub use streams::{
    Attached, ByteStream, LogLines, Logs, OutputStream, ProgressStream, StatsStream, StdStream, WaitFuture,
};
pub use system::{EventStream, EventsQuery, SystemApi};
pub use volumes::VolumesApi;

/// The implementations the router calls.
#[derive(Clone)]
pub struct Backend {
    /// The engine as a whole.
    pub system: Arc<dyn SystemApi>,
    /// Containers.
    pub containers: Arc<dyn ContainersApi>,
    /// Further commands in containers.
    pub exec: Arc<dyn ExecApi>,
    /// Images.
    pub images: Arc<dyn ImagesApi>,
    /// Volumes.
    pub volumes: Arc<dyn VolumesApi>,
    /// Networks.
    pub networks: Arc<dyn NetworksApi>,
    /// Disk usage and prunes.
    pub housekeeping: Arc<dyn HousekeepingApi>,
}
