//! The prunes: what nobody uses any more goes, and how many bytes that freed is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use corten_types::ErrorKind;
use corten_wire::{
    BuildCachePruned, ContainersPruned, Filters, ImageDeleteItem, ImagesPruned, NetworksPruned, VolumesPruned,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::images::created;
use crate::prune_filter::PruneFilter;
use crate::record;

/// Held while a prune of a kind runs. Docker has one for containers and networks together.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    containers: Mutex<()>,
    images: Mutex<()>,
    networks: Mutex<()>,
    volumes: Mutex<()>,
}

/// The right to prune; there is one prune of a kind at a time, as with Docker.
fn alone(kind: &Mutex<()>) -> Result<MutexGuard<'_, ()>> {
    kind.try_lock()
        .map_err(|_| Error::Conflict("a prune operation is already running".to_owned()))
}

impl Engine {
    /// Removes containers that do not run, and leaves their volumes.
    ///
    /// # Errors
    /// When a filter makes no sense or another prune runs. Containers that cannot be removed are logged and stay.
    pub async fn prune_containers(self: &Arc<Self>, filters: Filters) -> Result<ContainersPruned> {
        let filter = PruneFilter::read(filters, &["label", "label!", "until"])?;
        let engine = self.clone();
        to_its_end(async move {
            let _alone = alone(&engine.pruning.containers)?;
            let mut pruned = ContainersPruned::default();
            for container in engine.containers.all() {
                let goes = {
                    let state = container.state();
                    state.sandbox.is_none()
                        && filter.passes(&record::labels(&state.record.config), state.record.created_at_ns)
                };
                if !goes {
                    continue;
                }
                let id = container.id().to_string();
                let (measured, key) = (engine.clone(), id.clone());
                let size = blocking("measure a container", move || {
                    Ok(measured.snapshots.usage(&key)?)
                })
                .await
                .unwrap_or_default();
                match engine.remove(&id, false, false).await {
                    Ok(()) => {
                        pruned.space_reclaimed += size;
                        pruned.containers_deleted.get_or_insert_default().push(id);
                    }
                    // It runs again, or somebody else was faster.
                    Err(error) => tracing::warn!(%error, %id, "a container was not pruned"),
                }
            }
            engine.publish_prune("container", pruned.space_reclaimed);
            Ok(pruned)
        })
        .await
    }

