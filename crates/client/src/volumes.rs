//! Calls on volumes.

use bytes::Bytes;
use corten_wire::{Volume, VolumeCreateRequest, VolumeList};
use serde_json::Value;

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters, RawStream, Upload};

const KIND: &str = "volumes";

/// # Errors
/// As for containers.
impl Client {
    /// Lists volumes.
    pub async fn list_volumes(&self, filters: &Filters) -> Result<VolumeList, Error> {
        self.json(Call::get(Target::new("/volumes").with_filters(filters)))
            .await
    }

    /// Creates a volume.
    pub async fn create_volume(&self, body: &VolumeCreateRequest) -> Result<Volume, Error> {
        self.json(Call::post(Target::new("/volumes/create")).with_json(body)?)
            .await
    }

    /// Everything about a volume, as the engine wrote it.
    pub async fn inspect_volume_raw(&self, name: &str) -> Result<Bytes, Error> {
        self.bytes(Call::get(Target::of(KIND, name, ""))).await
    }

    /// Changes a volume of a swarm, whose present version the caller has seen.
    pub async fn update_volume(&self, id: &str, version: u64, body: &Value) -> Result<(), Error> {
        let target = Target::of(KIND, id, "").with("version", version);
        self.done(Call::put(target).with_json(body)?).await
    }

    /// All files of a volume, as a tar archive. Corten's own.
    pub async fn export_volume(&self, name: &str) -> Result<RawStream, Error> {
        self.raw(Call::get(Target::of(KIND, name, "/archive"))).await
    }

    /// Unpacks a tar archive in a volume. Corten's own.
    pub async fn import_volume(&self, name: &str, archive: Upload) -> Result<(), Error> {
        // An upload cannot be sent twice, so the version must be right the first time.
        self.negotiate().await?;
        let target = Target::of(KIND, name, "/archive");
        self.done(Call::put(target).with_upload(archive)).await
    }

    /// Removes a volume.
    pub async fn remove_volume(&self, name: &str, force: bool) -> Result<(), Error> {
        let target = Target::of(KIND, name, "").with_flag("force", force);
        self.done(Call::delete(target)).await
    }
}
