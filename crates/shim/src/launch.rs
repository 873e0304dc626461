//! From the launch order to an init in its namespaces: what the shim does before there is a container to look after.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use corten_cgroup::{Cgroup, Layout};
use corten_shim_api::{
    ErrorStage, InitProgram, Launch, PROTOCOL_VERSION, SOCKET_NAME, SPEC_FILE_NAME, sealed_copy,
};
use oci_spec::runtime::{LinuxResources, Spec};
use rustix::fs::{AtFlags, Mode, OFlags, open, unlinkat};
use rustix::io::Errno;

use crate::channel::{Channel, Message};
use crate::failure::{Context, Result, chain, failure};
use crate::init::{Init, sysctl};
use crate::log::Log;
use crate::namespaces::Namespaces;
use crate::sys::{self, Cloned};
use crate::task::{Input, Phase, Pipes, Task};

/// A container whose init waits for the order to go on.
pub struct Launched {
    /// The init.
    pub init: Task,
    /// Where clients connect.
    pub listener: UnixListener,
    /// The container's run directory.
    pub run_dir: OwnedFd,
    /// Where output is recorded.
    pub log: Option<Log>,
    /// The container's cgroup.
    pub cgroup: Cgroup,
    /// Whether the end of the init ends everything in the container.
    pub own_pid_namespace: bool,
    /// Whether a network namespace must come with the order to go on.
    pub needs_network: bool,
}

