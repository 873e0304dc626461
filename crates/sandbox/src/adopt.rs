//! Finding containers again after a restart of the daemon.

use std::time::Duration;

use corten_shim_api::{ExitRecord, PROTOCOL_VERSION, Request, Response};
use corten_types::ContainerId;

use crate::error::{Error, Result};
use crate::sandbox::{Sandbox, ask, connect, exit_record, follow, unexpected};
use crate::sandboxes::Sandboxes;

/// A shim that takes longer to answer is named in the log.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a container that ran when the previous daemon ended.
#[derive(Debug)]
pub enum Adopted {
    /// It runs, and its events are followed again.
    Running(Sandbox),
    /// It ended meanwhile.
    Exited(ExitRecord),
    /// Nothing is known of it: the machine was restarted, or its shim was killed.
    Gone,
}

impl Sandboxes {
    /// Looks for the shim of `id`, or for its exit record.
    ///
    /// # Errors
    /// When a shim answers but cannot be understood.
    pub async fn adopt(&self, id: &ContainerId) -> Result<Adopted> {
        let run_dir = self.run_dir(id);
        if let Some(record) = exit_record(&run_dir) {
            return Ok(Adopted::Exited(record));
        }
        let Ok(mut socket) = connect(&run_dir).await else {
            // The shim may have ended between the two looks.
            return Ok(exit_record(&run_dir).map_or(Adopted::Gone, Adopted::Exited));
        };
        let state = match told_if_slow(id, ask(&mut socket, &Request::Watch)).await {
            Ok(Response::State(state)) => state,
            Ok(other) => return Err(unexpected(other)),
            Err(_) => return Ok(exit_record(&run_dir).map_or(Adopted::Gone, Adopted::Exited)),
        };
        if state.version > PROTOCOL_VERSION {
            return Err(Error::Refused(format!(
                "the shim of {} speaks protocol {}, newer than this daemon's {PROTOCOL_VERSION}",
                id.short(),
                state.version
            )));
        }
        if !state.started {
            // It was being started when the daemon died, and is undone by its shim, which [`Sandboxes::clear`] waits for.
            return Ok(Adopted::Gone);
        }
        let sandbox = Sandbox::new(
            id.clone(),
            state.pid,
            state.version,
            run_dir,
            self.cgroup_path(id),
        );
        tokio::spawn(follow(sandbox.clone(), socket, self.events(), None));
        Ok(Adopted::Running(sandbox))
    }
}

/// Waits for a shim's answer as long as it takes, since only it knows its container, and says whom the start is waiting for.
async fn told_if_slow<T>(id: &ContainerId, answer: impl Future<Output = T>) -> T {
    let mut answer = std::pin::pin!(answer);
    match tokio::time::timeout(PATIENCE, &mut answer).await {
        Ok(answer) => answer,
        Err(_) => {
            tracing::warn!(
                container = id.as_str(),
                "its shim does not answer: waiting for it"
            );
            answer.await
        }
    }
}
