//! The volumes of containers: made when a container is, filled from its image, removed when nobody uses them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use corten_types::{ContainerId, Digest};
use corten_volume::{Volume, VolumeRequest};
use corten_wire::Filters;

use crate::clock::{now_ns, rfc3339_seconds};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::list_filter::Patterns;
use crate::mounts::MountWish;
use crate::names;
use crate::record::MountRecord;
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
                && let Err(error) = self.volumes.remove(&name)
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
            return Err(Error::Invalid(format!(
                "invalid mount config for type \"bind\": bind source path does not exist: {}",
                point.source
            )));
        }
        if point.r#type != "volume" {
            return Ok(wish);
        }
        claim.add(&point.name);
        let unnamed = anonymous.contains(&point.name);
        let (volume, new) = self.volumes.create(VolumeRequest {
            name: point.name.clone(),
            driver: point.driver.clone(),
            anonymous: unnamed,
            labels: unnamed.then(anonymous_label).into_iter().collect(),
            now_ns: now_ns(),
            ..VolumeRequest::default()
        })?;
        if new {
            made.push(volume.name.clone());
            self.publish_volume("create", &volume.name);
        }
        point.source = self.volumes.mountpoint(&volume.name).display().to_string();
        Ok(wish)
    }

    pub(crate) fn publish_volume(&self, action: &str, name: &str) {
        self.events.publish(
            "volume",
            action,
            name,
            [("driver".to_owned(), "local".to_owned())].into(),
        );
    }

    /// Copies what the image has at the target of each empty volume into it, as Docker does.
    pub(crate) fn populate_volumes(
        &self,
        id: &ContainerId,
        chain: &[Digest],
        mounts: &[MountRecord],
    ) -> Result<()> {
        let targets: Vec<(PathBuf, PathBuf)> = mounts
            .iter()
            .filter(|mount| mount.point.r#type == "volume" && !mount.options.iter().any(|o| o == "nocopy"))
            .map(|mount| {
                (
                    PathBuf::from(&mount.point.destination),
                    PathBuf::from(&mount.point.source),
                )
            })
            .filter(|(_, source)| is_empty_dir(source))
            .collect();
        if targets.is_empty() {
            return Ok(());
        }
        let rootfs = self.snapshots.rootfs(id.as_str(), chain)?;
        Ok(corten_sandbox::copy_up(
            &crate::options::overlay(rootfs, false),
            &targets,
        )?)
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
                    .any(|m| m.point.r#type == "volume" && m.point.name == name)
            })
            .map(|container| container.id().to_string())
            .collect()
    }

    /// The volume called `name`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn volume(&self, name: &str) -> Result<Volume> {
        Ok(self.volumes.get(name)?)
    }

    /// The volumes that pass the filters, by name.
    ///
    /// # Errors
    /// When a filter is unknown.
    pub fn volume_list(&self, filters: &Filters) -> Result<Vec<Volume>> {
        const KNOWN: &[&str] = &["dangling", "driver", "label", "name"];
        let invalid = |error: corten_wire::InvalidFilter| Error::Invalid(error.to_string());
        filters.check(KNOWN).map_err(invalid)?;
        let dangling = filters.flag("dangling").map_err(invalid)?;
        let names = Patterns::new(filters.values("name"));
        let mut volumes = self.volumes.list();
        let mut used = BTreeSet::new();
        if dangling.is_some() {
            for container in self.containers.all() {
                let state = container.state();
                used.extend(state.record.mounts.iter().map(|mount| mount.point.name.clone()));
            }
        }
        volumes.retain(|volume| {
            dangling.is_none_or(|wanted| used.contains(&volume.name) != wanted)
                && filters.allow("driver", |driver| driver == "local")
                && names.allow(&volume.name)
                && filters.all_in("label", &volume.labels)
        });
        Ok(volumes)
    }

    /// A volume in the API's terms.
    pub fn volume_shown(&self, volume: Volume) -> corten_wire::Volume {
        corten_wire::Volume {
            created_at: rfc3339_seconds(volume.created_at_ns),
            driver: "local".to_owned(),
            labels: (!volume.labels.is_empty()).then_some(volume.labels),
            mountpoint: self.volumes.mountpoint(&volume.name).display().to_string(),
            name: volume.name,
            scope: "local".to_owned(),
            ..corten_wire::Volume::default()
        }
    }

    /// Makes a volume, or returns the one of that name.
    ///
    /// # Errors
    /// When the name, driver or an option is not acceptable.
    pub fn volume_create(&self, mut request: VolumeRequest) -> Result<Volume> {
        if request.name.is_empty() {
            request.name = names::new_id().to_string();
            request.anonymous = true;
            request.labels.extend([anonymous_label()]);
        }
        request.now_ns = now_ns();
        let (volume, new) = self.volumes.create(request)?;
        if new {
            self.publish_volume("create", &volume.name);
        }
        Ok(volume)
    }

    /// Removes a volume nobody uses.
    ///
    /// # Errors
    /// When there is none, or a container uses it.
    pub fn volume_remove(&self, name: &str) -> Result<()> {
        self.volumes.get(name)?;
        let removed = self.volume_claims.unless_claimed(name, || {
            let users = self.volume_users(name);
            if users.is_empty() {
                return Ok(self.volumes.remove(name)?);
            }
            Err(in_use(name, &users))
        });
        removed.unwrap_or_else(|| Err(in_use(name, &[])))?;
        self.publish_volume("destroy", name);
        Ok(())
    }
}

fn in_use(name: &str, users: &[String]) -> Error {
    Error::Conflict(format!(
        "remove {name}: volume is in use - [{}]",
        users.join(", ")
    ))
}

/// How Docker marks volumes nobody gave a name, since its release 23.
fn anonymous_label() -> (String, String) {
    ("com.docker.volume.anonymous".to_owned(), String::new())
}

fn is_empty_dir(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
