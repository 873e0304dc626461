//! Calls that look at or clear up everything of a kind: disk usage and the prunes.

use async_trait::async_trait;
use corten_wire::{
    BuildCachePruned, ContainersPruned, DiskUsage, Filters, ImagesPruned, NetworksPruned, VolumesPruned,
};

use crate::ApiResult;

/// Which kinds of objects a report of disk usage covers, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsageQuery {
    /// Containers.
    pub containers: bool,
    /// Images.
    pub images: bool,
    /// Volumes.
    pub volumes: bool,
    /// Intermediate results of builds.
    pub build_cache: bool,
    /// In the form until API 1.52.
    pub legacy: bool,
    /// In the form since API 1.52.
    pub summaries: bool,
    /// The summaries with their objects.
    pub verbose: bool,
}

/// Disk usage and prunes.
#[async_trait]
pub trait HousekeepingApi: Send + Sync {
    /// What takes how much of the disk.
    async fn disk_usage(&self, query: DiskUsageQuery) -> ApiResult<DiskUsage>;

    /// Removes containers that do not run.
    async fn prune_containers(&self, filters: Filters) -> ApiResult<ContainersPruned>;

    /// Removes images no container is made of.
    async fn prune_images(&self, filters: Filters) -> ApiResult<ImagesPruned>;

    /// Removes volumes no container mounts.
    async fn prune_volumes(&self, filters: Filters) -> ApiResult<VolumesPruned>;

    /// Removes networks of users that no container is on.
    async fn prune_networks(&self, filters: Filters) -> ApiResult<NetworksPruned>;

    /// Removes intermediate results of builds; `all`: those that are of use for later builds, too.
    async fn prune_build_cache(&self, all: bool, filters: Filters) -> ApiResult<BuildCachePruned>;
}
