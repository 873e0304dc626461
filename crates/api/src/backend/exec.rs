//! Calls about further commands in running containers.

use async_trait::async_trait;
use corten_wire::{ExecCreateRequest, ExecInspect, ExecStartRequest, IdResponse};

use super::streams::Attached;
use crate::ApiResult;

/// Further commands in running containers.
#[async_trait]
pub trait ExecApi: Send + Sync {
    /// Notes a command to be run.
    async fn create(&self, container: &str, request: ExecCreateRequest) -> ApiResult<IdResponse>;

    /// All there is to know of one.
    async fn inspect(&self, exec: &str) -> ApiResult<ExecInspect>;

    /// Runs it and leaves it alone.
    async fn start_detached(&self, exec: &str, request: ExecStartRequest) -> ApiResult<()>;

    /// Runs it, attached to what its creator asked for.
    ///
    /// # Errors
    /// `NotFound` when there is no such exec and `Conflict` when its container does not run become the answer's status.
    /// Every other error (the program does not exist, the system failed) means that the run itself failed: like dockerd,
    /// the API then writes the sentence to the attached client, who learns the exit code (126, 127) by
    /// [`ExecApi::inspect`].
    async fn start_attached(&self, exec: &str, request: ExecStartRequest) -> ApiResult<Attached>;

    /// Sets the size of its terminal in characters.
    async fn resize(&self, exec: &str, height: u16, width: u16) -> ApiResult<()>;
}
