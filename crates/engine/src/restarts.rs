//! What restart policies do: start a container again some time after its end, or when the daemon starts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use corten_types::ContainerId;

use crate::container::Container;
use crate::engine::Engine;
use crate::error::Error;
use crate::lifecycle::Phase;
use crate::record::ContainerRecord;
use crate::restart_policy;
use crate::start::Cause;
use crate::stop::End;

/// What is left to be ended of a container that is not to come back.
pub(crate) enum Left {
    /// It does not run.
    Nothing,
    /// It was about to be started again, which it is not any more.
    Cancelled,
    /// It runs.
    Run(End),
}

impl Engine {
    /// Starts `container` again after `delay`, unless somebody changes its state meanwhile.
    pub(crate) fn restart_after(self: &Arc<Self>, container: Arc<Container>, delay: Duration) {
        let engine = self.clone();
        tokio::spawn(async move {
            let after_ns = started_at(&container);
            tokio::time::sleep(delay).await;
            let id = container.id().clone();
            match engine
                .start_container(container, Cause::Policy { after_ns })
                .await
            {
                Ok(()) | Err(Error::NotModified(_) | Error::ShuttingDown) => {}
                Err(error) => tracing::warn!(%error, %id, "cannot restart a container"),
            }
        });
    }

    /// Sees to it that `container`'s policy does not start it after the end that is coming, because a user or the end of the
    /// daemon wants it to stop.
    pub(crate) async fn keep_from_restarting(self: &Arc<Self>, container: &Arc<Container>) -> Left {
        let by_user = !self.ending.load(Ordering::Acquire);
        let must_be_known = {
            let mut state = container.state();
            if !state.phase.counts_as_running() && state.phase != Phase::Starting {
                return Left::Nothing;
            }
            state.no_restart = true;
            state.record.manually_stopped |= by_user;
            by_user && !restart_policy::is_none(&state.record.host_config.restart_policy)
        };
        // A daemon that is killed between the signal and the end must not take the end for the container's own.
        if must_be_known && let Err(error) = self.store(container).await {
            tracing::warn!(%error, id = %container.id(), "cannot record that a container was stopped");
        }
        loop {
            {
                let state = container.state();
                match state.phase {
                    Phase::Running => return Left::Run(End::of_this_run(container)),
                    Phase::Starting | Phase::Restarting => {}
                    _ => return Left::Nothing,
                }
            }
            let _operation = container.operation.lock().await;
            let exit_code = {
                let mut state = container.state();
                if state.phase != Phase::Restarting {
                    continue;
                }
                state.advance(Phase::Exited);
                state.record.last_run.as_ref().map_or(0, |run| run.exit_code)
            };
            container.announce_end(exit_code, false);
            return Left::Cancelled;
        }
    }

    /// Starts what restart policies want to run, at the start of the daemon: those that join another container's namespaces
    /// after that one, all others at the same time.
    pub(crate) async fn start_by_policy(self: &Arc<Self>) {
        let wanted: Vec<Arc<Container>> = self
            .containers
            .all()
            .into_iter()
            .filter(|container| {
                let state = container.state();
                state.phase == Phase::Exited && is_wanted(&state.record)
            })
            .collect();
        for wave in self.waves(wanted) {
            let starts: Vec<_> = wave
                .into_iter()
                .map(|container| {
                    let engine = self.clone();
                    tokio::spawn(async move {
                        let id = container.id().clone();
                        match engine.start_container(container, Cause::Request).await {
                            Ok(()) | Err(Error::NotModified(_)) => {}
                            Err(error) => {
                                tracing::error!(%error, %id, "cannot start a container as its restart policy wants");
                            }
                        }
                    })
                })
                .collect();
            for start in starts {
                if let Err(error) = start.await {
                    tracing::error!(%error, "starting a container failed");
                }
            }
        }
    }

