//! All sandboxes of one daemon: where they live, and how one is started.

use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use corten_cgroup::{Cgroup, Layout};
use corten_shim_api::{
    FrameKind, InitProgram, Launch, LogTarget, NetworkMode, PROTOCOL_VERSION, RESOLVER_FILE_NAME, Request,
    ResolverSockets, Response, RootMount, SPEC_FILE_NAME, Stdio,
};
use corten_types::ContainerId;
use oci_spec::runtime::Spec;
use rustix::process::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::chroot;
use crate::claim;
use crate::error::{Error, Result};
use crate::sandbox::{Sandbox, SandboxEvent, follow};
use crate::seccomp_files::{SeccompChoice, SeccompFiles};
use crate::shim_image::ShimImage;
use crate::shim_process;
use crate::streams::{Streams, receive, send};

/// The daemon's own note in a container's run directory.
const NOTE_FILE_NAME: &str = "note.json";
/// What the health checks of this run found, in the same place.
const HEALTH_FILE_NAME: &str = "health.json";
/// There while a container is paused for a commit only.
const HELD_FILE_NAME: &str = "held";

/// Where sandboxes live.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Directory of run-time state that a reboot clears, such as `/run/corten`.
    pub exec_root: PathBuf,
    /// The `corten-shim` program.
    pub shim: PathBuf,
}

/// All sandboxes of one daemon.
#[derive(Debug)]
pub struct Sandboxes {
    containers: PathBuf,
    zones: PathBuf,
    shim: ShimImage,
    seccomp: SeccompFiles,
    cgroups: Layout,
    held_capabilities: u64,
    chrooted: bool,
    events: mpsc::UnboundedSender<SandboxEvent>,
}

/// Everything one container needs to be started.
#[derive(Debug)]
pub struct Order {
    /// The container.
    pub id: ContainerId,
    /// Its specification, from [`crate::spec::build`].
    pub spec: Spec,
    /// Its root filesystem.
    pub root: RootMount,
    /// System call filter.
    pub seccomp: SeccompChoice,
    /// Its network.
    pub network: NetworkMode,
    /// Its standard streams.
    pub stdio: Stdio,
    /// Its log.
    pub log: Option<LogTarget>,
    /// What runs as its process 1, if not its program itself.
    pub init: Option<InitProgram>,
    /// Names of groups its program gets, looked up in the container.
    pub groups: Vec<String>,
}

/// A container whose init exists and waits for [`Created::proceed`]. Dropping it undoes everything.
#[derive(Debug)]
pub struct Created {
    sandbox: Sandbox,
    control: UnixStream,
    shim: Pid,
    cgroup: Option<Cgroup>,
    events: mpsc::UnboundedSender<SandboxEvent>,
}

impl Sandboxes {
    /// Prepares the directories and loads the shim. Events of all sandboxes go to `events`.
    ///
    /// # Errors
    /// When the shim cannot be read, a directory not be made, or the machine has no cgroups.
    pub fn open(config: &SandboxConfig, events: mpsc::UnboundedSender<SandboxEvent>) -> Result<Self> {
        let containers = config.exec_root.join("containers");
        make_private_dir(&containers)?;
        let zones = config.exec_root.join("names");
        make_private_dir(&zones)?;
        let seccomp = config.exec_root.join("seccomp");
        make_private_dir(&seccomp)?;
        Ok(Self {
            containers,
            zones,
            shim: ShimImage::seal(&config.shim)?,
            seccomp: SeccompFiles::new(seccomp),
            cgroups: Layout::detect()?,
            held_capabilities: held_capabilities()?,
            chrooted: chroot::is_own_root_a_chroot(),
            events,
        })
    }

    /// The machine's cgroup hierarchies.
    pub fn cgroups(&self) -> &Layout {
        &self.cgroups
    }

    /// Checks that containers can have cgroups below `parent`.
    ///
    /// # Errors
    /// When it is no cgroup path.
    pub fn check_cgroup(&self, parent: &str) -> Result<()> {
        Cgroup::new(&self.cgroups, &format!("/{}", parent.trim_matches('/')))?;
        Ok(())
    }

