//! After a restart of the daemon: records are read, running containers taken over, ended ones noted, half-made and
//! half-removed ones cleared.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use corten_metadata::Table;
use corten_network::Lease;
use corten_sandbox::{Adopted, ExitRecord, Sandbox};
use corten_types::ContainerId;
use futures_util::{StreamExt, stream};
use tokio::task::JoinHandle;

use crate::clock::now_ns;
use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::record::{ContainerRecord, LastRun, RunMark, RunNote};
use crate::stop::STOP_TIMEOUT;

/// Exit code of a run whose end nobody could see (Docker's).
const CUT_OFF_EXIT: i32 = 255;
/// Containers taken over at the same time.
const AT_ONCE: usize = 64;

impl Engine {
    /// Brings back all containers. Called once, before the API is served.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn restore(self: &Arc<Self>) -> Result<()> {
        let records: Vec<(String, ContainerRecord)> = self.metadata.all(Table::Containers)?;
        for (_, record) in records {
            self.containers.reserve_name(&record.name, &record.id)?;
            self.images.adopt(record.id.as_str(), &record.chain);
            self.adopt_mounted_images(&record.id, &record.mounts);
            self.containers.insert(Arc::new(Container::new(record)));
        }
        self.clear_strangers().await;
        self.images.collect_garbage()?;
        let snapshots: HashSet<String> = self.snapshots.keys()?.into_iter().collect();
        let (mut leases, mut past) = (Vec::new(), Vec::new());
        let mut ended = Vec::new();
        let mut unsettled = Vec::new();
        let taken_over = stream::iter(self.containers.all()).map(|container| {
            let whole = snapshots.contains(container.id().as_str());
            async move { (self.take_over(&container, whole).await, container) }
        });
        // Together: a shim or a cgroup that does not go is waited for, for seconds.
        let mut taken_over = taken_over.buffer_unordered(AT_ONCE);
        while let Some((state, container)) = taken_over.next().await {
            match state {
                Ok(TakenOver::Runs(note)) => {
                    leases.extend(note.leases().cloned());
                    if note.unsettled {
                        unsettled.push((container.clone(), note.making));
                    }
                    self.resume_probes(&container);
                }
                Ok(TakenOver::Ended(exit, held)) => {
                    past.extend(held);
                    ended.push((container, exit));
                }
                Ok(TakenOver::Idle) => {}
                Err(error) => tracing::error!(%error, id = %container.id(), "cannot take over a container"),
            }
        }
        self.unmount_left_volumes(false).await;
        let networks = self.own_networks.load(&self.metadata)?;
        for network in networks.iter().filter(|network| network.configuration.is_none()) {
            if let Err(error) = self.networks.create(&network.spec) {
                tracing::error!(%error, network = network.name(), "cannot make a network");
            }
        }
        // An address that one had which has ended may be another's by now: those that run come first.
        leases.extend(past);
        let restored = self.networks.restore(&leases)?;
        if restored.deleted_veths > 0 {
            tracing::info!(
                count = restored.deleted_veths,
                "deleted interfaces of containers that are gone"
            );
        }
        for (endpoint, problem) in &restored.problems {
            tracing::warn!(%problem, %endpoint, "cannot take over an endpoint in full");
        }
        self.restore_names();
        for (container, making) in &unsettled {
            self.settle_networks(container, making.as_deref()).await;
        }
        for (container, exit) in ended {
            self.clone().record_end(container, exit, false).await;
        }
        self.start_by_policy().await;
        Ok(())
    }

    /// Finds out what became of a container; `whole` tells whether its writable layer is there.
    async fn take_over(self: &Arc<Self>, container: &Arc<Container>, whole: bool) -> Result<TakenOver> {
        let id = container.id();
        let auto_remove = container.state().record.host_config.auto_remove;
        let note: Option<RunNote> = self.sandboxes.noted(id);
        let Some(note) = note else {
            // It did not run in this boot. What is left of an attempt to start it goes.
            if self.sandboxes.known().contains(id) {
                self.clear(container).await;
            }
            let unseen = self.unfinished_run(&container.state().record);
            if let Some(mark) = unseen.filter(|_| whole && !auto_remove) {
                return Ok(TakenOver::Ended(cut_off(container, &mark), Vec::new()));
            }
            // So does a container whose removal was cut short, and one with --rm that nobody is left to start, as with Docker. The
            // anonymous volumes of others may be meant to stay.
            if !whole || auto_remove {
                let _operation = container.operation.lock().await;
                self.remove_locked(container, auto_remove).await?;
            }
            return Ok(TakenOver::Idle);
        };
        let mark = RunMark {
            started_at_ns: note.started_at_ns,
            restart_count: note.restart_count,
        };
        if !mark.is_unfinished(&container.state().record) {
            // The end is on record; the previous daemon was ended while it removed the run directory.
            self.clear(container).await;
            return Ok(TakenOver::Idle);
        }
        match self.sandboxes.adopt(id).await? {
            Adopted::Running(sandbox) => {
                running(container, sandbox, &note);
                let paused = self.is_frozen(container).await;
                container.state().paused = paused;
                if self.sandboxes.is_held(id) {
                    self.end_pause_of_commit(container, paused).await;
                }
                Ok(TakenOver::Runs(Box::new(note)))
            }
            Adopted::Exited(exit) => {
                ran(container, &note);
                Ok(TakenOver::Ended(exit, note.leases().cloned().collect()))
            }
            Adopted::Gone if note.boot_id.as_ref().is_some_and(|boot| *boot != self.boot_id) => {
                // Of its network nothing is left: the lease may be another's by now.
                self.clear(container).await;
                Ok(TakenOver::Ended(cut_off(container, &mark), Vec::new()))
            }
            Adopted::Gone => {
                self.clear(container).await;
                ran(container, &note);
                let exit = ExitRecord {
                    code: 137,
                    oom_killed: false,
                    finished_at_ns: now_ns(),
                };
                Ok(TakenOver::Ended(exit, note.leases().cloned().collect()))
            }
        }
    }

    /// Clears what belongs to no record: files of a create that was cut short, a run directory without a container.
    async fn clear_strangers(self: &Arc<Self>) {
        let known: HashSet<ContainerId> = self.containers.all().iter().map(|c| c.id().clone()).collect();
        let mut runs = self.sandboxes.known();
        runs.retain(|id| !known.contains(id));
        let cleared = stream::iter(runs).map(|id| {
            let engine = self.clone();
            crate::engine::blocking("clear up", move || {
                let path = engine.cgroup_path("", &id);
                Ok(engine.sandboxes.clear(&id, &path)?)
            })
        });
        let mut cleared = cleared.buffer_unordered(AT_ONCE);
        while let Some(done) = cleared.next().await {
            if let Err(error) = done {
                tracing::warn!(%error, "cannot clear the run directory of a container that is gone");
            }
        }
        let on_disk = std::fs::read_dir(self.config.data_root.join("containers"))
            .into_iter()
            .flatten()
            .flatten();
        let files = on_disk.filter_map(|entry| entry.file_name().to_str()?.parse::<ContainerId>().ok());
        let snapshots = self.snapshots.keys().unwrap_or_default();
        let snapshots = snapshots.iter().filter_map(|key| key.parse::<ContainerId>().ok());
        let strangers: HashSet<ContainerId> =
            files.chain(snapshots).filter(|id| !known.contains(id)).collect();
        let engine = self.clone();
        let cleared = crate::engine::blocking("clear up", move || {
            for id in strangers {
                engine.remove_intended_volumes(&id);
                engine.remove_files(&id);
            }
            Ok(())
        });
        if let Err(error) = cleared.await {
            tracing::warn!(%error, "cannot clear what creates that were cut short have left");
        }
    }

    /// Stops everything that runs at the same time, each as long as it may take to stop: the orderly end of a daemon that shall not
    /// leave containers behind. All of it may take `timeout` seconds, or longer where a container may, and for ever where that is
    /// negative, as with Docker's. Nothing can be started any more.
    pub async fn stop_all(self: &Arc<Self>, timeout: i64) {
        self.ending.store(true, Ordering::Release);
        let containers = self.containers.all();
        let own = containers
            .iter()
            .map(|one| one.state().record.config.stop_timeout);
        let limit = limit_of_all(timeout, own.map(|own| own.unwrap_or(STOP_TIMEOUT)));
        let stops = containers.into_iter().map(|container| {
            let engine = self.clone();
            tokio::spawn(async move {
                // A start that came before the end of starting is waited for.
                drop(container.operation.lock().await);
                engine.stop_container(container, None, None).await
            })
        });
        let all = told_of_ends(stops.collect());
        match limit {
            None => all.await,
            Some(limit) => {
                if tokio::time::timeout(limit, all).await.is_err() {
                    tracing::warn!(?limit, "containers did not stop in time");
                }
            }
        }
    }
}

