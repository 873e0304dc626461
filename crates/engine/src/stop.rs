//! `stop`, `kill` and `restart`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::container::{Container, Progress};
use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::signal;

/// Seconds a container is given to stop by itself (Docker's default).
const STOP_TIMEOUT: i64 = 10;
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
/// How long a killed container may take to be gone before the client is told that something is wrong.
const KILL_DEADLINE: Duration = Duration::from_secs(30);

impl Engine {
    /// Asks a container to stop, and kills it if it has not after `timeout` seconds (its own setting or 10 when `None`; forever
    /// when negative).
    ///
    /// # Errors
    /// When it does not run ([`Error::NotModified`]), or does not even die.
    pub async fn stop(
        self: &Arc<Self>,
        name: &str,
        signal: Option<&str>,
        timeout: Option<i64>,
    ) -> Result<()> {
        let container = self.containers.find(name)?;
        self.stop_container(container, signal, timeout).await
    }

    pub(crate) async fn stop_container(
        self: &Arc<Self>,
        container: Arc<Container>,
        signal: Option<&str>,
        timeout: Option<i64>,
    ) -> Result<()> {
        let (own_signal, own_timeout) = {
            let mut state = container.state();
            if state.sandbox.is_none() {
                return Err(Error::NotModified("container already stopped".to_owned()));
            }
            state.stop_requested = true;
            (
                state.record.config.stop_signal.clone(),
                state.record.config.stop_timeout,
            )
        };
        let number = match signal.unwrap_or(&own_signal) {
            "" => SIGTERM,
            text => signal::parse(text)?,
        };
        let timeout = timeout.or(own_timeout).unwrap_or(STOP_TIMEOUT);
        let engine = self.clone();
        to_its_end(async move {
            let mut progress = container.progress();
            engine.send_signal(&container, number).await;
            engine.publish(&container, "kill", &[("signal", number.to_string())]);
            let patience = u64::try_from(timeout).map(Duration::from_secs);
            if !ended_within(&mut progress, patience.ok()).await {
                engine.send_signal(&container, SIGKILL).await;
                engine.publish(&container, "kill", &[("signal", SIGKILL.to_string())]);
                if !ended_within(&mut progress, Some(KILL_DEADLINE)).await {
                    let name = container.state().name().to_owned();
                    return Err(Error::System {
                        what: format!("cannot stop container: {name}"),
                        source: std::io::Error::other(
                            "tried to kill container, but did not receive an exit event",
                        ),
                    });
                }
            }
            engine.publish(&container, "stop", &[]);
            Ok(())
        })
        .await
    }

    /// Sends a signal (`KILL` when `None`). Does not wait for its effect, but for the end after `KILL`, as Docker does.
    ///
    /// # Errors
    /// When the container does not run or there is no such signal.
    pub async fn kill(self: &Arc<Self>, name: &str, signal: Option<&str>) -> Result<()> {
        let number = match signal {
            None | Some("") => SIGKILL,
            Some(text) => signal::parse(text)?,
        };
        let container = self.containers.find(name)?;
        {
            let mut state = container.state();
            if state.sandbox.is_none() {
                return Err(Error::Conflict(format!(
                    "cannot kill container: {name}: container {} is not running",
                    container.id()
                )));
            }
            state.stop_requested = true;
        }
        let engine = self.clone();
        to_its_end(async move {
            let mut progress = container.progress();
            engine.send_signal(&container, number).await;
            engine.publish(&container, "kill", &[("signal", number.to_string())]);
            if number == SIGKILL {
                ended_within(&mut progress, Some(KILL_DEADLINE)).await;
            }
            Ok(())
        })
        .await
    }

    /// Stops a container if it runs, and starts it again.
    ///
    /// # Errors
    /// As [`Engine::stop`] and [`Engine::start`].
    pub async fn restart(
        self: &Arc<Self>,
        name: &str,
        signal: Option<&str>,
        timeout: Option<i64>,
    ) -> Result<()> {
        let container = self.containers.find(name)?;
        let id = container.id().to_string();
        // A container started with --rm must not vanish between the two.
        container.state().restarting = true;
        let stopped = match self.stop_container(container.clone(), signal, timeout).await {
            Err(Error::NotModified(_)) => Ok(()),
            other => other,
        };
        let started = match stopped {
            Ok(()) => {
                // The end was announced before the exit handler let go of the container.
                drop(container.operation.lock().await);
                self.start(&id).await
            }
            Err(error) => Err(error),
        };
        container.state().restarting = false;
        started?;
        self.publish(&container, "restart", &[]);
        Ok(())
    }

    async fn send_signal(&self, container: &Container, number: i32) {
        let sandbox = container.state().sandbox.clone();
        if let Some(sandbox) = sandbox
            && let Err(error) = sandbox.signal(None, number).await
        {
            // It has ended between the look and the signal; the exit event tells.
            tracing::debug!(%error, id = %container.id(), "a signal found no process");
        }
    }
}

/// Waits for the next end, forever without `patience`.
async fn ended_within(progress: &mut watch::Receiver<Progress>, patience: Option<Duration>) -> bool {
    let ended = progress.wait_for(|now| !now.running);
    match patience {
        Some(patience) => tokio::time::timeout(patience, ended).await.is_ok(),
        None => ended.await.is_ok(),
    }
}