    /// Capabilities this daemon holds, as a bit mask, and thus can give.
    pub fn held_capabilities(&self) -> u64 {
        self.held_capabilities
    }

    /// Starts a shim and has it make the container's init, which then waits.
    ///
    /// # Errors
    /// When the shim cannot be started or the init not be made; nothing is left behind then.
    pub async fn create(&self, order: &Order) -> Result<Created> {
        if self.chrooted {
            return Err(Error::Unsupported(
                "the daemon runs in a chroot, beyond which processes of containers would get: give it a mount namespace whose \
                 root is its own (pivot_root) to run containers"
                    .to_owned(),
            ));
        }
        let run_dir = self.run_dir(&order.id);
        let created = self.create_in(order, &run_dir).await;
        if created.is_err() {
            remove_run_dir(&run_dir);
        }
        created
    }

    async fn create_in(&self, order: &Order, run_dir: &Path) -> Result<Created> {
        make_run_dir(run_dir)?;
        let spec = serde_json::to_vec(&order.spec).map_err(|e| Error::Invalid(e.to_string()))?;
        write_private(&run_dir.join(SPEC_FILE_NAME), &spec)
            .map_err(Error::system(format!("cannot write {}", run_dir.display())))?;
        let launch = Launch {
            version: PROTOCOL_VERSION,
            id: order.id.to_string(),
            bundle: run_dir.to_owned(),
            run_dir: run_dir.to_owned(),
            root: order.root.clone(),
            seccomp: self.seccomp_file(&order.seccomp, &order.spec)?,
            network: order.network,
            stdio: order.stdio,
            log: order.log.clone(),
            init: order.init.clone(),
            groups: order.groups.clone(),
        };
        let cgroup = cgroup_of(&order.spec);
        let cgroup = cgroup
            .as_deref()
            .map(|path| Cgroup::new(&self.cgroups, path))
            .transpose()?;
        let (mut control, shim) = self.spawn_shim(order.id.as_str(), run_dir)?;
        let answer = match send(
            &mut control,
            FrameKind::Request,
            &Request::Launch(Box::new(launch)),
        )
        .await
        {
            Ok(()) => receive(&mut control, FrameKind::Response).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(Response::Created { pid }) => Ok(Created {
                sandbox: Sandbox::new(
                    order.id.clone(),
                    pid,
                    PROTOCOL_VERSION,
                    run_dir.to_owned(),
                    cgroup_of(&order.spec),
                ),
                control,
                shim,
                cgroup,
                events: self.events.clone(),
            }),
            other => {
                drop(control);
                undone(shim, cgroup).await;
                Err(match other {
                    Ok(Response::Failed(failure)) => Error::Start(failure),
                    Ok(Response::Error { message }) => Error::Refused(message),
                    Ok(answer) => Error::Refused(format!("unexpected answer of the shim: {answer:?}")),
                    Err(error) => error.into(),
                })
            }
        }
    }

    fn spawn_shim(&self, id: &str, run_dir: &Path) -> Result<(UnixStream, Pid)> {
        let what = "cannot start the container's shim";
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(Error::system(what))?;
        ours.set_nonblocking(true).map_err(Error::system(what))?;
        let claim = claim::take(run_dir).map_err(Error::system(what))?;
        let shim = shim_process::spawn(&self.shim.path(), id, run_dir, theirs.as_fd(), claim.as_fd())
            .map_err(Error::system(what))?;
        Ok((UnixStream::from_std(ours).map_err(Error::system(what))?, shim))
    }

    /// The compiled filter for a specification's capabilities, `None` for unconfined.
    ///
    /// # Errors
    /// When the profile is not usable.
    pub(crate) fn seccomp_file(&self, choice: &SeccompChoice, spec: &Spec) -> Result<Option<PathBuf>> {
        let bounding = spec
            .process()
            .as_ref()
            .and_then(|process| process.capabilities().as_ref())
            .and_then(|sets| sets.bounding().as_ref());
        self.seccomp.path(choice, bounding)
    }

