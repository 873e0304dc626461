//! `attach` and `resize`.

use std::sync::Arc;

use corten_sandbox::Streams;
use tokio::sync::oneshot;

use crate::container::WaitingClient;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::lifecycle::Phase;

/// A client's connection to a container's streams, now or once it starts.
#[derive(Debug)]
pub struct Attachment {
    /// Whether the streams are one terminal.
    pub tty: bool,
    /// Whether the container takes input.
    pub open_stdin: bool,
    streams: Connection,
}

#[derive(Debug)]
enum Connection {
    Now(Streams),
    AtStart(oneshot::Receiver<Streams>),
}

impl Attachment {
    /// The streams; waits for the start of a container that does not run yet. `None` when it never started.
    pub async fn streams(self) -> Option<Streams> {
        match self.streams {
            Connection::Now(streams) => Some(streams),
            Connection::AtStart(later) => later.await.ok(),
        }
    }
}

impl Engine {
    /// Attaches to a container, before or after its start.
    ///
    /// # Errors
    /// When there is none, or it is being removed.
    pub async fn attach(
        self: &Arc<Self>,
        name: &str,
        stdin: bool,
        stdout: bool,
        stderr: bool,
    ) -> Result<Attachment> {
        let container = self.containers.find(name)?;
        let (tty, open_stdin, running) = {
            let mut state = container.state();
            let (tty, open_stdin) = (state.record.config.tty, state.record.config.open_stdin);
            match (&state.sandbox, state.phase) {
                (Some(_), _) if state.paused => {
                    return Err(Error::Conflict(format!(
                        "container {name} is paused, unpause the container before attach"
                    )));
                }
                (Some(sandbox), _) => (tty, open_stdin, sandbox.clone()),
                (None, Phase::Restarting) => {
                    return Err(Error::Conflict(format!(
                        "container {name} is restarting, wait until the container is running"
                    )));
                }
                (None, Phase::Removing | Phase::Dead) => {
                    return Err(Error::Conflict(format!("container {name} is marked for removal")));
                }
                (None, _) => {
                    let (sender, later) = oneshot::channel();
                    state.waiting_clients.retain(|client| !client.streams.is_closed());
                    state.waiting_clients.push(WaitingClient {
                        stdin,
                        stdout,
                        stderr,
                        streams: sender,
                    });
                    drop(state);
                    self.publish(&container, "attach", &[]);
                    return Ok(Attachment {
                        tty,
                        open_stdin,
                        streams: Connection::AtStart(later),
                    });
                }
            }
        };
        let streams = match running.attach(stdin, stdout, stderr).await {
            Ok(streams) => streams,
            Err(error) => return Err(container.failure(&running, error.into()).await),
        };
        self.publish(&container, "attach", &[]);
        Ok(Attachment {
            tty,
            open_stdin,
            streams: Connection::Now(streams),
        })
    }

    /// Sets the size of a container's terminal.
    ///
    /// # Errors
    /// When it does not run or has no terminal.
    pub async fn resize(self: &Arc<Self>, name: &str, columns: u16, rows: u16) -> Result<()> {
        let container = self.containers.find(name)?;
        let sandbox = container.state().sandbox.clone();
        let Some(sandbox) = sandbox else {
            return Err(Error::NotRunning(container.id().clone()));
        };
        if let Err(error) = sandbox.resize(None, columns, rows).await {
            return Err(container.failure(&sandbox, error.into()).await);
        }
        self.publish(
            &container,
            "resize",
            &[("height", rows.to_string()), ("width", columns.to_string())],
        );
        Ok(())
    }
}
