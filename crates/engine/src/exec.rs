//! `exec`: further processes in a running container.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use corten_sandbox::spec::ProcessOptions;
use corten_sandbox::{ExecOrder, Streams};
use corten_wire::{ExecCreateRequest, ExecInspect, ExecProcessConfig};

use tokio::sync::Notify;

use crate::container::Container;
use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::{names, options};

/// All execs of the daemon's life, until their container is removed or [`KEPT_ENDED`] newer ones have ended.
#[derive(Debug, Default)]
pub(crate) struct Execs {
    by_id: Mutex<HashMap<String, Exec>>,
    /// Woken at every end.
    ended: Notify,
}

/// How many ended execs are remembered for each container.
const KEPT_ENDED: usize = 64;
/// How many execs of one container may wait to be started, and how large their requests may be together, in bytes: more than
/// clients need who start what they create. Beyond, the oldest are forgotten.
const KEPT_UNSTARTED: usize = 1024;
const UNSTARTED_BYTES: usize = 32 << 20;

#[derive(Debug, Clone)]
struct Exec {
    container: Arc<Container>,
    request: ExecCreateRequest,
    state: ExecState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExecState {
    Created,
    Starting,
    Running { pid: u32 },
    Ended { code: i64 },
}

/// An exec that was started with its streams attached.
#[derive(Debug)]
pub struct AttachedExec {
    /// Whether the streams are one terminal.
    pub tty: bool,
    /// Whether it takes input.
    pub stdin: bool,
    /// Its streams.
    pub streams: Streams,
}

impl Execs {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Exec>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Result<Exec> {
        self.lock()
            .get(id)
            .cloned()
            .ok_or_else(|| Error::NoSuchExec(id.to_owned()))
    }

    fn set(&self, id: &str, state: ExecState) {
        if let Some(exec) = self.lock().get_mut(id) {
            exec.state = state;
        }
        self.ended.notify_waiters();
    }

    /// Remembers one that waits to be started.
    fn add(&self, container: &Arc<Container>, id: &str, request: ExecCreateRequest) {
        let exec = Exec {
            container: container.clone(),
            request,
            state: ExecState::Created,
        };
        let mut execs = self.lock();
        execs.insert(id.to_owned(), exec);
        let mut state = container.state();
        state.execs.push(id.to_owned());
        let (mut number, mut bytes) = (0, 0);
        let mut forgotten = Vec::new();
        for id in state.execs.iter().rev() {
            let Some(exec) = execs.get(id).filter(|exec| exec.state == ExecState::Created) else {
                continue;
            };
            number += 1;
            bytes += size(&exec.request);
            if number > KEPT_UNSTARTED || (number > 1 && bytes > UNSTARTED_BYTES) {
                forgotten.push(id.clone());
            }
        }
        for id in &forgotten {
            execs.remove(id);
        }
        if !forgotten.is_empty() {
            state.execs.retain(|id| !forgotten.contains(id));
        }
    }

    /// Those of these that have not ended, started or not.
    pub(crate) fn not_ended(&self, mut ids: Vec<String>) -> Vec<String> {
        let execs = self.lock();
        ids.retain(|id| {
            execs
                .get(id)
                .is_some_and(|exec| !matches!(exec.state, ExecState::Ended { .. }))
        });
        ids
    }

    /// Marks what still ran when a container ended.
    pub(crate) fn all_ended(&self, container: &Container) {
        let ids = container.state().execs.clone();
        let mut execs = self.lock();
        for id in ids {
            if let Some(exec) = execs.get_mut(&id)
                && matches!(exec.state, ExecState::Starting | ExecState::Running { .. })
            {
                exec.state = ExecState::Ended { code: 137 };
            }
        }
        drop(execs);
        self.ended.notify_waiters();
    }

    /// Forgets the execs of a removed container.
    pub(crate) fn forget_container(&self, container: &Container) {
        let ids = std::mem::take(&mut container.state().execs);
        let mut execs = self.lock();
        for id in ids {
            execs.remove(&id);
        }
        drop(execs);
        self.ended.notify_waiters();
    }
}

impl Engine {
    /// Prepares an exec and returns its identifier.
    ///
    /// # Errors
    /// When the container does not run or the request has no command.
    pub fn exec_create(self: &Arc<Self>, name: &str, request: ExecCreateRequest) -> Result<String> {
        let container = self.containers.find(name)?;
        let argv = request.cmd.clone().unwrap_or_default();
        if argv.is_empty() {
            return Err(Error::Invalid("No exec command specified".to_owned()));
        }
        container.state().check_running()?;
        check_not_paused(&container, name)?;
        let id = names::new_id().to_string();
        self.execs.add(&container, &id, request);
        self.publish(
            &container,
            &action("exec_create", &argv),
            &[("execID", id.clone())],
        );
        Ok(id)
    }