    /// The compiled filter for a process with these capabilities.
    ///
    /// # Errors
    /// When the profile is not usable.
    pub fn seccomp_for(
        &self,
        choice: &SeccompChoice,
        capabilities: &[oci_spec::runtime::Capability],
    ) -> Result<Option<PathBuf>> {
        self.seccomp
            .path(choice, Some(&capabilities.iter().copied().collect()))
    }

    /// Directory of a container's socket, specification and exit record.
    pub(crate) fn run_dir(&self, id: &ContainerId) -> PathBuf {
        self.containers.join(id.as_str())
    }

    pub(crate) fn events(&self) -> mpsc::UnboundedSender<SandboxEvent> {
        self.events.clone()
    }

    /// Identifiers of all containers that have a run directory.
    pub fn known(&self) -> Vec<ContainerId> {
        fs::read_dir(&self.containers)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// Notes what a restarted daemon must know of a container that runs, beside what its shim knows.
    ///
    /// # Errors
    /// When the run-time state cannot be written.
    pub fn note<T: Serialize>(&self, id: &ContainerId, note: &T) -> Result<()> {
        self.write_note(id, NOTE_FILE_NAME, note)
    }

    fn write_note<T: Serialize>(&self, id: &ContainerId, name: &str, note: &T) -> Result<()> {
        let text = serde_json::to_string(note).map_err(|e| Error::Invalid(e.to_string()))?;
        // As a whole: a daemon killed in the middle would lose sight of a container that runs.
        replace(&self.run_dir(id).join(name), &text).map_err(Error::system("cannot note a container's state"))
    }

    fn read_note<T: DeserializeOwned>(&self, id: &ContainerId, name: &str) -> Option<T> {
        let text = fs::read(self.run_dir(id).join(name)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Notes what the health checks of a container that runs have found.
    ///
    /// # Errors
    /// When the run-time state cannot be written.
    pub fn note_health<T: Serialize>(&self, id: &ContainerId, health: &T) -> Result<()> {
        self.write_note(id, HEALTH_FILE_NAME, health)
    }

    /// What was noted by [`Sandboxes::note_health`].
    pub fn noted_health<T: DeserializeOwned>(&self, id: &ContainerId) -> Option<T> {
        self.read_note(id, HEALTH_FILE_NAME)
    }

    /// Notes that a container is paused only while its files are being read, or that it no longer is.
    ///
    /// # Errors
    /// When the run-time state cannot be written. A container that has ended has none, which is no error where nothing is to be noted.
    pub fn note_held(&self, id: &ContainerId, held: bool) -> Result<()> {
        let path = self.run_dir(id).join(HELD_FILE_NAME);
        let done = match held {
            true => write_private(&path, b""),
            false => match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            },
        };
        done.map_err(Error::system("cannot note a container's state"))
    }

    /// Whether [`Sandboxes::note_held`] noted it last.
    pub fn is_held(&self, id: &ContainerId) -> bool {
        self.run_dir(id).join(HELD_FILE_NAME).exists()
    }

    /// What was noted of a container, unless it never got that far.
    pub fn noted<T: DeserializeOwned>(&self, id: &ContainerId) -> Option<T> {
        self.read_note(id, NOTE_FILE_NAME)
    }

    /// Writes what the container's resolver shall do; it sees the change.
    ///
    /// # Errors
    /// When the run-time state cannot be written.
    pub fn write_resolver(&self, id: &ContainerId, text: &str) -> Result<()> {
        replace(&self.run_dir(id).join(RESOLVER_FILE_NAME), text)
            .map_err(Error::system("cannot write a resolver's settings"))
    }

    /// Where the names on a network are written down.
    pub fn zone_path(&self, network: &str) -> PathBuf {
        self.zones.join(network)
    }

    /// Writes down the names on a network; resolvers see the change.
    ///
    /// # Errors
    /// When the run-time state cannot be written.
    pub fn write_zone(&self, network: &str, text: &str) -> Result<()> {
        replace(&self.zone_path(network), text).map_err(Error::system("cannot write the names on a network"))
    }

    /// Forgets the names on all networks but those that are to be kept.
    pub fn keep_zones(&self, is_kept: impl Fn(&str) -> bool) {
        for file in fs::read_dir(&self.zones).into_iter().flatten().flatten() {
            if !file.file_name().to_str().is_some_and(&is_kept) {
                // Whoever else removes it is welcome.
                let _gone = fs::remove_file(file.path());
            }
        }
    }

    /// Forgets the names on a network.
    pub fn remove_zone(&self, network: &str) {
        // There is none if no container ever was on it.
        let _none = fs::remove_file(self.zone_path(network));
    }

    /// Forgets a container that has ended: removes its run directory.
    pub fn forget(&self, id: &ContainerId) {
        remove_run_dir(&self.run_dir(id));
    }

    /// Removes the run-time state and the cgroup of containers' cgroups, where no container needs them; for the end of a
    /// daemon.
    ///
    /// # Errors
    /// When `cgroup_parent` is no cgroup path.
    pub fn close(&self, cgroup_parent: &str) -> Result<()> {
        if self.known().is_empty() {
            for dir in [&self.containers, &self.zones, self.seccomp.dir()] {
                remove_run_dir(dir);
            }
        }
        // Those that have ended are known, and have none.
        Cgroup::new(&self.cgroups, cgroup_parent)?.remove_if_unused();
        Ok(())
    }

    /// The cgroup of a container's run, as its specification says: the settings of the daemon may have been others when it
    /// was started. `None` without a run.
    pub(crate) fn cgroup_path(&self, id: &ContainerId) -> Option<String> {
        let text = fs::read(self.run_dir(id).join(SPEC_FILE_NAME)).ok()?;
        cgroup_of(&serde_json::from_slice(&text).ok()?)
    }

    /// Ends whatever is left of a container whose shim is gone or about to be, by its cgroup, and forgets it. `otherwise` is its cgroup
    /// if nothing is left that says which it was.
    ///
    /// # Errors
    /// When its shim does not end, or its cgroups cannot be emptied or removed.
    pub fn clear(&self, id: &ContainerId, otherwise: &str) -> Result<()> {
        let path = self.cgroup_path(id);
        let cgroup = Cgroup::new(&self.cgroups, path.as_deref().unwrap_or(otherwise))?;
        claim::wait_released(&self.run_dir(id))
            .map_err(Error::system("cannot clear up after a container"))?;
        self.forget(id);
        end_all_in(&cgroup)
    }
}

impl Created {
    /// The init's process identifier.
    pub fn pid(&self) -> u32 {
        self.sandbox.pid()
    }

    /// Attaches a client before the program runs, so that it misses nothing.
    ///
    /// # Errors
    /// When the shim is gone.
    pub async fn attach(&self, stdin: bool, stdout: bool, stderr: bool) -> Result<Streams> {
        self.sandbox.attach(stdin, stdout, stderr).await
    }

    /// Lets the init enter `network` (if it was prepared) and run its program. The shim answers queries on the sockets `names`, for
    /// UDP and TCP, as [`Sandboxes::write_resolver`] says.
    ///
    /// # Errors
    /// When the program cannot be run; nothing is left behind then.
    pub async fn proceed(
        mut self,
        network: Option<OwnedFd>,
        names: Option<(BorrowedFd<'_>, BorrowedFd<'_>)>,
    ) -> Result<Sandbox> {
        let resolver = names.map(|(udp, tcp)| ResolverSockets {
            pid: std::process::id(),
            udp: udp.as_raw_fd(),
            tcp: tcp.as_raw_fd(),
        });
        let netns = network
            .as_ref()
            .map(|fd| PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd())));
        let answer = match send(
            &mut self.control,
            FrameKind::Request,
            &Request::Proceed { netns, resolver },
        )
        .await
        {
            Ok(()) => receive(&mut self.control, FrameKind::Response).await,
            Err(error) => Err(error),
        };
        let run_dir = self.sandbox.run_dir().to_owned();
        let error = match answer {
            Ok(Response::Started { .. }) => {
                tokio::spawn(follow(
                    self.sandbox.clone(),
                    self.control,
                    self.events,
                    Some(self.shim),
                ));
                return Ok(self.sandbox);
            }
            Ok(Response::Failed(failure)) => Error::Start(failure),
            Ok(Response::Error { message }) => Error::Refused(message),
            Ok(answer) => Error::Refused(format!("unexpected answer of the shim: {answer:?}")),
            Err(error) => error.into(),
        };
        drop(self.control);
        undone(self.shim, self.cgroup).await;
        remove_run_dir(&run_dir);
        Err(error)
    }

