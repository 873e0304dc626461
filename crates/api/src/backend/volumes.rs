//! Calls about volumes.

use async_trait::async_trait;
use corten_wire::{Filters, Volume, VolumeCreateRequest, VolumeList};

use crate::ApiResult;
use crate::backend::ByteStream;

/// Volumes.
#[async_trait]
pub trait VolumesApi: Send + Sync {
    /// Lists volumes.
    async fn list(&self, filters: Filters) -> ApiResult<VolumeList>;

    /// All there is to know of one.
    async fn inspect(&self, name: &str) -> ApiResult<Volume>;

    /// Makes one, or returns the one of that name.
    async fn create(&self, request: VolumeCreateRequest) -> ApiResult<Volume>;

    /// Changes one of swarm's.
    async fn update(&self, name: &str) -> ApiResult<()>;

    /// All its files as a tar stream. Corten's own.
    async fn export(&self, name: &str) -> ApiResult<ByteStream>;

    /// Unpacks a tar stream, compressed or not, in it. Corten's own.
    async fn import(&self, name: &str, archive: ByteStream) -> ApiResult<()>;

    /// Removes one. `force`: it is no error when there is none.
    async fn remove(&self, name: &str, force: bool) -> ApiResult<()>;
}