    /// Starts an exec, with its streams when `attach`.
    ///
    /// # Errors
    /// When it was started before, its container has ended, or its program cannot be run.
    pub async fn exec_start(
        self: &Arc<Self>,
        id: &str,
        attach: bool,
        size: Option<(u16, u16)>,
    ) -> Result<Option<AttachedExec>> {
        let exec = {
            let mut execs = self.execs.lock();
            let exec = execs
                .get_mut(id)
                .ok_or_else(|| Error::NoSuchExec(id.to_owned()))?;
            match exec.state {
                ExecState::Created => exec.state = ExecState::Starting,
                ExecState::Ended { .. } => {
                    return Err(Error::Conflict(format!("exec command {id} has already run")));
                }
                _ => return Err(Error::Conflict(format!("exec command {id} is already running"))),
            }
            exec.clone()
        };
        let engine = self.clone();
        let id = id.to_owned();
        to_its_end(async move {
            let started = engine.exec_run(&id, &exec, attach, size).await;
            if let Err(error) = &started {
                let text = error.to_string();
                let code = if text.contains("executable file not found") {
                    127
                } else {
                    126
                };
                engine.execs.set(&id, ExecState::Ended { code });
            }
            started
        })
        .await
    }

    async fn exec_run(
        self: &Arc<Self>,
        id: &str,
        exec: &Exec,
        attach: bool,
        size: Option<(u16, u16)>,
    ) -> Result<Option<AttachedExec>> {
        let Exec {
            container, request, ..
        } = exec;
        let (record, sandbox) = {
            let state = container.state();
            (state.record.clone(), state.sandbox.clone())
        };
        let Some(sandbox) = sandbox else {
            return Err(Error::NotRunning(container.id().clone()));
        };
        check_not_paused(container, container.id().as_str())?;
        let mut process = options::init(self, &record, &[])?;
        process.args = request.cmd.clone().unwrap_or_default();
        process.tty = request.tty;
        // A container linked to may have ended since; that is no reason not to run something here.
        let linked = crate::links::environment(self, &record).unwrap_or_default();
        let own = request.env.as_deref().unwrap_or_default();
        process.env = options::environment(&record, request.tty, &linked, own);
        process.oom_score_adj = None;
        if !request.user.is_empty() {
            process.user.clone_from(&request.user);
        }
        if !request.working_dir.is_empty() {
            process.cwd = options::working_dir(&request.working_dir);
        }
        let mut filter = options::seccomp(self, &record)?;
        if request.privileged {
            process.capabilities = corten_sandbox::spec::all_capabilities(self.sandboxes.held_capabilities());
            filter = corten_sandbox::SeccompChoice::Unconfined;
        }
        let seccomp = self.sandboxes.seccomp_for(&filter, &process.capabilities)?;
        let asked = size.or_else(|| console_size(request)).unwrap_or_default();
        let order = exec_order(id, &process, seccomp, attach, request, asked)?;
        self.publish(
            container,
            &action("exec_start", &process.args),
            &[("execID", id.to_owned())],
        );
        let started = match sandbox.exec(order).await {
            Ok(started) => started,
            Err(error) => return Err(container.failure(&sandbox, error.into()).await),
        };
        {
            // The exit event may have overtaken this.
            let mut execs = self.execs.lock();
            if let Some(exec) = execs.get_mut(id)
                && exec.state == ExecState::Starting
            {
                exec.state = ExecState::Running { pid: started.pid };
            }
        }
        Ok(started.streams.map(|streams| AttachedExec {
            tty: request.tty,
            stdin: request.attach_stdin,
            streams,
        }))
    }

    /// Waits until the end of an exec is recorded. Its streams end a little earlier, and who reads them to their end shall find
    /// the exit code.
    pub async fn exec_ended_recorded(&self, id: &str) {
        loop {
            // Listening before looking, so that an end in between is not missed.
            let ended = self.execs.ended.notified();
            let running = self
                .execs
                .get(id)
                .is_ok_and(|exec| !matches!(exec.state, ExecState::Ended { .. }));
            if !running {
                return;
            }
            ended.await;
        }
    }

    /// Sets the size of an exec's terminal.
    ///
    /// # Errors
    /// When it does not run or has no terminal.
    pub async fn exec_resize(self: &Arc<Self>, id: &str, columns: u16, rows: u16) -> Result<()> {
        let exec = self.execs.get(id)?;
        let sandbox = exec.container.state().sandbox.clone();
        match (exec.state, sandbox) {
            (ExecState::Running { .. }, Some(sandbox)) => Ok(sandbox.resize(Some(id), columns, rows).await?),
            _ => Err(Error::Conflict(format!("exec {id} is not running"))),
        }
    }

    /// What `inspect` says of an exec.
    ///
    /// # Errors
    /// When there is none of that identifier.
    pub fn exec_inspect(&self, id: &str) -> Result<ExecInspect> {
        let Exec {
            container,
            request,
            state,
        } = self.execs.get(id)?;
        let mut command = request.cmd.unwrap_or_default().into_iter();
        Ok(ExecInspect {
            id: id.to_owned(),
            running: matches!(state, ExecState::Running { .. }),
            exit_code: match state {
                ExecState::Ended { code } => Some(code),
                _ => None,
            },
            process_config: ExecProcessConfig {
                tty: request.tty,
                entrypoint: command.next().unwrap_or_default(),
                arguments: command.collect(),
                privileged: Some(request.privileged),
                user: request.user,
            },
            open_stdin: request.attach_stdin,
            open_stderr: request.attach_stderr,
            open_stdout: request.attach_stdout,
            can_remove: matches!(state, ExecState::Ended { .. }),
            container_id: container.id().to_string(),
            detach_keys: request.detach_keys,
            pid: match state {
                ExecState::Running { pid } => i64::from(pid),
                _ => 0,
            },
        })
    }

