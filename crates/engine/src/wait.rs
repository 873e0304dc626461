//! `wait`.

use std::future::Future;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::Result;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// That it does not run (at once if it does not now).
    NotRunning,
    /// Its next end.
    NextExit,
    /// Its removal.
    Removed,
}

impl Engine {
    /// A future that becomes the exit code once what is waited for has come. What happens from now on counts, whenever the
    /// future is first polled.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn wait(
        self: &Arc<Self>,
        name: &str,
        condition: WaitFor,
    ) -> Result<impl Future<Output = i64> + Send + use<>> {
        let container = self.containers.find(name)?;
        let mut progress = container.progress();
        let before = *progress.borrow();
        Ok(async move {
            // Holds on to the container, so that the channel outlives its removal.
            let _container = container;
            let arrived = progress.wait_for(|now| match condition {
                // Also the end of one that will be started again by its restart policy.
                WaitFor::NotRunning => !now.running || now.ends > before.ends,
                WaitFor::NextExit => now.ends > before.ends,
                WaitFor::Removed => now.removed,
            });
            arrived.await.map_or(before.exit_code, |now| now.exit_code)
        })
    }
}