    /// Removes images that no container is made of: those without a tag, or all with the filter `dangling=false`.
    ///
    /// # Errors
    /// When a filter makes no sense or another prune runs.
    pub async fn prune_images(self: &Arc<Self>, filters: Filters) -> Result<ImagesPruned> {
        let filter = PruneFilter::read(filters, &["dangling", "label", "label!", "until"])?;
        let only_dangling = filter.flag("dangling")?.unwrap_or(true);
        let engine = self.clone();
        blocking("prune images", move || {
            let _alone = alone(&engine.pruning.images)?;
            let mut pruned = ImagesPruned::default();
            for found in engine.images.list() {
                let image = &found.image;
                let created_ns = created(image).saturating_mul(1_000_000_000);
                if (only_dangling && !found.tags.is_empty())
                    || !filter.passes(&image.config.config.labels, created_ns)
                {
                    continue;
                }
                let sizes: BTreeMap<String, u64> = image
                    .chain
                    .iter()
                    .map(|layer| {
                        (
                            layer.to_string(),
                            engine.images.layer_size(layer).unwrap_or_default(),
                        )
                    })
                    .collect();
                let mut names: Vec<String> = found
                    .tags
                    .iter()
                    .chain(&found.digests)
                    .map(corten_types::Reference::familiar)
                    .collect();
                if names.is_empty() {
                    names.push(image.id.to_string());
                }
                for name in names {
                    let items = match engine.image_remove(&name, false) {
                        Ok(items) => items,
                        // A container is made of it, which its last name is kept for (as with Docker), or it went with another of
                        // its names.
                        Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
                            continue;
                        }
                        Err(error) => {
                            tracing::warn!(%error, image = name, "an image was not pruned");
                            continue;
                        }
                    };
                    let freed =
                        |item: &ImageDeleteItem| sizes.get(&item.deleted).copied().unwrap_or_default();
                    pruned.space_reclaimed += items.iter().map(freed).sum::<u64>();
                    pruned.images_deleted.get_or_insert_default().extend(items);
                }
            }
            engine.publish_prune("image", pruned.space_reclaimed);
            Ok(pruned)
        })
        .await
    }

    /// Removes volumes that no container mounts: those without a name of their own, or all with the filter `all`.
    ///
    /// # Errors
    /// When a filter makes no sense or another prune runs.
    pub async fn prune_volumes(self: &Arc<Self>, filters: Filters) -> Result<VolumesPruned> {
        let filter = PruneFilter::read(filters, &["all", "label", "label!"])?;
        let all = filter.flag("all")?.unwrap_or(false);
        let engine = self.clone();
        blocking("prune volumes", move || {
            let _alone = alone(&engine.pruning.volumes)?;
            let mut pruned = VolumesPruned::default();
            for volume in engine.volumes.recorded() {
                let named = !volume.anonymous;
                // Docker leaves those alone whose data may be elsewhere.
                let is_plain = volume.is_local() && volume.options.is_empty();
                if !is_plain || (named && !all) || !filter.passes(&volume.labels, volume.created_at_ns) {
                    continue;
                }
                if !engine.volume_users(&volume.name).is_empty() {
                    continue;
                }
                let size = engine.volume_size(&volume);
                match engine.remove_volume(&volume.name, false) {
                    Ok(()) => {
                        pruned.space_reclaimed += size;
                        pruned.volumes_deleted.push(volume.name);
                    }
                    Err(error) => tracing::warn!(%error, volume = volume.name, "a volume was not pruned"),
                }
            }
            engine.publish_prune("volume", pruned.space_reclaimed);
            Ok(pruned)
        })
        .await
    }

    /// Removes networks of users that no running container is on.
    ///
    /// # Errors
    /// When a filter makes no sense or another prune runs.
    pub async fn prune_networks(self: &Arc<Self>, filters: Filters) -> Result<NetworksPruned> {
        let filter = PruneFilter::read(filters, &["label", "label!", "until"])?;
        let engine = self.clone();
        blocking("prune networks", move || {
            let _alone = alone(&engine.pruning.networks)?;
            let mut pruned = NetworksPruned::default();
            for network in engine.own_networks.all() {
                if network.configuration.is_some() || !filter.passes(&network.labels, network.created_at_ns) {
                    continue;
                }
                match engine.remove_network(&network) {
                    Ok(()) => pruned
                        .networks_deleted
                        .get_or_insert_default()
                        .push(network.name().to_owned()),
                    // A container is on it.
                    Err(error) if error.kind() == ErrorKind::Forbidden => {}
                    Err(error) => {
                        tracing::warn!(%error, network = network.name(), "a network was not pruned");
                    }
                }
            }
            engine.publish_prune("network", 0);
            Ok(pruned)
        })
        .await
    }

    /// Removes intermediate results of builds. Nothing is built here, so there are none.
    ///
    /// # Errors
    /// When a filter makes no sense.
    pub async fn prune_build_cache(self: &Arc<Self>, filters: Filters) -> Result<BuildCachePruned> {
        const KNOWN: &[&str] = &[
            "description",
            "id",
            "inuse",
            // Of no effect, and sent by `system prune` all the same.
            "label",
            "label!",
            "mutable",
            "parent",
            "private",
            "shared",
            "type",
            "unused-for",
            "until",
        ];
        PruneFilter::read(filters, KNOWN)?;
        self.publish_prune("builder", 0);
        Ok(BuildCachePruned::default())
    }

    fn publish_prune(&self, kind: &str, bytes: u64) {
        let attributes = [("reclaimed".to_owned(), bytes.to_string())].into();
        self.events.publish(kind, "prune", "", attributes);
    }
}
