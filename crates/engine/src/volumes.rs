//! The volumes of containers: made when a container is, listed, removed when nobody uses them. Filling and mounting them is
//! next door (`volume_use.rs`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corten_types::{ContainerId, Digest, ErrorKind};
use corten_volume::{Listing, Seen, Volume, VolumeRequest};
use corten_wire::Filters;

use crate::clock::{now_ns, rfc3339_seconds};
use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::list_filter::Patterns;
use crate::mounts::MountWish;
use crate::names;
use crate::record::MountRecord;
use crate::settle::missing_is_invalid;
use crate::volume_claims::VolumeClaim;

/// Name of the note of volumes to come, in a container's directory.
const INTENT: &str = "volumes.json";

impl Engine {
    /// Turns the wishes of a container being created into mounts: volumes are found or made (and named in `made`), sources
    /// filled in. The container's directory must be there.
    pub(crate) fn make_volumes(
        &self,
        id: &ContainerId,
        mut wishes: Vec<MountWish>,
        made: &mut Vec<String>,
        claim: &mut VolumeClaim,
    ) -> Result<Vec<MountRecord>> {
        let mut anonymous = Vec::new();
        for point in wishes.iter_mut().map(|wish| &mut wish.point) {
            if point.r#type == "volume" && point.name.is_empty() {
                point.name = names::new_id().to_string();
                anonymous.push(point.name.clone());
            }
        }
        if !anonymous.is_empty() {
            let text = serde_json::to_vec(&anonymous).map_err(|error| Error::Invalid(error.to_string()))?;
            std::fs::write(self.intent(id), text)
                .map_err(Error::system("cannot note the volumes of a container"))?;
        }
        wishes
            .into_iter()
            .map(|wish| self.make_volume(wish, &anonymous, made, claim))
            .collect()
    }

    /// Where the anonymous volumes of a container being created are named before they are made: once the container's record
    /// is there it speaks for them, and without a record nobody knows of them.
    fn intent(&self, id: &ContainerId) -> PathBuf {
        self.container_dir(id).join(INTENT)
    }

    /// The container's record is there.
    pub(crate) fn volumes_are_recorded(&self, id: &ContainerId) {
        if let Err(error) = std::fs::remove_file(self.intent(id))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, %id, "cannot remove the note of a container's volumes");
        }
    }

    /// Removes the anonymous volumes of a create that was cut short before there was a record.
    pub(crate) fn remove_intended_volumes(&self, id: &ContainerId) {
        let names: Vec<String> = std::fs::read(self.intent(id))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        for name in names {
            let is_ours = self.volumes.get(&name).is_ok_and(|volume| volume.anonymous);
            if is_ours
                && self.volume_users(&name).is_empty()
                && let Err(error) = self.volumes.remove(&name, false)
            {
                tracing::warn!(%error, "cannot remove a volume of a create that was cut short");
            }
        }
    }

    fn make_volume(
        &self,
        mut wish: MountWish,
        anonymous: &[String],
        made: &mut Vec<String>,
        claim: &mut VolumeClaim,
    ) -> Result<MountRecord> {
        let point = &mut wish.point;
        if point.r#type == "bind" && !wish.create_source && !Path::new(&point.source).exists() {
            return Err(missing_source(&point.source));
        }
        if point.r#type == "image" {
            let image = self.image(&point.name).map_err(missing_is_invalid)?.image;
            wish.layers.clone_from(&image.chain);
            point.source = image.id.to_string();
            return Ok(wish);
        }
        if point.r#type != "volume" {
            return Ok(wish);
        }
        claim.add(&point.name);
        let unnamed = anonymous.contains(&point.name);
        let mut labels = std::mem::take(&mut wish.labels);
        labels.extend(unnamed.then(anonymous_label));
        let (volume, new) = self.volumes.create(VolumeRequest {
            name: point.name.clone(),
            driver: point.driver.clone(),
            anonymous: unnamed,
            labels,
            options: std::mem::take(&mut wish.driver_options),
            now_ns: now_ns(),
        })?;
        if new {
            made.push(volume.name.clone());
            self.publish_volume("create", &volume);
        }
        point.driver.clone_from(&volume.driver);
        if point.mode.is_empty() && !unnamed && volume.is_local() {
            // What Docker shows of a named volume nobody asked a mode for.
            "z".clone_into(&mut point.mode);
        }
        point.source = self.volumes.shown_path(&volume);
        Ok(wish)
    }

    /// Keeps the layers of images that a container mounts, as long as there is the container.
    pub(crate) fn hold_mounted_images(&self, id: &ContainerId, mounts: &[MountRecord]) -> Result<()> {
        self.adopt_mounted_images(id, mounts);
        // One that was removed meanwhile was not kept any more.
        for mount in mounts.iter().filter(|mount| mount.point.r#type == "image") {
            self.image(&mount.point.source).map_err(missing_is_invalid)?;
        }
        Ok(())
    }

    pub(crate) fn adopt_mounted_images(&self, id: &ContainerId, mounts: &[MountRecord]) {
        let layers: Vec<Digest> = mounts.iter().flat_map(|mount| mount.layers.clone()).collect();
        if !layers.is_empty() {
            self.images.adopt(&image_mounts_key(id), &layers);
        }
    }

    pub(crate) fn publish_volume(&self, action: &str, volume: &Volume) {
        let attributes = [("driver".to_owned(), volume.driver.clone())].into();
        self.events.publish("volume", action, &volume.name, attributes);
    }

    /// Containers (identifiers) that use the volume called `name`.
    pub(crate) fn volume_users(&self, name: &str) -> Vec<String> {
        self.containers
            .all()
            .iter()
            .filter(|container| {
                let state = container.state();
                state
                    .record
                    .mounts
                    .iter()
                    .any(|mount| mount.is_volume() && mount.point.name == name)
            })
            .map(|container| container.id().to_string())
            .collect()
    }

    /// The volume called `name`.
    ///
    /// # Errors
    /// When there is none of that name, or its plugin does not answer.
    pub async fn volume(self: &Arc<Self>, name: &str) -> Result<corten_wire::Volume> {
        let (engine, name) = (self.clone(), name.to_owned());
        blocking("look at a volume", move || Ok(shown(engine.volumes.look(&name)?))).await
    }

    /// Names of volume drivers in use.
    pub fn volume_drivers(&self) -> Vec<String> {
        self.volumes.drivers()
    }

    /// The volumes that pass the filters, by name, and complaints about plugins that do not answer.
    ///
    /// # Errors
    /// When a filter is unknown.
    pub async fn volume_list(self: &Arc<Self>, filters: Filters) -> Result<corten_wire::VolumeList> {
        const KNOWN: &[&str] = &["dangling", "driver", "label", "name"];
        let invalid = |error: corten_wire::InvalidFilter| Error::Invalid(error.to_string());
        filters.check(KNOWN).map_err(invalid)?;
        let dangling = filters.flag("dangling").map_err(invalid)?;
        let engine = self.clone();
        blocking("list volumes", move || {
            let Listing {
                mut volumes,
                warnings,
            } = engine.volumes.list();
            let names = Patterns::new(filters.values("name"));
            let used = dangling.map(|_| engine.used_volumes()).unwrap_or_default();
            volumes.retain(|seen| {
                let volume = &seen.volume;
                dangling.is_none_or(|wanted| used.contains(&volume.name) != wanted)
                    && filters.allow("driver", |driver| driver == volume.driver)
                    && names.allow(&volume.name)
                    && filters.all_in("label", &volume.labels)
            });
            Ok(corten_wire::VolumeList {
                volumes: volumes.into_iter().map(shown).collect(),
                warnings: (!warnings.is_empty()).then_some(warnings),
            })
        })
        .await
    }

    /// Names of all volumes that containers have.
    fn used_volumes(&self) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        for container in self.containers.all() {
            let state = container.state();
            let volumes = state.record.mounts.iter().filter(|mount| mount.is_volume());
            used.extend(volumes.map(|mount| mount.point.name.clone()));
        }
        used
    }

    /// Makes a volume, or returns the one of that name.
    ///
    /// # Errors
    /// When the name, driver or an option is not acceptable.
    pub async fn volume_create(self: &Arc<Self>, mut request: VolumeRequest) -> Result<corten_wire::Volume> {
        if request.name.is_empty() {
            request.name = names::new_id().to_string();
            request.anonymous = true;
            request.labels.extend([anonymous_label()]);
        }
        request.now_ns = now_ns();
        let engine = self.clone();
        to_its_end(async move {
            blocking("make a volume", move || {
                let mut claim = engine.volume_claims.begin();
                claim.add(&request.name);
                let (volume, new) = engine.volumes.create(request)?;
                if new {
                    engine.publish_volume("create", &volume);
                }
                Ok(shown(engine.volumes.look(&volume.name)?))
            })
            .await
        })
        .await
    }

    /// Removes a volume nobody uses. `force`: it is no error when there is none, and one of a plugin that refuses is forgotten.
    ///
    /// # Errors
    /// When there is none, a container uses it, or its plugin refuses.
    pub async fn volume_remove(self: &Arc<Self>, name: &str, force: bool) -> Result<()> {
        let (engine, name) = (self.clone(), name.to_owned());
        to_its_end(async move {
            blocking("remove a volume", move || {
                match engine.remove_volume(&name, force) {
                    Err(error) if force && error.kind() == ErrorKind::NotFound => Ok(()),
                    removed => removed,
                }
            })
            .await
        })
        .await
    }

    pub(crate) fn remove_volume(&self, name: &str, force: bool) -> Result<()> {
        let removed = self.volume_claims.unless_claimed(name, || {
            let users = self.volume_users(name);
            if users.is_empty() {
                return Ok(self.volumes.remove(name, force)?);
            }
            Err(in_use(name, &users))
        });
        let volume = removed.unwrap_or_else(|| Err(in_use(name, &[])))?;
        self.publish_volume("destroy", &volume);
        Ok(())
    }
}

