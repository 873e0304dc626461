//! Calls about networks.

use async_trait::async_trait;
use corten_wire::{Filters, Network};

use crate::ApiResult;

/// Networks.
#[async_trait]
pub trait NetworksApi: Send + Sync {
    /// Lists networks.
    async fn list(&self, filters: Filters) -> ApiResult<Vec<Network>>;

    /// All there is to know of one, named by name, identifier or prefix of it. `scope` narrows a name down.
    async fn inspect(&self, network: &str, scope: Option<&str>) -> ApiResult<Network>;
}