/// Starts the init. `created` is called as soon as it exists, to let others begin with their part.
///
/// # Errors
/// Nothing is left then.
pub fn launch(order: &Launch, created: impl FnOnce(u32)) -> Result<Launched> {
    if order.version != PROTOCOL_VERSION {
        let message = format!(
            "the daemon speaks protocol version {}, this shim {PROTOCOL_VERSION}",
            order.version
        );
        return Err(failure(ErrorStage::Spec, message));
    }
    let spec = read_spec(&order.bundle.join(SPEC_FILE_NAME))?;
    refuse_unsupported(&spec)?;
    let namespaces = Namespaces::decide(&spec, order.network)?;
    if let Some(parameters) = spec.linux().as_ref().and_then(|linux| linux.sysctl().as_ref()) {
        sysctl::check(parameters, &namespaces)?;
    }
    if spec.hostname().is_some() && !namespaces.has_own(libc::CLONE_NEWUTS) {
        return Err(failure(
            ErrorStage::Spec,
            "unable to set hostname without a private UTS namespace",
        ));
    }
    let layout = Layout::detect().map_err(|error| failure(ErrorStage::Cgroup, chain(&error)))?;
    let cgroup = cgroup_of(&spec, &layout)?;
    let seccomp = order.seccomp.as_deref().map(read_seccomp).transpose()?;
    let init_program = order.init.as_ref().map(open_init).transpose()?;
    let log = order
        .log
        .as_ref()
        .map(|target| {
            Log::open(target).context(ErrorStage::Spec, || {
                format!(
                    "failed to initialize logging driver: open {}",
                    target.path.display()
                )
            })
        })
        .transpose()?;
    let mut pipes = None;
    if !order.stdio.tty {
        pipes = Some(Pipes::open(order.stdio.open_stdin).context(ErrorStage::Spec, || "open pipes".into())?);
    }
    let run_dir = open(
        &order.run_dir,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .context(ErrorStage::Spec, || format!("open {}", order.run_dir.display()))?;
    let listener = listen(run_dir.as_fd()).context(ErrorStage::Spec, || {
        format!("listen on {}", order.run_dir.join(SOCKET_NAME).display())
    })?;

    let undo_socket = Undo(|| remove_socket(run_dir.as_fd()));
    let undo_cgroup = Undo(|| {
        let _first_failure_counts = cgroup.remove();
    });
    // On v2 the init is born in its cgroup. On v1 it enters by itself, so making the cgroup need not hold up the rest.
    let born_inside = matches!(layout, Layout::V2 { .. });
    if born_inside {
        make_cgroup(&cgroup, &spec)?;
    }
    let (channel, childs_channel) = Channel::pair().context(ErrorStage::Namespace, || "socketpair".into())?;
    let (mut input, mut out, mut err, mut streams) = (None, None, None, None);
    if let Some(pipes) = pipes {
        (input, out, err, streams) = (pipes.input, Some(pipes.out), Some(pipes.err), Some(pipes.child));
    }
    let init = Init {
        launch: order,
        spec: &spec,
        namespaces: &namespaces,
        layout: &layout,
        cgroup: &cgroup,
        seccomp: seccomp.as_deref(),
        init_program,
        streams,
        channel: childs_channel,
    };
    let (pid, pidfd) = clone_init(&init, born_inside)?;
    drop(init);
    let mut task = Task {
        exec: None,
        pid,
        pidfd,
        phase: Phase::Waiting(channel),
        input: Input {
            open: input.is_some() || order.stdio.tty,
            pipe: input,
            ..Input::default()
        },
        terminal: None,
        out,
        err,
        drain_until_ns: None,
    };
    created(pid);
    let entered = if born_inside {
        Ok(())
    } else {
        make_cgroup(&cgroup, &spec)
    };
    match (entered, &task.phase) {
        (Ok(()), Phase::Waiting(channel)) => channel.send(&Message::CgroupReady),
        (Ok(()), _) => {}
        // The init was announced already: the failure is the answer to the order to go on.
        (Err(failed), _) => {
            end(&task);
            task.phase = Phase::Broken(failed);
        }
    }
    undo_cgroup.forget();
    undo_socket.forget();
    Ok(Launched {
        init: task,
        listener,
        log,
        own_pid_namespace: namespaces.new & libc::CLONE_NEWPID != 0,
        needs_network: namespaces.prepared_network,
        cgroup,
        run_dir,
    })
}

/// Kills a process that never became a program, and reaps it.
pub fn end(task: &Task) {
    // Failing means that it has ended by itself.
    let _ended = rustix::process::pidfd_send_signal(&task.pidfd, rustix::process::Signal::KILL);
    task.reap(true);
}

/// Takes the socket's name away.
pub fn remove_socket(run_dir: BorrowedFd<'_>) {
    // Missing is as good as removed, and nothing else can be done about any other failure.
    let _gone = unlinkat(run_dir, SOCKET_NAME, AtFlags::empty());
}

/// Does something unless told otherwise.
struct Undo<F: FnMut()>(F);

impl<F: FnMut()> Undo<F> {
    fn forget(self) {
        std::mem::forget(self);
    }
}

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn read_spec(path: &Path) -> Result<Spec> {
    let text = std::fs::read(path).context(ErrorStage::Spec, || format!("open {}", path.display()))?;
    serde_json::from_slice(&text)
        .map_err(|error| failure(ErrorStage::Spec, format!("{}: {error}", path.display())))
}

fn read_seccomp(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).context(ErrorStage::Rights, || {
        format!("open seccomp program {}", path.display())
    })
}

/// The program of an init, which is executed through its descriptor: in the container it has no name that could be replaced.
fn open_init(program: &InitProgram) -> Result<OwnedFd> {
    let opened = match program {
        // Sealed already: see `seal`.
        InitProgram::Own => File::open("/proc/self/exe"),
        InitProgram::File(path) => File::open(path).and_then(sealed_copy),
    };
    let name = || match program {
        InitProgram::Own => "open the init program".to_owned(),
        InitProgram::File(path) => format!("open the init program {}", path.display()),
    };
    opened.map(OwnedFd::from).context(ErrorStage::Spec, name)
}

