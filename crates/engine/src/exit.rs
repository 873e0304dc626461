//! What follows when a container's program ends.

use std::sync::Arc;
use std::time::Duration;

use corten_sandbox::{ExitRecord, SandboxEvent, SandboxEventKind};
use tokio::sync::mpsc;

use crate::clock::now_ns;
use crate::container::{Container, State};
use crate::engine::Engine;
use crate::lifecycle::Phase;
use crate::{health, restart_policy};

/// Exit code of a container whose end nobody saw: as if killed.
const UNSEEN_EXIT: i32 = 137;

impl Engine {
    /// Handles the events of all sandboxes until the channel closes. Each container's are handled in order, those of
    /// different containers at the same time.
    pub async fn follow_sandboxes(self: Arc<Self>, mut events: mpsc::UnboundedReceiver<SandboxEvent>) {
        while let Some(SandboxEvent { id, kind }) = events.recv().await {
            let Some(container) = self.containers.get(&id) else {
                continue;
            };
            match kind {
                SandboxEventKind::ExecExited { exec, code } => self.exec_ended(&container, &exec, code),
                SandboxEventKind::OutOfMemory => self.publish(&container, "oom", &[]),
                SandboxEventKind::LogFailed(reason) => {
                    tracing::error!(%reason, id = %container.id(), "cannot write a container's log: its output is lost");
                }
                SandboxEventKind::LogDropped(lost) => {
                    tracing::warn!(lost, id = %container.id(), "a container's log (mode=non-blocking) was too slow: entries were dropped");
                }
                SandboxEventKind::LogResumed(lost) => {
                    tracing::warn!(lost, id = %container.id(), "a container's log is written again; entries were lost");
                }
                SandboxEventKind::Exited(record) => {
                    tokio::spawn(self.clone().ended(container, record));
                }
                SandboxEventKind::Lost => {
                    tokio::spawn(self.clone().lost(container));
                }
            }
        }
    }

    async fn lost(self: Arc<Self>, container: Arc<Container>) {
        tracing::warn!(id = %container.id(), "a container's shim was killed");
        self.clear(&container).await;
        let record = ExitRecord {
            code: UNSEEN_EXIT,
            oom_killed: false,
            finished_at_ns: now_ns(),
        };
        self.ended(container, record).await;
    }

    /// Ends what a lost shim may have left.
    pub(crate) async fn clear(self: &Arc<Self>, container: &Arc<Container>) {
        let path = self.cgroup_of(container);
        let engine = self.clone();
        let id = container.id().clone();
        let cleared = crate::engine::blocking("clear up after a container", move || {
            Ok(engine.sandboxes.clear(&id, &path)?)
        });
        if let Err(error) = cleared.await {
            tracing::error!(%error, id = %container.id(), "cannot clear up after a container");
        }
    }

    /// Records an end, frees the network, and starts or removes the container again if it asked for that.
    async fn ended(self: Arc<Self>, container: Arc<Container>, exit: ExitRecord) {
        self.record_end(container, exit, true).await;
    }

    /// The same; without `policy`, restart policies are left to [`Engine::start_by_policy`].
    pub(crate) async fn record_end(
        self: Arc<Self>,
        container: Arc<Container>,
        exit: ExitRecord,
        policy: bool,
    ) {
        let _operation = container.operation.lock().await;
        let (leases, restart) = {
            let mut state = container.state();
            if state.phase != Phase::Running {
                return;
            }
            let run = state.record.last_run.get_or_insert_default();
            run.finished_at_ns = exit.finished_at_ns;
            run.exit_code = i64::from(exit.code);
            run.oom_killed = exit.oom_killed;
            let ran_ns = u64::try_from(run.finished_at_ns - run.started_at_ns).unwrap_or_default();
            state.sandbox = None;
            state.paused = false;
            if let Some(health) = &mut state.record.health {
                // Docker's word for a container that nobody checks any more.
                health::UNHEALTHY.clone_into(&mut health.status);
            }
            let restart = (policy && !state.no_restart && wants_back(&state, exit.code)).then(|| {
                state.record.restart_count += 1;
                state.backoff.next(Duration::from_nanos(ran_ns))
            });
            state.advance(if restart.is_some() {
                Phase::Restarting
            } else {
                Phase::Exited
            });
            (state.take_leases(), restart)
        };
        for lease in &leases {
            self.leave_names(lease);
            self.networks.release(lease);
        }
        self.unmount_volumes(container.id()).await;
        self.execs.all_ended(&container);
        let duration = {
            let state = container.state();
            let run = state.record.last_run.clone().unwrap_or_default();
            (run.finished_at_ns - run.started_at_ns).max(0) / 1_000_000_000
        };
        self.publish(
            &container,
            "die",
            &[
                ("exitCode", exit.code.to_string()),
                ("execDuration", duration.to_string()),
            ],
        );
        let record = container.state().record.clone();
        self.publish_network("disconnect", &record);
        self.publish_unmounts(&container);
        container.announce_end(i64::from(exit.code), restart.is_some());
        let removed = {
            let state = container.state();
            state.record.host_config.auto_remove && state.restarts == 0
        };
        if removed {
            self.sandboxes.forget(container.id());
            if let Err(error) = self.remove_locked(&container, true).await {
                tracing::error!(%error, id = %container.id(), "cannot remove an ended container");
            }
            return;
        }
        // The shim's own exit record goes only when ours is on disk: whatever happens, one of them is there.
        match self.store(&container).await {
            Ok(()) => self.sandboxes.forget(container.id()),
            Err(error) => {
                tracing::error!(%error, id = %container.id(), "cannot record how a container ended")
            }
        }
        if let Some(delay) = restart {
            self.restart_after(container.clone(), delay);
        }
    }
}

/// Whether the container's restart policy wants it back after this end.
fn wants_back(state: &State, exit_code: i32) -> bool {
    let record = &state.record;
    restart_policy::wants_back(
        &record.host_config.restart_policy,
        i64::from(exit_code),
        record.manually_stopped,
        record.restart_count,
    )
}
