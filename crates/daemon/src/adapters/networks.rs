//! `/networks`.

use std::sync::Arc;

use async_trait::async_trait;
use corten_api::ApiResult;
use corten_api::backend::NetworksApi;
use corten_engine::Engine;
use corten_wire::{Filters, Network, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest};

use super::refuse;

pub(crate) struct Networks {
    pub(crate) engine: Arc<Engine>,
}

#[async_trait]
impl NetworksApi for Networks {
    async fn list(&self, filters: Filters) -> ApiResult<Vec<Network>> {
        self.engine.network_list(&filters).map_err(refuse)
    }

    async fn inspect(&self, network: &str, scope: Option<&str>) -> ApiResult<Network> {
        let found = self.engine.network_inspect(network).map_err(refuse)?;
        match scope {
            Some(scope) if !scope.is_empty() && scope != found.scope => {
                Err(refuse(corten_engine::Error::NoSuchNetwork(network.to_owned())))
            }
            _ => Ok(found),
        }
    }

    async fn create(&self, request: NetworkCreateRequest) -> ApiResult<String> {
        self.engine.network_create(request).await.map_err(refuse)
    }

    async fn remove(&self, network: &str) -> ApiResult<()> {
        self.engine.network_remove(network).await.map_err(refuse)
    }

    async fn connect(&self, network: &str, request: NetworkConnectRequest) -> ApiResult<()> {
        self.engine
            .network_connect(network, request)
            .await
            .map_err(refuse)
    }

    async fn disconnect(&self, network: &str, request: NetworkDisconnectRequest) -> ApiResult<()> {
        self.engine
            .network_disconnect(network, request)
            .await
            .map_err(refuse)
    }
}