/// What the specification may ask for and this runtime does not do must not go unnoticed.
fn refuse_unsupported(spec: &Spec) -> Result<()> {
    let Some(linux) = spec.linux() else {
        return Err(failure(
            ErrorStage::Spec,
            "the specification has no linux section",
        ));
    };
    let given = [
        ("hooks", spec.hooks().is_some()),
        (
            "linux.seccomp (the compiled program comes with the launch order)",
            linux.seccomp().is_some(),
        ),
        (
            "linux.uidMappings",
            linux.uid_mappings().as_ref().is_some_and(|list| !list.is_empty()),
        ),
        (
            "linux.gidMappings",
            linux.gid_mappings().as_ref().is_some_and(|list| !list.is_empty()),
        ),
        (
            "linux.mountLabel",
            linux
                .mount_label()
                .as_deref()
                .is_some_and(|label| !label.is_empty()),
        ),
        ("linux.intelRdt", linux.intel_rdt().is_some()),
        ("linux.memoryPolicy", linux.memory_policy().is_some()),
        ("linux.personality", linux.personality().is_some()),
        ("linux.timeOffsets", linux.time_offsets().is_some()),
        ("linux.netDevices", linux.net_devices().is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(failure(ErrorStage::Spec, format!("{name} is not supported"))),
        None => Ok(()),
    }
}

fn cgroup_of(spec: &Spec, layout: &Layout) -> Result<Cgroup> {
    let path = spec
        .linux()
        .as_ref()
        .and_then(|linux| linux.cgroups_path().as_ref());
    let Some(path) = path.and_then(|path| path.to_str()) else {
        return Err(failure(
            ErrorStage::Spec,
            "the specification has no linux.cgroupsPath",
        ));
    };
    Cgroup::new(layout, path).map_err(|error| failure(ErrorStage::Cgroup, chain(&error)))
}

fn make_cgroup(cgroup: &Cgroup, spec: &Spec) -> Result<()> {
    let none = LinuxResources::default();
    let resources = spec
        .linux()
        .as_ref()
        .and_then(|linux| linux.resources().as_ref())
        .unwrap_or(&none);
    cgroup.create(resources).map_err(|error| {
        failure(
            ErrorStage::Cgroup,
            format!("unable to apply cgroup configuration: {}", chain(&error)),
        )
    })
}

/// Listens in the run directory, by a name that is short however long the directory's is.
fn listen(run_dir: BorrowedFd<'_>) -> std::io::Result<UnixListener> {
    match unlinkat(run_dir, SOCKET_NAME, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let old = rustix::process::umask(Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(format!("/proc/self/fd/{}/{SOCKET_NAME}", run_dir.as_raw_fd()));
    rustix::process::umask(old);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn clone_init(init: &Init<'_>, born_inside: bool) -> Result<(u32, OwnedFd)> {
    let joiner = if born_inside {
        Some(
            init.cgroup
                .join_fds()
                .map_err(|error| failure(ErrorStage::Cgroup, chain(&error)))?,
        )
    } else {
        None
    };
    let directory = joiner.as_ref().and_then(|joiner| joiner.clone_into());
    let clone = || {
        // SAFETY: the shim has one thread, and `run` never returns.
        match unsafe { sys::clone_process(init.namespaces.new as u64, directory) }? {
            Cloned::Parent { pid, pidfd } => Ok((pid, pidfd)),
            Cloned::Child => init.run(),
        }
    };
    match init.namespaces.joined_pid {
        None => clone().context(ErrorStage::Namespace, || "clone".into()),
        Some(path) => {
            let namespace = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                .context(ErrorStage::Namespace, || {
                    format!("join namespace {}", path.display())
                })?;
            with_children_in(namespace.as_fd(), clone).context(ErrorStage::Namespace, || "clone".into())
        }
    }
}

/// Has `clone` make its child in another pid namespace (of a namespace or a pidfd descriptor), which takes no second fork.
///
/// # Errors
/// The kernel's.
pub fn with_children_in<T>(
    namespace: BorrowedFd<'_>,
    clone: impl FnOnce() -> std::result::Result<T, Errno>,
) -> std::result::Result<T, Errno> {
    let own = open(
        "/proc/self/ns/pid",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    sys::enter_namespaces(namespace, libc::CLONE_NEWPID)?;
    let result = clone();
    // Only what children of this process are born into had changed; the way back is always open.
    sys::enter_namespaces(own, libc::CLONE_NEWPID)?;
    result
}
