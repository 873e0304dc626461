//! Volumes in use: filled from the image when a container is created, mounted while it runs.

use std::path::PathBuf;
use std::sync::Arc;

use corten_sandbox::RootView;
use corten_types::{ContainerId, Digest};
use corten_volume::Volumes;

use crate::container::Container;
use crate::engine::{Engine, blocking};
use crate::error::Result;
use crate::record::{ContainerRecord, MountRecord};

impl Engine {
    /// Copies what the image has at the target of each empty volume into it, as Docker does.
    pub(crate) fn populate_volumes(
        &self,
        id: &ContainerId,
        chain: &[Digest],
        mounts: &[MountRecord],
    ) -> Result<()> {
        let filled = mounts
            .iter()
            .filter(|mount| mount.is_volume() && !mount.has("nocopy") && mount.subpath.is_empty());
        let (directories, mounted): (Vec<_>, Vec<_>) =
            filled.partition(|mount| !self.must_be_mounted(&mount.point.name));
        let overlay = || -> Result<_> {
            let rootfs = self.snapshots.rootfs(id.as_str(), chain)?;
            Ok(crate::options::overlay(rootfs, false))
        };
        let target = |mount: &MountRecord| PathBuf::from(&mount.point.destination);
        let mut targets: Vec<(PathBuf, PathBuf)> = directories
            .iter()
            .map(|mount| (target(mount), PathBuf::from(&mount.point.source)))
            .filter(|(_, source)| is_empty_dir(source))
            .collect();
        let mut holds = Held::new(self, None);
        if !mounted.is_empty() {
            // A server is only asked for a volume that there is something for.
            let image = RootView::read_only(&overlay()?)?.place()?;
            for mount in mounted {
                let found = image.find(mount.point.destination.as_bytes(), true);
                let stat = found.and_then(rustix::fs::fstat);
                let is_directory = stat.is_ok_and(|stat| {
                    rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory
                });
                if !is_directory {
                    continue;
                }
                let mounted = self.volumes.mount(&mount.point.name, "")?;
                holds.holds.extend(mounted.hold);
                if is_empty_dir(&mounted.path) {
                    targets.push((target(mount), mounted.path));
                }
            }
        }
        if targets.is_empty() {
            return Ok(());
        }
        Ok(corten_sandbox::copy_up(&overlay()?, &targets)?)
    }

    /// Whether a volume is more than a directory.
    fn must_be_mounted(&self, name: &str) -> bool {
        let volume = self.volumes.get(name);
        volume.is_ok_and(|volume| !volume.is_local() || !volume.options.is_empty())
    }

    /// Mounts the volumes of a container that is about to run, and fills in where they are.
    pub(crate) async fn mount_volumes(self: &Arc<Self>, container: &Arc<Container>) -> Result<()> {
        let mounts = container.state().record.mounts.clone();
        let wanted: Vec<(usize, String)> = mounts
            .iter()
            .enumerate()
            .filter(|(_, mount)| mount.is_volume() && self.must_be_mounted(&mount.point.name))
            .map(|(at, mount)| (at, mount.point.name.clone()))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let (engine, id) = (self.clone(), container.id().to_string());
        let sources = blocking("mount volumes", move || {
            let mounted: Result<Vec<_>> = wanted
                .into_iter()
                .map(|(at, name)| Ok((at, engine.volumes.mount(&name, &id)?.path)))
                .collect();
            if mounted.is_err() {
                engine.volumes.release_all_of(&id);
            }
            mounted
        })
        .await?;
        let mut state = container.state();
        for (at, source) in sources {
            if let Some(mount) = state.record.mounts.get_mut(at) {
                mount.point.source = source.display().to_string();
            }
        }
        Ok(())
    }

    /// Mounts the volumes of a container that does not run, for a look at its files; gives where each mount's source is.
    pub(crate) fn mount_volumes_aside(&self, record: &ContainerRecord) -> Result<(HeldAside, Vec<PathBuf>)> {
        let mut held = Held::new(self, None);
        let mut sources = Vec::new();
        for mount in &record.mounts {
            let source = if mount.is_volume() && self.must_be_mounted(&mount.point.name) {
                let mounted = self.volumes.mount(&mount.point.name, "")?;
                held.holds.extend(mounted.hold);
                mounted.path
            } else {
                PathBuf::from(&mount.point.source)
            };
            sources.push(source);
        }
        Ok((HeldAside(Some(held)), sources))
    }