impl Engine {
    /// The end of an engine: run-time state that no running container needs goes.
    ///
    /// # Errors
    /// When the parent of containers' cgroups has a senseless name.
    pub async fn close(self: &Arc<Self>) -> Result<()> {
        self.unmount_left_volumes(true).await;
        let parent = format!("/{}", self.config.cgroup_parent.trim_matches('/'));
        Ok(self.sandboxes.close(&parent)?)
    }
}

/// Waits for stops, and says which failed.
async fn told_of_ends(stops: Vec<JoinHandle<Result<()>>>) {
    for stop in stops {
        match stop.await {
            Ok(Ok(()) | Err(Error::NotModified(_))) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot stop a container"),
            Err(error) => tracing::error!(%error, "stopping a container failed"),
        }
    }
}

/// How long all containers together may take to stop, in seconds; none if for ever. Docker gives each five more than it has.
fn limit_of_all(timeout: i64, own: impl Iterator<Item = i64>) -> Option<Duration> {
    const GRACE: i64 = 5;
    let longest = own.map(|own| if own < 0 { own } else { own.saturating_add(GRACE) });
    let all = longest.fold(
        timeout,
        |all, one| if all < 0 || one < 0 { -1 } else { all.max(one) },
    );
    u64::try_from(all).ok().map(Duration::from_secs)
}