/// Under which name a container keeps the images it mounts.
pub(crate) fn image_mounts_key(id: &ContainerId) -> String {
    format!("{id}.mounts")
}

/// A volume in the API's terms.
pub(crate) fn shown(seen: Seen) -> corten_wire::Volume {
    let volume = seen.volume;
    let made = (volume.created_at_ns != 0).then(|| rfc3339_seconds(volume.created_at_ns));
    corten_wire::Volume {
        created_at: seen.created_at.or(made).unwrap_or_default(),
        driver: volume.driver,
        labels: (!volume.labels.is_empty()).then_some(volume.labels),
        mountpoint: seen.mountpoint,
        name: volume.name,
        options: (!volume.options.is_empty()).then_some(volume.options),
        scope: seen.scope,
        status: seen.status,
        ..corten_wire::Volume::default()
    }
}

fn in_use(name: &str, users: &[String]) -> Error {
    if users.is_empty() {
        // Something is being done with it this moment.
        return Error::Conflict(format!(
            "remove {name}: volume is in use by a create or an import that goes on"
        ));
    }
    Error::Conflict(format!(
        "remove {name}: volume is in use - [{}]",
        users.join(", ")
    ))
}

/// How Docker marks volumes nobody gave a name, since its release 23.
fn anonymous_label() -> (String, String) {
    ("com.docker.volume.anonymous".to_owned(), String::new())
}
/// The source of a bind mount is not there and not to be made.
pub(crate) fn missing_source(path: &str) -> Error {
    Error::Invalid(format!(
        "invalid mount config for type \"bind\": bind source path does not exist: {path}"
    ))
}
