//! Calls about volumes.

use async_trait::async_trait;
use corten_wire::{Filters, Volume, VolumeCreateRequest, VolumeList};

use crate::ApiResult;

/// Volumes.
#[async_trait]
pub trait VolumesApi: Send + Sync {
    /// Lists volumes.
    async fn list(&self, filters: Filters) -> ApiResult<VolumeList>;

    /// All there is to know of one.
    async fn inspect(&self, name: &str) -> ApiResult<Volume>;

    /// Makes one, or returns the one of that name.
    async fn create(&self, request: VolumeCreateRequest) -> ApiResult<Volume>;

    /// Removes one. `force`: it is no error when there is none.
    async fn remove(&self, name: &str, force: bool) -> ApiResult<()>;
}