enum TakenOver {
    Runs(Box<RunNote>),
    Ended(ExitRecord, Vec<Lease>),
    Idle,
}

/// The end of a run that a reboot of the machine, or the loss of the run-time state, has cut off.
fn cut_off(container: &Container, mark: &RunMark) -> ExitRecord {
    ran_since(container, mark.started_at_ns, mark.restart_count);
    ExitRecord {
        code: CUT_OFF_EXIT,
        oom_killed: false,
        finished_at_ns: now_ns(),
    }
}

fn running(container: &Container, sandbox: Sandbox, note: &RunNote) {
    ran(container, note);
    container.state().sandbox = Some(sandbox);
}

/// Puts a container into the state it had when the previous daemon ended.
fn ran(container: &Container, note: &RunNote) {
    ran_since(container, note.started_at_ns, note.restart_count);
    let mut state = container.state();
    state.lease.clone_from(&note.lease);
    state.further.clone_from(&note.further);
}

fn ran_since(container: &Container, started_at_ns: i64, restart_count: i64) {
    {
        let mut state = container.state();
        state.phase = Phase::Running;
        let before = state.record.last_run.take();
        if before
            .as_ref()
            .is_none_or(|run| run.started_at_ns != started_at_ns)
        {
            // What the record says of users' wishes is older than this run.
            state.record.manually_stopped = false;
            state.record.restart_count = restart_count;
        }
        state.record.last_run = Some(LastRun::begun(started_at_ns, before.as_ref()));
    }
    container.announce_running();
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use corten_metadata::{Batch, Durability};

    use super::*;
    use crate::fixture;

    /// Puts `record` and, if it is whole, its writable layer where a daemon that was killed left them.
    fn leave(engine: &Engine, record: &ContainerRecord, whole: bool) {
        let mut batch = Batch::new();
        batch.put(Table::Containers, record.id.as_str(), record).unwrap();
        engine.metadata.commit(batch, Durability::Durable).unwrap();
        if whole {
            engine.snapshots.prepare(record.id.as_str(), &[]).unwrap();
        }
    }

    #[test]
    fn containers_have_their_own_time_to_stop() {
        let seconds = |timeout, own: &[i64]| limit_of_all(timeout, own.iter().copied());
        assert_eq!(seconds(15, &[]), Some(Duration::from_secs(15)));
        assert_eq!(seconds(15, &[10, 2]), Some(Duration::from_secs(15)));
        assert_eq!(seconds(15, &[10, 60]), Some(Duration::from_secs(65)));
        assert_eq!(seconds(15, &[-1, 60]), None);
        assert_eq!(seconds(-1, &[10]), None);
    }

    #[tokio::test]
    async fn nothing_is_started_while_the_daemon_stops_everything() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        let record = fixture::record("late");
        leave(&engine, &record, true);
        engine.restore().await.unwrap();
        engine.stop_all(0).await;
        assert!(matches!(engine.start("late").await, Err(Error::ShuttingDown)));
    }

    #[tokio::test]
    async fn a_removal_cut_short_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        let (kept, gone) = (fixture::record("kept"), fixture::record("gone"));
        leave(&engine, &kept, true);
        leave(&engine, &gone, false);
        engine.restore().await.unwrap();
        assert!(engine.containers.find("kept").is_ok());
        assert!(engine.containers.find("gone").is_err());
        let left: Vec<(String, ContainerRecord)> = engine.metadata.all(Table::Containers).unwrap();
        assert_eq!(left.len(), 1);
    }

    #[tokio::test]
    async fn anonymous_volumes_of_a_create_cut_short_go_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        let make = |anonymous| {
            let name = crate::names::new_id().to_string();
            let request = corten_volume::VolumeRequest {
                name: name.clone(),
                anonymous,
                ..Default::default()
            };
            engine.volumes.create(request).unwrap();
            name
        };
        let (lost, kept, named) = (make(true), make(true), make(false));
        let cut_short = engine.container_dir(&crate::names::new_id());
        std::fs::create_dir_all(&cut_short).unwrap();
        let note = serde_json::to_vec(&[&lost, &named, &"never-made".to_owned()]).unwrap();
        std::fs::write(cut_short.join("volumes.json"), note).unwrap();
        engine.restore().await.unwrap();
        assert!(engine.volumes.get(&lost).is_err());
        assert!(
            engine.volumes.get(&kept).is_ok(),
            "left by a container removed without its volumes"
        );
        assert!(engine.volumes.get(&named).is_ok());
        assert!(!cut_short.exists());
    }

    #[tokio::test]
    async fn a_reboot_ends_what_ran_whether_or_not_the_run_directory_survives_it() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        let (noted, marked, older) = (
            fixture::record("noted"),
            fixture::record("marked"),
            fixture::record("older"),
        );
        for record in [&noted, &marked, &older] {
            leave(&engine, record, true);
            std::fs::create_dir_all(engine.container_dir(&record.id)).unwrap();
        }
        let note = |record: &ContainerRecord, boot: Option<&str>| {
            let run_dir = dir.path().join("exec/containers").join(record.id.as_str());
            std::fs::create_dir_all(&run_dir).unwrap();
            let note = RunNote {
                started_at_ns: 5,
                lease: None,
                boot_id: boot.map(str::to_owned),
                restart_count: 3,
                further: Vec::new(),
                unsettled: false,
                making: None,
            };
            engine.sandboxes.note(&record.id, &note).unwrap();
        };
        note(&noted, Some("another boot"));
        note(&older, None);
        let mark = RunMark {
            started_at_ns: 5,
            restart_count: 3,
        };
        engine.mark_run(&marked.id, &mark);
        engine.restore().await.unwrap();
        for (name, code) in [("noted", 255), ("marked", 255), ("older", 137)] {
            let container = engine.containers.find(name).unwrap();
            let state = container.state();
            assert_eq!(state.phase, Phase::Exited, "{name}");
            let run = state.record.last_run.clone().unwrap();
            assert_eq!((run.exit_code, run.started_at_ns), (code, 5), "{name}");
            assert!(run.finished_at_ns > 5, "{name}");
        }
        assert!(engine.sandboxes.known().is_empty(), "no note is left");
    }

    /// The run directory of a container that was started, with a note of that.
    fn noted(engine: &Engine, dir: &std::path::Path, record: &ContainerRecord) -> PathBuf {
        let run_dir = dir.join("exec/containers").join(record.id.as_str());
        std::fs::create_dir_all(&run_dir).unwrap();
        let note = RunNote {
            started_at_ns: 5,
            lease: None,
            boot_id: Some(engine.boot_id.clone()),
            restart_count: 0,
            further: Vec::new(),
            unsettled: false,
            making: None,
        };
        engine.sandboxes.note(&record.id, &note).unwrap();
        run_dir
    }

    /// A container whose shim still undoes what it has made: its run directory, and its claim on that.
    fn ending(engine: &Engine, dir: &std::path::Path, record: &ContainerRecord) -> (PathBuf, File) {
        let run_dir = noted(engine, dir, record);
        let claim = File::create(run_dir.join("shim.lock")).unwrap();
        claim.try_lock().unwrap();
        (run_dir, claim)
    }

    #[tokio::test]
    async fn shims_that_take_long_to_end_are_waited_for_together() {
        for are_known in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let engine = fixture::engine(dir.path());
            let mut held = Vec::new();
            for number in 0..6 {
                let record = fixture::record(&format!("slow{number}"));
                if are_known {
                    leave(&engine, &record, true);
                }
                held.push(ending(&engine, dir.path(), &record));
            }
            let restored = tokio::spawn({
                let engine = engine.clone();
                async move { engine.restore().await }
            });
            // In any order: who waits for one at a time would mostly wait for another than the one that ends.
            while let Some((run_dir, claim)) = held.pop() {
                assert!(run_dir.exists());
                drop(claim);
                let deadline = Instant::now() + Duration::from_secs(10);
                while run_dir.exists() {
                    assert!(Instant::now() < deadline, "another one is waited for");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            restored.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn an_end_on_record_is_not_taken_for_an_unseen_one() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        let mut record = fixture::record("done");
        record.last_run = Some(LastRun {
            started_at_ns: 5,
            finished_at_ns: 9,
            ..LastRun::default()
        });
        leave(&engine, &record, true);
        // The exit record is gone already, the note is not.
        noted(&engine, dir.path(), &record);
        engine.restore().await.unwrap();
        let container = engine.containers.find("done").unwrap();
        assert_eq!(container.state().record.last_run, record.last_run);
        assert!(engine.sandboxes.known().is_empty(), "no note is left");
    }

    #[tokio::test]
    async fn containers_to_be_removed_at_their_end_do_not_outlive_a_restart_unless_they_run() {
        let dir = tempfile::tempdir().unwrap();
        let engine = fixture::engine(dir.path());
        let mut record = fixture::record("once");
        record.host_config.auto_remove = true;
        leave(&engine, &record, true);
        engine.restore().await.unwrap();
        assert!(engine.containers.find("once").is_err());
        assert!(engine.snapshots.keys().unwrap().is_empty());
    }
}
