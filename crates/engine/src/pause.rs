//! `pause` and `unpause`: all processes of a container held by the kernel, and let go.

use std::sync::Arc;

use corten_cgroup::Cgroup;

use crate::container::Container;
use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::signal;
use crate::stop::SIGKILL;

impl Engine {
    /// Holds every process of a container until [`Engine::unpause`].
    ///
    /// # Errors
    /// When it does not run, is paused already, or the kernel cannot hold one of its processes.
    pub async fn pause(self: &Arc<Self>, name: &str) -> Result<()> {
        let container = self.containers.find(name)?;
        let engine = self.clone();
        to_its_end(async move {
            let _operation = container.operation.lock().await;
            {
                let state = container.state();
                state.check_running()?;
                if state.paused {
                    return Err(Error::Conflict(format!(
                        "Container {} is already paused",
                        container.id()
                    )));
                }
            }
            engine.held(&container, "pause", Cgroup::freeze).await?;
            container.state().paused = true;
            engine.publish(&container, "pause", &[]);
            Ok(())
        })
        .await
    }

    /// Lets a paused container's processes go on.
    ///
    /// # Errors
    /// When it is not paused, or the kernel refuses.
    pub async fn unpause(self: &Arc<Self>, name: &str) -> Result<()> {
        let container = self.containers.find(name)?;
        let engine = self.clone();
        to_its_end(async move {
            let _operation = container.operation.lock().await;
            if !container.state().paused {
                // No conflict, but a failure, as with Docker.
                return Err(Error::Failed(format!(
                    "Container {} is not paused",
                    container.id()
                )));
            }
            engine.held(&container, "unpause", Cgroup::thaw).await?;
            container.state().paused = false;
            engine.publish(&container, "unpause", &[]);
            Ok(())
        })
        .await
    }

    /// Holds a running container's processes or lets them go.
    async fn held(
        self: &Arc<Self>,
        container: &Arc<Container>,
        verb: &'static str,
        work: fn(&Cgroup) -> corten_cgroup::Result<()>,
    ) -> Result<()> {
        let sandbox = container.state().sandbox.clone();
        match (self.with_cgroup(container, work).await, sandbox) {
            (Ok(()), _) => Ok(()),
            (Err(error), Some(sandbox)) => {
                let error = container.failure(&sandbox, error).await;
                Err(cannot(verb, container)(error))
            }
            (Err(error), None) => Err(cannot(verb, container)(error)),
        }
    }

    /// After a signal that is meant to end a container: one that is held cannot take it, so it is let go. Other signals wait
    /// for its `unpause`.
    pub(crate) async fn resume_to_end(self: &Arc<Self>, container: &Arc<Container>, number: i32) {
        {
            let mut state = container.state();
            let own = state.record.config.stop_signal.as_str();
            let ends = number == SIGKILL || own.is_empty() || signal::parse(own).ok() == Some(number);
            if !ends || !std::mem::take(&mut state.paused) {
                return;
            }
        }
        match self.with_cgroup(container, Cgroup::thaw).await {
            Ok(()) => self.publish(container, "unpause", &[]),
            Err(error) => tracing::warn!(%error, id = %container.id(), "cannot let a paused container end"),
        }
    }

    /// Whether the kernel holds a container's processes.
    pub(crate) async fn is_frozen(self: &Arc<Self>, container: &Arc<Container>) -> bool {
        self.with_cgroup(container, Cgroup::is_frozen)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, id = %container.id(), "cannot see whether a container is paused");
                false
            })
    }

    /// Does something with a container's cgroup, off the async threads.
    pub(crate) async fn with_cgroup<T, F>(self: &Arc<Self>, container: &Container, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Cgroup) -> corten_cgroup::Result<T> + Send + 'static,
    {
        let path = self.cgroup_of(container);
        let engine = self.clone();
        blocking("use a container's cgroup", move || {
            Cgroup::new(engine.sandboxes.cgroups(), &path)
                .and_then(|cgroup| work(&cgroup))
                .map_err(|error| corten_sandbox::Error::from(error).into())
        })
        .await
    }
}

/// A closure for `map_err` that says what could not be done to a container.
pub(crate) fn cannot<'a>(verb: &'static str, container: &'a Container) -> impl FnOnce(Error) -> Error + 'a {
    move |source| Error::Cannot {
        verb,
        id: container.id().clone(),
        source: Box::new(source),
    }
}
