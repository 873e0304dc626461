//! Calls on volumes.

use bytes::Bytes;
use corten_wire::{Volume, VolumeCreateRequest, VolumeList};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters};

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

    /// Removes a volume.
    pub async fn remove_volume(&self, name: &str, force: bool) -> Result<(), Error> {
        let target = Target::of(KIND, name, "").with_flag("force", force);
        self.done(Call::delete(target)).await
    }
}
