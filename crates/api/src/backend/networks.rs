//! Calls about networks.

use async_trait::async_trait;
use corten_wire::{Filters, Network, NetworkCreateRequest};

use crate::ApiResult;

/// Networks.
#[async_trait]
pub trait NetworksApi: Send + Sync {
    /// Lists networks.
    async fn list(&self, filters: Filters) -> ApiResult<Vec<Network>>;

    /// All there is to know of one, named by name, identifier or prefix of it. `scope` narrows a name down.
    async fn inspect(&self, network: &str, scope: Option<&str>) -> ApiResult<Network>;

    /// Makes one; gives its identifier.
    async fn create(&self, request: NetworkCreateRequest) -> ApiResult<String>;

    /// Removes one that nobody is on.
    async fn remove(&self, network: &str) -> ApiResult<()>;
}
