//! `/volumes`.

use std::sync::Arc;

use async_trait::async_trait;
use corten_api::ApiResult;
use corten_api::backend::VolumesApi;
use corten_engine::Engine;
use corten_types::ErrorKind;
use corten_volume::VolumeRequest;
use corten_wire::{Filters, Volume, VolumeCreateRequest, VolumeList};

use super::refuse;

pub(crate) struct VolumesAdapter {
    pub(crate) engine: Arc<Engine>,
}

#[async_trait]
impl VolumesApi for VolumesAdapter {
    async fn list(&self, filters: Filters) -> ApiResult<VolumeList> {
        let volumes = self.engine.volume_list(&filters).map_err(refuse)?;
        Ok(VolumeList {
            volumes: volumes.into_iter().map(|v| self.engine.volume_shown(v)).collect(),
            warnings: None,
        })
    }

    async fn inspect(&self, name: &str) -> ApiResult<Volume> {
        Ok(self
            .engine
            .volume_shown(self.engine.volume(name).map_err(refuse)?))
    }

    async fn create(&self, request: VolumeCreateRequest) -> ApiResult<Volume> {
        let volume = self.engine.volume_create(VolumeRequest {
            name: request.name,
            driver: request.driver,
            options: request.driver_opts,
            labels: request.labels.unwrap_or_default(),
            ..VolumeRequest::default()
        });
        Ok(self.engine.volume_shown(volume.map_err(refuse)?))
    }

    async fn remove(&self, name: &str, force: bool) -> ApiResult<()> {
        match self.engine.volume_remove(name) {
            Err(error) if force && error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(refuse),
        }
    }
}