    /// Orders containers so that each comes in a later wave than the one whose namespaces it joins.
    fn waves(&self, mut wanted: Vec<Arc<Container>>) -> Vec<Vec<Arc<Container>>> {
        let mut joined: HashMap<ContainerId, HashSet<ContainerId>> = HashMap::new();
        for container in &wanted {
            let host = container.state().record.host_config.clone();
            let others = [&host.network_mode, &host.pid_mode, &host.ipc_mode]
                .into_iter()
                .filter_map(|mode| mode.strip_prefix("container:"))
                .filter_map(|name| Some(self.containers.find(name).ok()?.id().clone()));
            joined.insert(container.id().clone(), others.collect());
        }
        let mut waves = Vec::new();
        while !wanted.is_empty() {
            let waiting: HashSet<ContainerId> = wanted.iter().map(|c| c.id().clone()).collect();
            let (now, later): (Vec<_>, Vec<_>) = wanted
                .into_iter()
                .partition(|container| joined[container.id()].is_disjoint(&waiting));
            if now.is_empty() {
                // They wait for each other in a circle: their starts will say what is wrong.
                waves.push(later);
                break;
            }
            waves.push(now);
            wanted = later;
        }
        waves
    }
}

/// Whether a container that does not run is to run once the daemon does. One that never ran is left alone.
fn is_wanted(record: &ContainerRecord) -> bool {
    let Some(run) = record.last_run.as_ref().filter(|run| run.started_at_ns != 0) else {
        return false;
    };
    restart_policy::wants_back(
        &record.host_config.restart_policy,
        run.exit_code,
        record.manually_stopped,
        record.restart_count,
    )
}

/// When the run began that `container` is in or that ended last.
fn started_at(container: &Container) -> i64 {
    container
        .state()
        .record
        .last_run
        .as_ref()
        .map_or(0, |run| run.started_at_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::record::LastRun;

    fn ended(name: &str, policy: &str, network: &str) -> Arc<Container> {
        let mut record = fixture::record(name);
        record.host_config.restart_policy.name = policy.to_owned();
        record.host_config.network_mode = network.to_owned();
        record.last_run = Some(LastRun {
            started_at_ns: 1,
            finished_at_ns: 2,
            ..LastRun::default()
        });
        Arc::new(Container::new(record))
    }

    #[tokio::test]
    async fn those_that_join_another_container_are_started_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        for (name, network) in [
            ("last", "container:middle"),
            ("middle", "container:first"),
            ("first", "bridge"),
            ("alone", "container:stays"),
            ("stays", "none"),
        ] {
            let container = ended(name, "always", network);
            engine.containers.reserve_name(name, container.id()).unwrap();
            engine.containers.insert(container);
        }
        let mut all = engine.containers.all();
        all.retain(|container| container.state().name() != "stays");
        let waves: Vec<Vec<String>> = engine
            .waves(all)
            .iter()
            .map(|wave| {
                let mut names: Vec<String> = wave.iter().map(|c| c.state().name().to_owned()).collect();
                names.sort();
                names
            })
            .collect();
        assert_eq!(waves, [vec!["alone", "first"], vec!["middle"], vec!["last"]]);
    }

    #[test]
    fn what_never_ran_is_not_started_with_the_daemon() {
        let mut record = fixture::record("new");
        record.host_config.restart_policy.name = "always".to_owned();
        assert!(!is_wanted(&record));
        let container = ended("ran", "unless-stopped", "bridge");
        assert!(is_wanted(&container.state().record));
        container.state().record.manually_stopped = true;
        assert!(!is_wanted(&container.state().record));
    }

    #[tokio::test]
    async fn a_stop_while_waiting_for_the_restart_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        let container = ended("loop", "always", "bridge");
        {
            let mut state = container.state();
            state.phase = Phase::Restarting;
        }
        assert!(matches!(
            engine.keep_from_restarting(&container).await,
            Left::Cancelled
        ));
        assert_eq!(container.state().phase, Phase::Exited);
        assert!(container.state().record.manually_stopped);
        assert!(matches!(
            engine.keep_from_restarting(&container).await,
            Left::Nothing
        ));
    }
}
