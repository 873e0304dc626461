//! `create`: from a request to a durable record with a writable layer.

use std::sync::Arc;

use corten_metadata::{Batch, Durability, Table};
use corten_wire::ContainerCreateRequest;

use crate::clock::now_ns;
use crate::container::Container;
use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::names;
use crate::record::ContainerRecord;
use crate::settle::{Settled, settle};
use crate::volume_claims::VolumeClaim;

/// What `create` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedContainer {
    /// The new container's identifier.
    pub id: String,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Engine {
    /// Creates a container called `name` (made up if empty).
    ///
    /// # Errors
    /// When the image is missing, the name taken, an option senseless or not supported, or the disk full; nothing is left
    /// behind then.
    pub async fn create(
        self: &Arc<Self>,
        name: &str,
        platform: &str,
        request: ContainerCreateRequest,
    ) -> Result<CreatedContainer> {
        let engine = self.clone();
        let name = name.to_owned();
        check_platform(platform)?;
        to_its_end(async move {
            let id = names::new_id();
            let name = engine.containers.reserve_name(&name, &id)?;
            let reserved = name.clone();
            let made = blocking("create a container", {
                let engine = engine.clone();
                move || engine.create_blocking(id, name, request)
            })
            .await;
            match made {
                Ok((container, warnings, claim)) => {
                    engine.containers.insert(container.clone());
                    drop(claim);
                    engine.publish(&container, "create", &[]);
                    Ok(CreatedContainer {
                        id: container.id().to_string(),
                        warnings,
                    })
                }
                Err(error) => {
                    engine.containers.release_name(&reserved);
                    Err(error)
                }
            }
        })
        .await
    }

    fn create_blocking(
        &self,
        id: corten_types::ContainerId,
        name: String,
        request: ContainerCreateRequest,
    ) -> Result<(Arc<Container>, Vec<String>, VolumeClaim)> {
        let image_name = request.config.image.clone();
        if image_name.is_empty() {
            return Err(Error::Invalid("no image specified".to_owned()));
        }
        let image = self.image(&image_name)?.image;
        let Settled {
            config,
            host_config,
            argv,
            mounts,
            endpoint,
            further,
            links,
            warnings,
        } = settle(self, request, &image)?;

        let mut undo = Undo {
            engine: self,
            id: &id,
            volumes: Vec::new(),
            done: false,
        };
        // Given up before what was made is taken back, or this create would be in its own way.
        let mut claim = self.volume_claims.begin();
        self.images.hold(id.as_str(), &image.id)?;
        let dir = self.container_dir(&id);
        std::fs::create_dir_all(&dir).map_err(Error::system("cannot create the container's directory"))?;
        let mounts = self.make_volumes(&id, mounts, &mut undo.volumes, &mut claim)?;
        self.hold_mounted_images(&id, &mounts)?;
        self.snapshots.prepare(id.as_str(), &image.chain)?;
        self.populate_volumes(&id, &image.chain, &mounts)?;
        let record = ContainerRecord {
            id: id.clone(),
            name,
            created_at_ns: now_ns(),
            image_id: image.id.clone(),
            chain: image.chain.clone(),
            image_name,
            config,
            host_config,
            argv,
            mounts,
            endpoint,
            further,
            left: false,
            links,
            last_run: None,
            restart_count: 0,
            manually_stopped: false,
            health: None,
        };
        let mut batch = Batch::new();
        batch.put(Table::Containers, id.as_str(), &record)?;
        self.metadata.commit(batch, Durability::Durable)?;
        self.volumes_are_recorded(&id);
        undo.done = true;
        drop(undo);
        Ok((Arc::new(Container::new(record)), warnings, claim))
    }
}

/// Takes back what a failed create has made. Never fails; what cannot be removed is logged.
struct Undo<'a> {
    engine: &'a Engine,
    id: &'a corten_types::ContainerId,
    volumes: Vec<String>,
    done: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.engine.remove_files(self.id);
        for volume in &self.volumes {
            // Somebody else may have come to use it.
            match self.engine.remove_volume(volume, false) {
                Ok(()) | Err(Error::Conflict(_)) => {}
                Err(error) => tracing::warn!(%error, "cannot take back a volume"),
            }
        }
    }
}

/// Only the machine's own platform runs here.
fn check_platform(platform: &str) -> Result<()> {
    let own = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let mut parts = platform.split('/');
    let os = parts.next().unwrap_or_default();
    let arch = parts.next();
    let fits = platform.is_empty()
        || (os == "linux" && arch.is_none_or(|arch| arch == own || arch == std::env::consts::ARCH))
        || (arch.is_none() && (os == own || os == std::env::consts::ARCH));
    if fits {
        Ok(())
    } else {
        Err(Error::Unsupported(format!(
            "running images for the platform {platform} on linux/{own}"
        )))
    }
}