    /// Undoes everything.
    pub async fn abort(self) {
        drop(self.control);
        undone(self.shim, self.cgroup).await;
        remove_run_dir(self.sandbox.run_dir());
    }
}

/// Waits for a shim that gives up, and clears up after one that was killed before it could itself. Not to be interrupted by a
/// client that goes.
async fn undone(shim: Pid, cgroup: Option<Cgroup>) {
    let done = tokio::spawn(async move {
        shim_process::reap(shim).await;
        let clear = move || cgroup.as_ref().map_or(Ok(()), end_all_in);
        match tokio::task::spawn_blocking(clear).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "cannot clear up after a start"
                );
            }
            Err(error) => tracing::error!(%error, "cannot clear up after a start"),
        }
    });
    // It logs what goes wrong.
    let _cancelled = done.await;
}

/// Kills what is in a cgroup and removes it.
fn end_all_in(cgroup: &Cgroup) -> Result<()> {
    if !cgroup.exists() {
        return Ok(());
    }
    cgroup.kill_all()?;
    Ok(cgroup.remove()?)
}

fn cgroup_of(spec: &Spec) -> Option<String> {
    let path = spec.linux().as_ref()?.cgroups_path().as_ref()?;
    Some(path.to_str()?.to_owned())
}

fn remove_run_dir(run_dir: &Path) {
    match fs::remove_dir_all(run_dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, dir = %run_dir.display(), "cannot remove a run directory"),
    }
}

