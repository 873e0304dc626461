//! `/volumes`.

use std::sync::Arc;

use async_trait::async_trait;
use corten_api::backend::{ByteStream, VolumesApi};
use corten_api::{ApiError, ApiResult};
use corten_engine::{Cancel, Engine};
use corten_types::ErrorKind;
use corten_volume::VolumeRequest;
use corten_wire::{Filters, Volume, VolumeCreateRequest, VolumeList};

use super::{refuse, streams};

pub(crate) struct VolumesAdapter {
    pub(crate) engine: Arc<Engine>,
}

#[async_trait]
impl VolumesApi for VolumesAdapter {
    async fn list(&self, filters: Filters) -> ApiResult<VolumeList> {
        self.engine.volume_list(filters).await.map_err(refuse)
    }

    async fn inspect(&self, name: &str) -> ApiResult<Volume> {
        self.engine.volume(name).await.map_err(refuse)
    }

    async fn create(&self, request: VolumeCreateRequest) -> ApiResult<Volume> {
        if request.cluster_volume_spec.is_some() {
            return Err(ApiError::new(
                ErrorKind::Unavailable,
                "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to \
                 swarm and try again.",
            ));
        }
        let made = self.engine.volume_create(VolumeRequest {
            name: request.name,
            driver: request.driver,
            options: request.driver_opts,
            labels: request.labels.unwrap_or_default(),
            ..VolumeRequest::default()
        });
        made.await.map_err(refuse)
    }

    async fn update(&self, _name: &str) -> ApiResult<()> {
        // Docker's only answer without swarm.
        Err(ApiError::new(
            ErrorKind::Unavailable,
            "volume update only valid for cluster volumes, but swarm is unavailable",
        ))
    }

    async fn export(&self, name: &str) -> ApiResult<ByteStream> {
        let archive = self.engine.volume_export(name).await.map_err(refuse)?;
        Ok(streams::bytes(archive))
    }

    async fn import(&self, name: &str, archive: ByteStream) -> ApiResult<()> {
        let archive = streams::reader(archive);
        let cancel = Cancel::new();
        let _gone = cancel.on_drop();
        self.engine
            .volume_import(name, archive, cancel)
            .await
            .map_err(refuse)
    }

    async fn remove(&self, name: &str, force: bool) -> ApiResult<()> {
        self.engine.volume_remove(name, force).await.map_err(refuse)
    }
}
