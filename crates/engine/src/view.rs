//! A container's files, opened for copying: through its init while it runs, mounted for the purpose while it does not.

use std::path::PathBuf;
use std::sync::Arc;

use corten_sandbox::{RootView, ViewMount};
use tokio::sync::MutexGuard;

use crate::container::Container;
use crate::engine::{Engine, blocking};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::options;
use crate::record::ContainerRecord;
use crate::volume_use::HeldAside;

/// What is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Everything a process in it would see; of a container that does not run, its volumes and binds.
    Everything,
    /// Its root file system alone.
    RootOnly,
}

/// An open view. A container that does not run is kept from starting while it lives, but not from being removed.
pub(crate) struct View<'c> {
    pub(crate) root: RootView,
    /// Keeps its volumes mounted.
    _volumes: Option<HeldAside>,
    _files: Option<MutexGuard<'c, ()>>,
}

impl Engine {
    /// Opens a container's files.
    ///
    /// # Errors
    /// When it is being removed, or its root file system cannot be mounted.
    pub(crate) async fn view<'c>(
        self: &Arc<Self>,
        container: &'c Arc<Container>,
        depth: Depth,
    ) -> Result<View<'c>> {
        loop {
            // Looked at first, so that no end from here on is missed.
            let mut progress = container.progress();
            let ends = progress.borrow_and_update().ends;
            let running = container.state().sandbox.clone();
            if let Some(sandbox) = running {
                let pid = sandbox.pid();
                let opened = blocking("open the container's files", move || {
                    Ok(match depth {
                        Depth::Everything => RootView::of_running(pid)?,
                        Depth::RootOnly => RootView::bare_of_running(pid)?,
                    })
                })
                .await;
                // Only its parent, the shim, can say that this number still is the init's, and thus was when it was used.
                let over = match &opened {
                    Ok(_) => sandbox.has_ended().await,
                    Err(_) => sandbox.is_ending().await,
                };
                if opened.is_err() && !over && container.state().paused {
                    // Its init was killed, and waits for processes that are held: neither is it there, nor will it end.
                    return Err(Error::Conflict(format!(
                        "container {} is paused and its first process is ending, unpause or remove it first",
                        container.id()
                    )));
                }
                if !over {
                    return Ok(View {
                        root: opened?,
                        _volumes: None,
                        _files: None,
                    });
                }
                // The sender lives as long as the container does.
                let _ended = progress
                    .wait_for(|progress| progress.ends > ends || progress.removed)
                    .await;
                continue;
            }
            let files = container.files.lock().await;
            let _operation = container.operation.lock().await;
            let (record, phase) = {
                let state = container.state();
                if state.sandbox.is_some() {
                    continue;
                }
                (state.record.clone(), state.phase)
            };
            if matches!(phase, Phase::Removing | Phase::Dead) || self.containers.get(container.id()).is_none()
            {
                return Err(Error::NoSuchContainer(record.id.to_string()));
            }
            let engine = self.clone();
            let (root, volumes) = blocking("mount the container's files", move || {
                engine.mount(&record, depth)
            })
            .await?;
            return Ok(View {
                root,
                _volumes: volumes,
                _files: Some(files),
            });
        }
    }

    fn mount(&self, record: &ContainerRecord, depth: Depth) -> Result<(RootView, Option<HeldAside>)> {
        let rootfs = self.snapshots.rootfs(record.id.as_str(), &record.chain)?;
        let overlay = options::overlay(rootfs, false);
        if depth == Depth::RootOnly {
            return Ok((RootView::read_only(&overlay)?, None));
        }
        let (held, sources) = self.mount_volumes_aside(record)?;
        let mounts = self.view_mounts(record, &sources);
        Ok((RootView::mounted(&overlay, &mounts)?, Some(held)))
    }

    /// Docker shows volumes, binds and the network files of a container that does not run.
    fn view_mounts(&self, record: &ContainerRecord, sources: &[PathBuf]) -> Vec<ViewMount> {
        let dir = self.container_dir(&record.id);
        let mut mounts: Vec<ViewMount> = record
            .mounts
            .iter()
            .zip(sources)
            .filter(|(mount, _)| matches!(mount.point.r#type.as_str(), "bind" | "volume"))
            .map(|(mount, source)| ViewMount {
                source: source.clone(),
                subpath: mount.subpath.clone(),
                destination: PathBuf::from(&mount.point.destination),
                read_only: !mount.point.rw,
            })
            .collect();
        for file in ["resolv.conf", "hostname", "hosts"] {
            let destination = PathBuf::from("/etc").join(file);
            if mounts.iter().all(|mount| mount.destination != destination) {
                mounts.push(ViewMount {
                    source: dir.join(file),
                    subpath: String::new(),
                    destination,
                    read_only: false,
                });
            }
        }
        mounts
    }
}
