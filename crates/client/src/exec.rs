//! Calls that run further commands in a container.

use corten_wire::{ExecCreateRequest, ExecInspect, ExecStartRequest, IdResponse};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Hijacked};

/// # Errors
/// As for containers.
impl Client {
    /// Prepares a command; returns its identifier.
    pub async fn create_exec(&self, container: &str, body: &ExecCreateRequest) -> Result<String, Error> {
        let target = Target::of("containers", container, "/exec");
        let answer: IdResponse = self.json(Call::post(target).with_json(body)?).await?;
        Ok(answer.id)
    }

    /// Starts a prepared command and leaves it alone.
    pub async fn start_exec_detached(&self, id: &str, body: &ExecStartRequest) -> Result<(), Error> {
        self.done(start(id, body)?).await
    }

    /// Starts a prepared command and attaches to its streams.
    pub async fn start_exec(&self, id: &str, body: &ExecStartRequest) -> Result<Hijacked, Error> {
        self.hijack(start(id, body)?).await
    }

    /// How a command is doing or how it ended.
    pub async fn inspect_exec(&self, id: &str) -> Result<ExecInspect, Error> {
        self.json(Call::get(Target::of("exec", id, "/json"))).await
    }

    /// Sets the size of a command's terminal, in characters.
    pub async fn resize_exec(&self, id: &str, height: u16, width: u16) -> Result<(), Error> {
        let target = Target::of("exec", id, "/resize")
            .with("h", height)
            .with("w", width);
        self.done(Call::post(target)).await
    }
}

fn start(id: &str, body: &ExecStartRequest) -> Result<Call, Error> {
    Call::post(Target::of("exec", id, "/start")).with_json(body)
}
