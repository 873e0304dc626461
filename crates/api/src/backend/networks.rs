//! Calls about networks.

use async_trait::async_trait;
use corten_wire::{Filters, Network, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest};

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

    /// Puts a container on one, whether it runs or not.
    async fn connect(&self, network: &str, request: NetworkConnectRequest) -> ApiResult<()>;

    /// Takes a container off one.
    async fn disconnect(&self, network: &str, request: NetworkDisconnectRequest) -> ApiResult<()>;
}
