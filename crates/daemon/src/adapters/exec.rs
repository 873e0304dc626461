//! `/exec`.

use std::sync::Arc;

use async_trait::async_trait;
use corten_api::ApiResult;
use corten_api::backend::{Attached, ExecApi};
use corten_engine::Engine;
use corten_wire::{ExecCreateRequest, ExecInspect, ExecStartRequest, IdResponse};
use futures_util::{StreamExt, stream};

use super::{refuse, streams};

pub(crate) struct Exec {
    pub(crate) engine: Arc<Engine>,
}

#[async_trait]
impl ExecApi for Exec {
    async fn create(&self, container: &str, request: ExecCreateRequest) -> ApiResult<IdResponse> {
        Ok(IdResponse {
            id: self.engine.exec_create(container, request).map_err(refuse)?,
        })
    }

    async fn inspect(&self, exec: &str) -> ApiResult<ExecInspect> {
        self.engine.exec_inspect(exec).map_err(refuse)
    }

    async fn start_detached(&self, exec: &str, request: ExecStartRequest) -> ApiResult<()> {
        self.engine
            .exec_start(exec, false, size(&request))
            .await
            .map_err(refuse)?;
        Ok(())
    }

    async fn start_attached(&self, exec: &str, request: ExecStartRequest) -> ApiResult<Attached> {
        let detach_keys = self.engine.exec_inspect(exec).map_err(refuse)?.detach_keys;
        let started = self
            .engine
            .exec_start(exec, true, size(&request))
            .await
            .map_err(refuse)?;
        let Some(started) = started else {
            return Err(corten_api::ApiError::new(
                corten_types::ErrorKind::System,
                "the exec has no streams",
            ));
        };
        let tty = started.tty;
        let with_stdin = started.stdin;
        let (output, stdin) = streams::connect(async move { Some(started.streams) }, with_stdin);
        let (engine, id) = (self.engine.clone(), exec.to_owned());
        let recorded = stream::once(async move { engine.exec_ended_recorded(&id).await });
        let output = Box::pin(output.chain(recorded.filter_map(|()| std::future::ready(None))));
        Ok(Attached {
            tty,
            detach_keys,
            stdin,
            output,
        })
    }

    async fn resize(&self, exec: &str, height: u16, width: u16) -> ApiResult<()> {
        self.engine.exec_resize(exec, width, height).await.map_err(refuse)
    }
}

/// Columns and rows from Docker's height and width.
fn size(request: &ExecStartRequest) -> Option<(u16, u16)> {
    let [height, width] = request.console_size?;
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}
