//! `system df`: what takes how much of the disk. Layers are not measured: their sizes were recorded when they were unpacked.
//! Only what containers write is looked at, in their writable layers and volumes.

use std::collections::HashMap;
use std::sync::Arc;

use corten_wire::{
    ContainerSummary, DiskUsage, Filters, ImageSummary, LegacyDiskUsage, Usage, Volume, VolumeUsage,
};

use crate::engine::{Engine, blocking};
use crate::error::Result;
use crate::images::ImageQuery;
use crate::in_parallel::in_parallel;
use crate::list::ListQuery;

/// Which kinds of objects to report on, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsageWish {
    /// Containers.
    pub containers: bool,
    /// Images.
    pub images: bool,
    /// Volumes.
    pub volumes: bool,
    /// Intermediate results of builds.
    pub build_cache: bool,
    /// Lists, as until API 1.52.
    pub legacy: bool,
    /// Sums, as since API 1.52.
    pub summaries: bool,
    /// The sums with their lists.
    pub verbose: bool,
}

impl Engine {
    /// What takes how much of the disk.
    ///
    /// # Errors
    /// When images cannot be listed.
    pub async fn disk_usage(self: &Arc<Self>, wish: DiskUsageWish) -> Result<DiskUsage> {
        let engine = self.clone();
        blocking("measure disk usage", move || engine.measure(wish)).await
    }

    fn measure(self: &Arc<Self>, wish: DiskUsageWish) -> Result<DiskUsage> {
        let images = wish.images.then(|| self.images_with_users()).transpose()?;
        let containers = wish
            .containers
            .then(|| {
                self.list(&ListQuery {
                    all: true,
                    size: true,
                    ..ListQuery::default()
                })
            })
            .transpose()?;
        let volumes = wish.volumes.then(|| self.volumes_with_sizes());
        let layers_size = if wish.images {
            bytes(self.images.layers_size())
        } else {
            0
        };
        let mut report = DiskUsage::default();
        if wish.summaries {
            let kept = wish.verbose;
            report.image_usage = images.clone().map(|list| of_images(list, layers_size, kept));
            report.container_usage = containers.clone().map(|list| of_containers(list, kept));
            report.volume_usage = volumes.clone().map(|list| of_volumes(list, kept));
            report.build_cache_usage = wish.build_cache.then(Usage::default);
        }
        report.legacy = wish.legacy.then(|| LegacyDiskUsage {
            layers_size,
            images,
            containers,
            volumes,
            build_cache: wish.build_cache.then(Vec::new),
        });
        Ok(report)
    }

    fn images_with_users(&self) -> Result<Vec<ImageSummary>> {
        let mut images = self.image_list(&ImageQuery {
            filters: Filters::default(),
            shared_size: true,
            all: true,
        })?;
        let mut users: HashMap<String, i64> = HashMap::new();
        for container in self.containers.all() {
            *users
                .entry(container.state().record.image_id.to_string())
                .or_default() += 1;
        }
        for image in &mut images {
            image.containers = users.get(&image.id).copied().unwrap_or_default();
        }
        Ok(images)
    }

    fn volumes_with_sizes(&self) -> Vec<Volume> {
        let mut users: HashMap<String, i64> = HashMap::new();
        for container in self.containers.all() {
            let state = container.state();
            let mounted = state.record.mounts.iter().filter(|m| m.point.r#type == "volume");
            for mount in mounted {
                *users.entry(mount.point.name.clone()).or_default() += 1;
            }
        }
        let mut volumes = self.volumes.recorded();
        // As with Docker: what is mounted from elsewhere takes none of this disk, or cannot be told from what does.
        volumes.retain(|volume| volume.is_local() && volume.options.is_empty());
        let sizes = in_parallel(&volumes, |volume| self.volume_size(volume));
        let measured = |(volume, size): (corten_volume::Volume, u64)| {
            let usage = VolumeUsage {
                ref_count: users.get(&volume.name).copied().unwrap_or_default(),
                size: bytes(size),
            };
            Volume {
                usage_data: Some(usage),
                ..crate::volumes::shown(self.volumes.seen_local(volume))
            }
        };
        volumes.into_iter().zip(sizes).map(measured).collect()
    }

    /// Bytes in a volume's files; those that cannot be read are not counted, but logged.
    pub(crate) fn volume_size(&self, volume: &corten_volume::Volume) -> u64 {
        corten_snapshot::directory_size(&self.volumes.mountpoint(volume)).unwrap_or_else(|error| {
            tracing::warn!(%error, volume = volume.name, "cannot measure a volume");
            0
        })
    }
}

fn of_images(images: Vec<ImageSummary>, layers_size: i64, keep: bool) -> Usage<ImageSummary> {
    let used = images.iter().filter(|image| image.containers > 0);
    // What others share with an image stays anyway.
    let needed: i64 = used
        .clone()
        .map(|image| image.size - image.shared_size.max(0))
        .sum();
    Usage {
        active_count: count(used.count()),
        total_count: count(images.len()),
        reclaimable: (layers_size - needed).max(0),
        total_size: layers_size,
        items: if keep { images } else { Vec::new() },
    }
}

fn of_containers(containers: Vec<ContainerSummary>, keep: bool) -> Usage<ContainerSummary> {
    let active = |one: &&ContainerSummary| matches!(one.state.as_str(), "running" | "paused" | "restarting");
    let size = |list: &mut dyn Iterator<Item = &ContainerSummary>| list.map(|one| one.size_rw).sum::<i64>();
    Usage {
        active_count: count(containers.iter().filter(active).count()),
        total_count: count(containers.len()),
        reclaimable: size(&mut containers.iter().filter(|one| !active(one))),
        total_size: size(&mut containers.iter()),
        items: if keep { containers } else { Vec::new() },
    }
}

fn of_volumes(volumes: Vec<Volume>, keep: bool) -> Usage<Volume> {
    let used = |one: &&Volume| one.usage_data.as_ref().is_some_and(|usage| usage.ref_count > 0);
    let size = |list: &mut dyn Iterator<Item = &Volume>| {
        list.filter_map(|one| one.usage_data.as_ref())
            .map(|usage| usage.size)
            .sum::<i64>()
    };
    Usage {
        active_count: count(volumes.iter().filter(used).count()),
        total_count: count(volumes.len()),
        reclaimable: size(&mut volumes.iter().filter(|one| !used(one))),
        total_size: size(&mut volumes.iter()),
        items: if keep { volumes } else { Vec::new() },
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_cannot_be_reclaimed() {
        let image = |size, shared_size, containers| ImageSummary {
            size,
            shared_size,
            containers,
            ..ImageSummary::default()
        };
        let usage = of_images(vec![image(100, 40, 1), image(60, 40, 0)], 120, false);
        assert_eq!((usage.active_count, usage.total_count), (1, 2));
        assert_eq!(
            (usage.reclaimable, usage.total_size, usage.items.len()),
            (60, 120, 0)
        );
        let container = |state: &str, size_rw| ContainerSummary {
            state: state.to_owned(),
            size_rw,
            ..ContainerSummary::default()
        };
        let usage = of_containers(vec![container("paused", 5), container("exited", 7)], true);
        assert_eq!(
            (usage.reclaimable, usage.total_size, usage.items.len()),
            (7, 12, 2)
        );
    }
}
