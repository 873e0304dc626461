//! Calls on everything of a kind: disk usage and the prunes.

use corten_wire::{ContainersPruned, DiskUsage, ImagesPruned, NetworksPruned, VolumesPruned};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters};

/// # Errors
/// As for containers.
impl Client {
    /// What takes how much of the disk, with lists.
    pub async fn disk_usage(&self) -> Result<DiskUsage, Error> {
        let target = Target::new("/system/df").with("verbose", 1);
        self.json(Call::get(target)).await
    }

    /// Removes containers that do not run.
    pub async fn prune_containers(&self, filters: &Filters) -> Result<ContainersPruned, Error> {
        self.json(prune("/containers/prune", filters)).await
    }

    /// Removes images no container is made of.
    pub async fn prune_images(&self, filters: &Filters) -> Result<ImagesPruned, Error> {
        self.json(prune("/images/prune", filters)).await
    }

    /// Removes volumes no container mounts.
    pub async fn prune_volumes(&self, filters: &Filters) -> Result<VolumesPruned, Error> {
        self.json(prune("/volumes/prune", filters)).await
    }

    /// Removes networks no container is on.
    pub async fn prune_networks(&self, filters: &Filters) -> Result<NetworksPruned, Error> {
        self.json(prune("/networks/prune", filters)).await
    }

    /// Removes intermediate results of builds.
    pub async fn prune_build_cache(
        &self,
        all: bool,
        filters: &Filters,
    ) -> Result<corten_wire::BuildCachePruned, Error> {
        let target = Target::new("/build/prune")
            .with_flag("all", all)
            .with_filters(filters);
        self.json(Call::post(target)).await
    }
}

fn prune(path: &str, filters: &Filters) -> Call {
    Call::post(Target::new(path).with_filters(filters))
}
