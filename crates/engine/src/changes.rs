//! `diff`: what a container changed of its image.

use std::collections::HashSet;
use std::sync::Arc;

use corten_snapshot::{ChangeKind, Rootfs};
use corten_wire::FilesystemChange;
use rustix::fs::{FileType, Stat};

use crate::engine::{Engine, blocking};
use crate::error::Result;
use crate::record::ContainerRecord;

/// Directories and empty files that the runtime makes to mount on, where an image has none. Docker has them in a layer of
/// their own, which counts as the image's.
const PLACEHOLDERS: [&str; 11] = [
    "dev",
    "dev/console",
    "dev/mqueue",
    "dev/pts",
    "dev/shm",
    "etc",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "proc",
    "sys",
];

impl Engine {
    /// What a container changed, in the order of paths; none when nothing.
    ///
    /// # Errors
    /// When there is no such container, or its files cannot be read.
    pub async fn changes(self: &Arc<Self>, name: &str) -> Result<Option<Vec<FilesystemChange>>> {
        let container = self.containers.find(name)?;
        let record = container.state().record.clone();
        let engine = self.clone();
        let changes = blocking("compare a container with its image", move || {
            let placeholders = engine.placeholders(&record)?;
            let ignore = |path: &[u8], stat: &Stat| placeholders.covers(path, stat);
            Ok(engine
                .snapshots
                .changes(record.id.as_str(), &record.chain, &ignore)?)
        })
        .await?;
        let changes: Vec<FilesystemChange> = changes
            .into_iter()
            .map(|change| FilesystemChange {
                path: String::from_utf8_lossy(&change.path).into_owned(),
                kind: match change.kind {
                    ChangeKind::Modified => 0,
                    ChangeKind::Added => 1,
                    ChangeKind::Deleted => 2,
                },
            })
            .collect();
        Ok((!changes.is_empty()).then_some(changes))
    }

    /// What of a container's files the runtime made.
    pub(crate) fn placeholders(&self, record: &ContainerRecord) -> Result<Placeholders> {
        let rootfs = self.snapshots.rootfs(record.id.as_str(), &record.chain)?;
        Ok(Placeholders::of(&rootfs))
    }
}

/// Places to mount on that are not the image's.
pub(crate) struct Placeholders(HashSet<&'static str>);

impl Placeholders {
    fn of(rootfs: &Rootfs) -> Self {
        let in_image = |path: &str| {
            let mut layers = rootfs.lower.iter().map(|layer| rootfs.base.join(layer));
            layers.any(|layer| layer.join(path).symlink_metadata().is_ok())
        };
        Self(PLACEHOLDERS.into_iter().filter(|path| !in_image(path)).collect())
    }

    /// Whether the runtime made this file.
    pub(crate) fn covers(&self, path: &[u8], stat: &Stat) -> bool {
        let is_empty = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => true,
            FileType::RegularFile => stat.st_size == 0,
            _ => false,
        };
        is_empty && std::str::from_utf8(path).is_ok_and(|path| self.0.contains(path))
    }
}
