//! `rm`: every trace of a container goes, its record last.

use std::sync::Arc;

use corten_metadata::{Batch, Durability, Table};
use corten_types::ContainerId;

use crate::container::Container;
use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::record::MountRecord;

impl Engine {
    /// Removes a container; `force` kills it first; `volumes` takes its anonymous volumes along.
    ///
    /// # Errors
    /// When it runs and `force` is not given, or something of it cannot be removed (it is then `dead` and can be tried again).
    pub async fn remove(self: &Arc<Self>, name: &str, force: bool, volumes: bool) -> Result<()> {
        let container = self.containers.find(name)?;
        let engine = self.clone();
        let called = name.to_owned();
        to_its_end(async move {
            let Ok(_removal) = container.removal.try_lock() else {
                return Err(Error::Conflict(format!(
                    "removal of container {called} is already in progress"
                )));
            };
            // Somebody else was faster.
            if engine.containers.get(container.id()).is_none() {
                return Err(Error::NoSuchContainer(called));
            }
            loop {
                let phase = container.state().phase;
                let running = phase.counts_as_running();
                if running && !force {
                    let state = container.state();
                    let (name, word) = (state.name(), state.word());
                    let first = if word == "paused" { "unpause and then " } else { "" };
                    return Err(Error::Conflict(format!(
                        "cannot remove container \"/{name}\": container is {word}: {first}stop the container before \
                         removing or force remove"
                    )));
                }
                if running {
                    // Ended in between is as good as killed.
                    let _gone = engine.kill(container.id().as_str(), None).await;
                }
                let _operation = container.operation.lock().await;
                if container.state().phase.counts_as_running() {
                    continue;
                }
                return engine.remove_locked(&container, volumes).await;
            }
        })
        .await
    }

    /// Removes a container that does not run; the caller holds its operation lock. Removing one that is gone is fine.
    pub(crate) async fn remove_locked(
        self: &Arc<Self>,
        container: &Arc<Container>,
        volumes: bool,
    ) -> Result<()> {
        if self.containers.get(container.id()).is_none() {
            return Ok(());
        }
        container.state().advance(Phase::Removing);
        let engine = self.clone();
        let record = container.state().record.clone();
        let removed = blocking("remove a container", move || {
            engine.remove_snapshot(&record.id)?;
            let mut batch = Batch::new();
            batch.delete(Table::Containers, record.id.as_str());
            // If this is lost in a crash, the next start finds a record without files and finishes the removal.
            engine.metadata.commit(batch, Durability::Eventual)?;
            Ok(record)
        })
        .await;
        let record = match removed {
            Ok(record) => record,
            Err(error) => {
                container.state().advance(Phase::Dead);
                return Err(error);
            }
        };
        self.containers.remove(container);
        self.execs.forget_container(container);
        if volumes && record.mounts.iter().any(MountRecord::is_volume) {
            let engine = self.clone();
            let removed = blocking("remove anonymous volumes", move || {
                engine.remove_anonymous_volumes(&record.mounts);
                Ok(())
            });
            if let Err(error) = removed.await {
                tracing::warn!(%error, "cannot remove a container's volumes");
            }
        }
        self.publish(container, "destroy", &[]);
        container.announce_removed();
        Ok(())
    }

    fn remove_snapshot(&self, id: &ContainerId) -> Result<()> {
        self.sandboxes.forget(id);
        self.snapshots.remove(id.as_str())?;
        self.images.release(id.as_str())?;
        self.images.release(&crate::volumes::image_mounts_key(id))?;
        match std::fs::remove_dir_all(self.container_dir(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::system("cannot remove the container's directory")(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes a container's files, going on past errors and logging them.
    pub(crate) fn remove_files(&self, id: &ContainerId) {
        if let Err(error) = self.remove_snapshot(id) {
            tracing::warn!(%error, %id, "cannot remove a container's files");
        }
    }

    fn remove_anonymous_volumes(&self, mounts: &[MountRecord]) {
        for mount in mounts.iter().filter(|mount| mount.is_volume()) {
            let name = &mount.point.name;
            let anonymous = self.volumes.get(name).is_ok_and(|volume| volume.anonymous);
            if !anonymous {
                continue;
            }
            match self.remove_volume(name, false) {
                // Another container uses it, too.
                Ok(()) | Err(Error::Conflict(_)) => {}
                Err(error) => tracing::warn!(%error, "cannot remove an anonymous volume"),
            }
        }
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// When the name is taken or not acceptable.
    pub async fn rename(self: &Arc<Self>, name: &str, new_name: &str) -> Result<()> {
        if new_name.is_empty() {
            return Err(Error::Invalid(
                "Neither old nor new names may be empty".to_owned(),
            ));
        }
        let container = self.containers.find(name)?;
        let engine = self.clone();
        let wish = new_name.to_owned();
        to_its_end(async move {
            let _operation = container.operation.lock().await;
            let old = container.state().name().to_owned();
            if wish.trim_start_matches('/') == old {
                return Err(Error::Invalid(
                    "Renaming a container with the same name as its current name".to_owned(),
                ));
            }
            let reserved = engine.containers.reserve_name(&wish, container.id());
            let new = reserved.map_err(|error| match error {
                Error::Invalid(why) => Error::Invalid(format!("Error when allocating new name: {why}")),
                Error::Conflict(why) => Error::Conflict(format!("Error when allocating new name: {why}")),
                other => other,
            })?;
            container.state().record.name.clone_from(&new);
            if let Err(error) = engine.store(&container).await {
                container.state().record.name = old;
                engine.containers.release_name(&new);
                return Err(error);
            }
            engine.containers.release_name(&old);
            engine.join_again(&container);
            engine.publish(&container, "rename", &[("oldName", format!("/{old}"))]);
            Ok(())
        })
        .await
    }
}