/// Makes a run directory in which nothing of an earlier run is left: an exit record that stayed because the engine could not
/// write its own would later be taken for this run's.
fn make_run_dir(path: &Path) -> Result<()> {
    let make = || fs::DirBuilder::new().mode(0o700).create(path);
    let made = match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => claim::wait_released(path)
            .and_then(|()| fs::remove_dir_all(path))
            .and_then(|()| make()),
        made => made,
    };
    made.map_err(Error::system(format!("cannot create {}", path.display())))
}

fn make_private_dir(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(Error::system(format!("cannot create {}", path.display())))
}

/// Replaces a file as a whole.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    write_private(&new, text.as_bytes())?;
    fs::rename(new, path)
}

fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(contents)
}

/// This process's capability bounding set.
fn held_capabilities() -> Result<u64> {
    let status =
        fs::read_to_string("/proc/self/status").map_err(Error::system("cannot read own capabilities"))?;
    status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("CapBnd:")?.trim(), 16).ok())
        .ok_or_else(|| Error::Invalid("the kernel reports no capability sets".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_begins_without_the_exit_record_of_the_last_one() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = dir.path().join("run");
        make_run_dir(&run_dir).unwrap();
        let record = r#"{"code":137,"oom_killed":false,"finished_at_ns":1}"#;
        fs::write(run_dir.join(corten_shim_api::EXIT_FILE_NAME), record).unwrap();
        assert!(crate::sandbox::exit_record(&run_dir).is_some());
        make_run_dir(&run_dir).unwrap();
        assert_eq!(fs::read_dir(&run_dir).unwrap().count(), 0);
    }
}