    /// Gives back the volumes of a container that does not run any more.
    pub(crate) async fn unmount_volumes(self: &Arc<Self>, id: &ContainerId) {
        if !self.volumes.is_holding(id.as_str()) {
            return;
        }
        let (engine, owner) = (self.clone(), id.to_string());
        let unmounted = blocking("unmount volumes", move || {
            engine.volumes.release_all_of(&owner);
            Ok(())
        });
        if let Err(error) = unmounted.await {
            tracing::error!(%error, %id, "cannot unmount a container's volumes");
        }
    }

    /// Gives back the volumes of all that do not run: what an earlier daemon, or one that ends now, has left. What plugins must
    /// be told of it is told behind the caller's back when `wait` is false: one that does not answer would hold up everything.
    pub(crate) async fn unmount_left_volumes(self: &Arc<Self>, wait: bool) {
        let running: std::collections::HashSet<String> = self
            .containers
            .all()
            .iter()
            .filter(|container| container.state().sandbox.is_some())
            .map(|container| container.id().to_string())
            .collect();
        let engine = self.clone();
        let cleared = blocking("unmount volumes", move || {
            let left = engine.volumes.keep_holds_of(|owner| running.contains(owner));
            Ok(left)
        });
        match cleared.await {
            Ok(left) if left.is_empty() => {}
            Ok(left) => {
                let engine = self.clone();
                let told = tokio::task::spawn_blocking(move || {
                    for hold in left {
                        engine.volumes.release(&hold);
                    }
                });
                if wait && let Err(error) = told.await {
                    tracing::error!(%error, "cannot unmount volumes");
                }
            }
            Err(error) => tracing::error!(%error, "cannot unmount volumes that nobody uses"),
        }
    }

    /// Tells of the volumes of a container that has begun to run.
    pub(crate) fn publish_mounts(&self, container: &Container) {
        self.publish_each(container, "mount", |mount| {
            vec![
                ("destination", mount.point.destination.clone()),
                ("read/write", mount.point.rw.to_string()),
                ("propagation", mount.point.propagation.clone()),
            ]
        });
    }

    /// Tells of the volumes of a container that has ended.
    pub(crate) fn publish_unmounts(&self, container: &Container) {
        self.publish_each(container, "unmount", |_| Vec::new());
    }

    fn publish_each(
        &self,
        container: &Container,
        action: &str,
        more: impl Fn(&MountRecord) -> Vec<(&'static str, String)>,
    ) {
        let mounts = container.state().record.mounts.clone();
        for mount in mounts.iter().filter(|mount| mount.is_volume()) {
            let mut attributes = vec![
                ("driver", mount.point.driver.clone()),
                ("container", container.id().to_string()),
            ];
            attributes.extend(more(mount));
            let attributes = attributes.into_iter().map(|(key, value)| (key.to_owned(), value));
            self.events
                .publish("volume", action, &mount.point.name, attributes.collect());
        }
    }
}

/// Volumes mounted for the daemon's own use; given back when dropped, which may take a while: not to be dropped by
/// asynchronous code but in a [`HeldAside`].
pub(crate) struct Held {
    volumes: Arc<Volumes>,
    holds: Vec<String>,
}

impl Held {
    pub(crate) fn new(engine: &Engine, hold: Option<String>) -> Self {
        Self {
            volumes: engine.volumes.clone(),
            holds: hold.into_iter().collect(),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for hold in &self.holds {
            self.volumes.release(hold);
        }
    }
}

/// The same, given back by a thread of its own.
pub(crate) struct HeldAside(Option<Held>);

impl Drop for HeldAside {
    fn drop(&mut self) {
        let held = self.0.take().filter(|held| !held.holds.is_empty());
        if let Some(held) = held {
            std::thread::spawn(move || drop(held));
        }
    }
}

fn is_empty_dir(path: &std::path::Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
