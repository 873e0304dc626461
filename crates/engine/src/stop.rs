//! `stop`, `kill` and `restart`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::container::{Container, Progress};
use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::restarts::Left;
use crate::signal;

/// Seconds a container is given to stop by itself (Docker's default).
pub(crate) const STOP_TIMEOUT: i64 = 10;
const SIGTERM: i32 = 15;
pub(crate) const SIGKILL: i32 = 9;
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
            let state = container.state();
            if !can_be_stopped(state.phase) {
                return Err(Error::NotModified("container already stopped".to_owned()));
            }
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
            let mut end = match engine.keep_from_restarting(&container).await {
                Left::Run(end) => end,
                Left::Cancelled => {
                    engine.publish(&container, "stop", &[]);
                    return Ok(());
                }
                Left::Nothing => return Err(Error::NotModified("container already stopped".to_owned())),
            };
            engine.send_signal(&container, number).await;
            engine.publish(&container, "kill", &[("signal", number.to_string())]);
            let patience = u64::try_from(timeout).map(Duration::from_secs);
            if !end.within(patience.ok()).await {
                engine.send_signal(&container, SIGKILL).await;
                engine.publish(&container, "kill", &[("signal", SIGKILL.to_string())]);
                if !end.within(Some(KILL_DEADLINE)).await {
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
        let cannot = |source| Error::CannotKill {
            name: name.to_owned(),
            source: Box::new(source),
        };
        let container = self.containers.find(name).map_err(cannot)?;
        let not_running = cannot(Error::NotRunning(container.id().clone()));
        let own_signal = {
            let state = container.state();
            if !can_be_stopped(state.phase) {
                return Err(not_running);
            }
            state.record.config.stop_signal.clone()
        };
        // Docker takes any signal for a wish to end it when the container names none that is.
        let ends_it = number == SIGKILL || own_signal.is_empty() || signal::parse(&own_signal)? == number;
        let engine = self.clone();
        to_its_end(async move {
            let left = if ends_it {
                engine.keep_from_restarting(&container).await
            } else {
                let mut state = container.state();
                state.record.manually_stopped = true;
                match state.phase {
                    Phase::Running => Left::Run(End::of_this_run(&container)),
                    Phase::Restarting => Left::Cancelled,
                    _ => Left::Nothing,
                }
            };
            let mut end = match left {
                Left::Run(end) => end,
                // There is no process to be signalled.
                Left::Cancelled => return Ok(()),
                Left::Nothing => return Err(not_running),
            };
            engine.send_signal(&container, number).await;
            engine.publish(&container, "kill", &[("signal", number.to_string())]);
            if number == SIGKILL {
                end.within(Some(KILL_DEADLINE)).await;
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
        let engine = self.clone();
        let signal = signal.map(str::to_owned);
        let cannot = |source| Error::CannotRestart {
            name: name.to_owned(),
            source: Box::new(source),
        };
        // A client that goes away between the two must not leave the container stopped.
        to_its_end(async move {
            engine
                .restart_container(container, signal.as_deref(), timeout)
                .await
        })
        .await
        .map_err(cannot)
    }

    async fn restart_container(
        self: &Arc<Self>,
        container: Arc<Container>,
        signal: Option<&str>,
        timeout: Option<i64>,
    ) -> Result<()> {
        let id = container.id().to_string();
        // A container started with --rm must not vanish between the two.
        container.state().restarts += 1;
        let stopped = match self.stop_container(container.clone(), signal, timeout).await {
            Err(Error::NotModified(_)) => Ok(()),
            other => other,
        };
        let started = match stopped {
            Ok(()) => {
                // The end was announced before the exit handler let go of the container.
                drop(container.operation.lock().await);
                match self.start(&id).await {
                    // Somebody else was faster: it runs again, which is all that was asked for.
                    Err(Error::NotModified(_)) => Ok(()),
                    other => other,
                }
            }
            Err(error) => Err(error),
        };
        container.state().restarts -= 1;
        started?;
        self.publish(&container, "restart", &[]);
        Ok(())
    }

    async fn send_signal(self: &Arc<Self>, container: &Arc<Container>, number: i32) {
        let sandbox = container.state().sandbox.clone();
        if let Some(sandbox) = sandbox
            && let Err(error) = sandbox.signal(None, number).await
        {
            // It has ended between the look and the signal; the exit event tells.
            tracing::debug!(%error, id = %container.id(), "a signal found no process");
        }
        self.resume_to_end(container, number).await;
    }
}

/// Whether there is a run to be ended, or will be as soon as the start at work is done.
fn can_be_stopped(phase: Phase) -> bool {
    phase.counts_as_running() || phase == Phase::Starting
}

/// The end of the run during which it was made. A container that is started again at once has ended all the same.
pub(crate) struct End {
    progress: watch::Receiver<Progress>,
    ends_before: u64,
}

impl End {
    /// To be called with the state locked and the container running: its end is then announced later.
    pub(crate) fn of_this_run(container: &Container) -> Self {
        let progress = container.progress();
        let ends_before = progress.borrow().ends;
        Self {
            progress,
            ends_before,
        }
    }

    /// Waits for it, forever without `patience`; whether it came.
    pub(crate) async fn within(&mut self, patience: Option<Duration>) -> bool {
        let before = self.ends_before;
        let ended = self.progress.wait_for(|now| now.ends > before);
        match patience {
            Some(patience) => tokio::time::timeout(patience, ended).await.is_ok(),
            None => ended.await.is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[tokio::test]
    async fn a_run_has_ended_even_if_the_next_one_has_begun() {
        let container = Container::new(fixture::record("web"));
        container.announce_running();
        let mut end = End::of_this_run(&container);
        assert!(!end.within(Some(Duration::ZERO)).await);
        container.announce_end(0, false);
        container.announce_running();
        assert!(end.within(Some(Duration::from_secs(5))).await);
    }
}
