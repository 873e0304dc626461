//! One container in memory: its record, its state, and those who wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use corten_network::Lease;
use corten_sandbox::{Sandbox, Streams};
use corten_types::{ContainerId, ErrorKind};
use tokio::sync::{oneshot, watch};

use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::record::ContainerRecord;
use crate::restart_policy::Backoff;

/// One container.
#[derive(Debug)]
pub(crate) struct Container {
    id: ContainerId,
    /// Held for the length of a change of state, so that changes of one container follow one another.
    pub(crate) operation: tokio::sync::Mutex<()>,
    /// Held while a client copies files of a container that does not run, and for the length of a start, for the two cannot
    /// mount its root file system at once. Taken before `operation`, which a client that stands still must not hold up: it
    /// can be removed all the same.
    pub(crate) files: tokio::sync::Mutex<()>,
    /// Held while a user's wish to remove it is being followed: a second one is refused, as Docker does.
    pub(crate) removal: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
}

/// What changes about a container. Invariant: `sandbox` is set exactly while `phase` is `Running`, and only then is it
/// `paused`.
#[derive(Debug)]
pub(crate) struct State {
    /// The durable part.
    pub(crate) record: ContainerRecord,
    pub(crate) phase: Phase,
    /// What `phase` was before it became `Starting`, which users are shown until it runs.
    pub(crate) before_start: Phase,
    pub(crate) sandbox: Option<Sandbox>,
    /// Its processes are held.
    pub(crate) paused: bool,
    /// Its place on the network that it was created on.
    pub(crate) lease: Option<Lease>,
    /// Its places on further networks.
    pub(crate) further: Vec<Lease>,
    /// Clients that attached before the start.
    pub(crate) waiting_clients: Vec<WaitingClient>,
    /// Execs created in it, oldest first.
    pub(crate) execs: Vec<String>,
    /// How many `restart`s are between before their stop and after their start: the end in between does not remove it.
    pub(crate) restarts: usize,
    /// How long its restart policy waits next time.
    pub(crate) backoff: Backoff,
    /// A user stopped or killed this run: its restart policy does not apply to its end.
    pub(crate) no_restart: bool,
}

/// A client that attached to a container that does not run yet.
#[derive(Debug)]
pub(crate) struct WaitingClient {
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
    pub(crate) streams: oneshot::Sender<Streams>,
}

/// What those who wait for a container see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How often it has ended, failed starts included.
    pub(crate) ends: u64,
    /// Or between an end and the start that follows by its restart policy.
    pub(crate) running: bool,
    pub(crate) removed: bool,
    pub(crate) exit_code: i64,
}

impl Container {
    pub(crate) fn new(record: ContainerRecord) -> Self {
        let exit_code = record.last_run.as_ref().map_or(0, |run| run.exit_code);
        let phase = match &record.last_run {
            Some(run) if run.started_at_ns != 0 => Phase::Exited,
            _ => Phase::Created,
        };
        Self {
            id: record.id.clone(),
            operation: tokio::sync::Mutex::new(()),
            files: tokio::sync::Mutex::new(()),
            removal: tokio::sync::Mutex::new(()),
            progress: watch::Sender::new(Progress {
                ends: 0,
                running: false,
                removed: false,
                exit_code,
            }),
            state: Mutex::new(State {
                record,
                phase,
                before_start: phase,
                sandbox: None,
                paused: false,
                lease: None,
                further: Vec::new(),
                waiting_clients: Vec::new(),
                execs: Vec::new(),
                restarts: 0,
                backoff: Backoff::default(),
                no_restart: false,
            }),
        }
    }

    pub(crate) fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The state, locked; never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// What to tell of something that failed in this run: that the container has ended, if that is why.
    pub(crate) async fn failure(&self, sandbox: &Sandbox, error: Error) -> Error {
        match error.kind() {
            ErrorKind::System | ErrorKind::Conflict if sandbox.is_ending().await => {
                Error::NotRunning(self.id.clone())
            }
            _ => error,
        }
    }

    /// The same for whoever has not looked at the run itself.
    pub(crate) async fn failure_of_run(&self, error: Error) -> Error {
        let sandbox = self.state().sandbox.clone();
        match sandbox {
            Some(sandbox) => self.failure(&sandbox, error).await,
            None => error,
        }
    }

    /// Tells those who wait that it runs.
    pub(crate) fn announce_running(&self) {
        self.progress.send_modify(|progress| progress.running = true);
    }

    /// Tells those who wait that it has ended. One that will be `restarted` counts as running on.
    pub(crate) fn announce_end(&self, exit_code: i64, restarted: bool) {
        self.progress.send_modify(|progress| {
            progress.ends += 1;
            progress.running = restarted;
            progress.exit_code = exit_code;
        });
    }

    /// Tells those who wait that it is gone.
    pub(crate) fn announce_removed(&self) {
        self.progress.send_modify(|progress| progress.removed = true);
    }
}

impl State {
    /// Moves on to `next`.
    ///
    /// Debug builds check the move against the table in [`crate::lifecycle`]; all callers hold the operation lock.
    pub(crate) fn advance(&mut self, next: Phase) {
        debug_assert!(self.phase.may_become(next), "{:?} -> {next:?}", self.phase);
        if next == Phase::Starting {
            self.before_start = self.phase;
        }
        self.phase = next;
    }

    /// What users are shown: a container being started is what it was before.
    pub(crate) fn shown(&self) -> Phase {
        if self.phase == Phase::Starting {
            self.before_start
        } else {
            self.phase
        }
    }

    /// Demands that it runs.
    pub(crate) fn check_running(&self) -> Result<()> {
        match (&self.sandbox, self.phase) {
            (Some(_), _) => Ok(()),
            (None, Phase::Restarting) => Err(Error::Conflict(format!(
                "Container {} is restarting, wait until the container is running",
                self.record.id
            ))),
            (None, _) => Err(Error::NotRunning(self.record.id.clone())),
        }
    }

    /// The word `inspect` and `ps` use for its state.
    pub(crate) fn word(&self) -> &'static str {
        if self.paused {
            "paused"
        } else {
            self.shown().word()
        }
    }

    /// Its name with Docker's leading slash left out.
    pub(crate) fn name(&self) -> &str {
        &self.record.name
    }
}
