//! `/system/df` and the prunes.

use std::sync::Arc;

use async_trait::async_trait;
use corten_api::ApiResult;
use corten_api::backend::{DiskUsageQuery, HousekeepingApi};
use corten_engine::{DiskUsageWish, Engine};
use corten_wire::{
    BuildCachePruned, ContainersPruned, DiskUsage, Filters, ImagesPruned, NetworksPruned, VolumesPruned,
};

use super::refuse;

pub(crate) struct Housekeeping {
    pub(crate) engine: Arc<Engine>,
}

#[async_trait]
impl HousekeepingApi for Housekeeping {
    async fn disk_usage(&self, query: DiskUsageQuery) -> ApiResult<DiskUsage> {
        let DiskUsageQuery {
            containers,
            images,
            volumes,
            build_cache,
            legacy,
            summaries,
            verbose,
        } = query;
        let wish = DiskUsageWish {
            containers,
            images,
            volumes,
            build_cache,
            legacy,
            summaries,
            verbose,
        };
        self.engine.disk_usage(wish).await.map_err(refuse)
    }

    async fn prune_containers(&self, filters: Filters) -> ApiResult<ContainersPruned> {
        self.engine.prune_containers(filters).await.map_err(refuse)
    }

    async fn prune_images(&self, filters: Filters) -> ApiResult<ImagesPruned> {
        self.engine.prune_images(filters).await.map_err(refuse)
    }

    async fn prune_volumes(&self, filters: Filters) -> ApiResult<VolumesPruned> {
        self.engine.prune_volumes(filters).await.map_err(refuse)
    }

    async fn prune_networks(&self, filters: Filters) -> ApiResult<NetworksPruned> {
        self.engine.prune_networks(filters).await.map_err(refuse)
    }

    async fn prune_build_cache(&self, _all: bool, filters: Filters) -> ApiResult<BuildCachePruned> {
        self.engine.prune_build_cache(filters).await.map_err(refuse)
    }
}