    /// Records the end of an exec.
    pub(crate) fn exec_ended(&self, container: &Container, id: &str, code: i32) {
        self.execs.set(
            id,
            ExecState::Ended {
                code: i64::from(code),
            },
        );
        self.publish(
            container,
            "exec_die",
            &[("execID", id.to_owned()), ("exitCode", code.to_string())],
        );
        let mut execs = self.execs.lock();
        let mut state = container.state();
        let ended: Vec<String> = state
            .execs
            .iter()
            .filter(|id| {
                execs
                    .get(*id)
                    .is_some_and(|exec| matches!(exec.state, ExecState::Ended { .. }))
            })
            .cloned()
            .collect();
        for old in ended.iter().rev().skip(KEPT_ENDED) {
            execs.remove(old);
            state.execs.retain(|id| id != old);
        }
    }
}

/// About how much memory a request takes, in bytes.
fn size(request: &ExecCreateRequest) -> usize {
    let lists = [&request.cmd, &request.env];
    let texts = lists.into_iter().flatten().flatten();
    texts.map(|text| text.len() + size_of::<String>()).sum()
}

/// A process that joins a held cgroup is held before it runs anything.
/// `name` is what the client calls it, which is what it is told, as by Docker.
fn check_not_paused(container: &Container, name: &str) -> Result<()> {
    if container.state().paused {
        return Err(Error::Conflict(format!(
            "Container {name} is paused, unpause the container before exec"
        )));
    }
    Ok(())
}

fn console_size(request: &ExecCreateRequest) -> Option<(u16, u16)> {
    let [rows, columns] = request.console_size?;
    Some((u16::try_from(columns).ok()?, u16::try_from(rows).ok()?))
}

fn exec_order(
    id: &str,
    process: &ProcessOptions,
    seccomp: Option<std::path::PathBuf>,
    attach: bool,
    request: &ExecCreateRequest,
    size: (u16, u16),
) -> Result<ExecOrder> {
    Ok(ExecOrder {
        id: id.to_owned(),
        process: corten_sandbox::spec::process(process).map_err(corten_sandbox::Error::from)?,
        seccomp,
        attach,
        stdin: request.attach_stdin,
        size,
        groups: process.group_names.clone(),
    })
}

/// What an event of an exec says it did. The program stands apart, its arguments after it, none or many: as Docker writes it.
fn action(what: &str, argv: &[String]) -> String {
    let (program, arguments) = argv
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    format!("{what}: {program} {}", arguments.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn execs_nobody_starts_are_forgotten_in_the_end() {
        let container = Arc::new(Container::new(fixture::record("web")));
        let execs = Execs::default();
        let long = |megabytes: usize| ExecCreateRequest {
            cmd: Some(vec!["x".repeat(megabytes << 20)]),
            ..Default::default()
        };
        execs.add(&container, "started", ExecCreateRequest::default());
        execs.set("started", ExecState::Running { pid: 7 });
        for number in 0..KEPT_UNSTARTED + 5 {
            execs.add(&container, &number.to_string(), ExecCreateRequest::default());
        }
        let kept = container.state().execs.clone();
        assert_eq!(
            (kept.len(), execs.lock().len()),
            (KEPT_UNSTARTED + 1, KEPT_UNSTARTED + 1)
        );
        assert_eq!((kept[0].as_str(), kept[1].as_str()), ("started", "5"));
        execs.add(&container, "long", long(30));
        execs.add(&container, "longer", long(40));
        assert_eq!(container.state().execs, ["started", "longer"]);
        assert!(matches!(execs.get("long"), Err(Error::NoSuchExec(_))));
    }

    #[test]
    fn an_exec_being_started_ends_with_its_container() {
        let container = Arc::new(Container::new(fixture::record("web")));
        let execs = Execs::default();
        for (id, state) in [
            ("a", ExecState::Created),
            ("b", ExecState::Starting),
            ("c", ExecState::Running { pid: 7 }),
        ] {
            let request = ExecCreateRequest::default();
            let exec = Exec {
                container: container.clone(),
                request,
                state,
            };
            execs.lock().insert(id.to_owned(), exec);
            container.state().execs.push(id.to_owned());
        }
        assert_eq!(execs.not_ended(container.state().execs.clone()), ["a", "b", "c"]);
        execs.all_ended(&container);
        assert_eq!(execs.not_ended(container.state().execs.clone()), ["a"]);
        assert_eq!(execs.get("a").unwrap().state, ExecState::Created);
        assert_eq!(execs.get("b").unwrap().state, ExecState::Ended { code: 137 });
        assert_eq!(execs.get("c").unwrap().state, ExecState::Ended { code: 137 });
    }
}
