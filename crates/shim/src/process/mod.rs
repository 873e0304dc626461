//! The last steps to a program, the same for the init and for an exec: from root inside the container to execve.

pub mod lookup;
pub mod rights;
pub mod user;

use std::convert::Infallible;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use corten_shim_api::ErrorStage;
use oci_spec::runtime::{PosixRlimitType, Process};
use rustix::fs::{Mode, OFlags, Uid, chownat, fstat};
use rustix::io::Errno;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::channel::{Channel, Message};
use crate::docker_init;
use crate::failure::{Context, Result, errno_text, failure};
use crate::init::devices::is_null;
use crate::sys;
use user::User;

/// What is to run.
pub struct Program<'a> {
    /// The container's identifier.
    pub container: &'a str,
    /// The process.
    pub process: &'a Process,
    /// Names of groups it gets beside those of its user.
    pub groups: &'a [String],
    /// The init that is to run it; `None` has it run by itself.
    pub init: Option<BorrowedFd<'a>>,
    /// The seccomp program.
    pub seccomp: Option<&'a [u8]>,
}

/// Refuses what this runtime does not do, and sets what needs the host's `/proc` and its rights: the OOM score.
///
/// # Errors
/// In runc's words where it has any.
pub fn prepare(process: &Process) -> Result<()> {
    let unsupported = [
        (
            "selinuxLabel",
            process
                .selinux_label()
                .as_deref()
                .is_some_and(|label| !label.is_empty()),
        ),
        (
            "apparmorProfile",
            process
                .apparmor_profile()
                .as_deref()
                .is_some_and(|name| !name.is_empty()),
        ),
        ("ioPriority", process.io_priority().is_some()),
        ("scheduler", process.scheduler().is_some()),
        ("execCPUAffinity", process.exec_cpu_affinity().is_some()),
    ];
    if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
        return Err(failure(
            ErrorStage::Spec,
            format!("process.{name} is not supported"),
        ));
    }
    if let Some(score) = process.oom_score_adj() {
        std::fs::write("/proc/self/oom_score_adj", score.to_string()).context(ErrorStage::Rights, || {
            "failed to set /proc/self/oom_score_adj".into()
        })?;
    }
    Ok(())
}

/// Sets the limits: after everything that needs more descriptors or memory than the program may have, and before rights go
/// and a filter comes that may forbid it.
fn set_limits(process: &Process) -> Result<()> {
    for limit in process.rlimits().iter().flatten() {
        let kind = resource(limit.typ());
        let value = libc::rlimit {
            rlim_cur: limit.soft(),
            rlim_max: limit.hard(),
        };
        // SAFETY: the structure outlives the call.
        let result = unsafe { libc::setrlimit(kind, &raw const value) };
        if result != 0 {
            Err(std::io::Error::last_os_error()).context(ErrorStage::Rights, || {
                format!("error setting rlimits for ready process: error setting rlimit type {kind}")
            })?;
        }
    }
    Ok(())
}

/// Drops rights and executes, or reports why not and ends: nobody who owns a descriptor may run again after this.
/// `plain_streams` tells that the standard streams are no terminal.
pub fn become_program(program: &Program<'_>, plain_streams: bool, channel: &Channel) -> ! {
    let Err(failed) = try_to_become(program, plain_streams, channel);
    channel.send(&Message::Failed(failed));
    sys::exit_now(1)
}

fn try_to_become(program: &Program<'_>, plain_streams: bool, channel: &Channel) -> Result<Infallible> {
    let process = program.process;
    join_keyring(program.container)?;
    let user = User::resolve(process.user(), program.groups)?;
    let mut environment: Vec<String> = process.env().clone().unwrap_or_default();
    if !environment.iter().any(|entry| entry.starts_with("HOME=")) {
        environment.push(format!("HOME={}", user.home));
    }
    // From here on no descriptor leads out of the container.
    let mut keep = vec![channel.as_fd().as_raw_fd()];
    keep.extend(program.init.map(|init| init.as_raw_fd()));
    // SAFETY: this process never returns to the owners of the other descriptors.
    unsafe { sys::close_all_but(&mut keep) };
    if plain_streams {
        use_own_null()?;
    }

    set_limits(process)?;
    let no_new_privileges = process.no_new_privileges().unwrap_or(false);
    if no_new_privileges {
        rustix::thread::set_no_new_privs(true).context(ErrorStage::Rights, || {
            "error during container init: set no_new_privs".into()
        })?;
    } else if let Some(filter) = program.seccomp {
        // Without no_new_privs only an administrator may do this, which the process ceases to be below.
        load_filter(filter)?;
    }
    let rights = rights::Rights::of(process);
    rights.limit_bounding_set()?;
    let entered = enter_directory(process)?;
    own_streams(user.uid)?;
    user.assume(process.user().umask())?;
    if !entered {
        chdir(process).map_err(|errno| cwd_failure(process, errno))?;
    }
    check_directory()?;
    rights.assume()?;
    // Changing credentials has cleared it.
    set_parent_process_death_signal(Some(Signal::KILL)).context(ErrorStage::Rights, || "prctl".into())?;
    if channel.is_closed() {
        sys::exit_now(1);
    }
    let asked = process.args().as_deref().unwrap_or_default();
    let (path, arguments) = match program.init {
        // It looks for the program itself.
        Some(_) => {
            let own = [docker_init::NAME.to_owned(), "--".to_owned()];
            (docker_init::NAME.to_owned(), strings(&[&own, asked].concat())?)
        }
        None => (lookup::find(process, &environment)?, strings(asked)?),
    };
    let program_name = CString::new(path.as_str()).map_err(|_| nul_byte())?;
    let environment = strings(&environment)?;
    let (arguments, environment) = (pointers(&arguments), pointers(&environment));
    if no_new_privileges && let Some(filter) = program.seccomp {
        load_filter(filter)?;
    }
    channel.send(&Message::Executing);
    if let Some(init) = program.init {
        // SAFETY: all strings end in NUL, both arrays in null, and everything outlives the call.
        let error = unsafe { sys::execute_file(init, &arguments, &environment) };
        return Err(error).context(ErrorStage::Exec, || format!("exec {path}"));
    }
    // SAFETY: all strings end in NUL, both arrays in null, and everything outlives the call.
    unsafe { libc::execve(program_name.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Err(std::io::Error::last_os_error()).context(ErrorStage::Exec, || format!("exec {path}"))
}

fn join_keyring(container: &str) -> Result<()> {
    let name = CString::new(format!("_ses.{container}")).map_err(|_| nul_byte())?;
    match sys::join_session_keyring(&name) {
        // A kernel or a sandbox without keyrings.
        Err(Errno::NOSYS) => Ok(()),
        result => result.context(ErrorStage::Rights, || "unable to join session keyring".into()),
    }
}

fn load_filter(filter: &[u8]) -> Result<()> {
    sys::load_seccomp(filter).context(ErrorStage::Rights, || {
        "error during container init: unable to init seccomp".into()
    })
}

/// Standard streams that are the host's null device become the container's, so that no host file is held open.
fn use_own_null() -> Result<()> {
    let replace = || -> std::result::Result<(), Errno> {
        let streams = [
            rustix::stdio::stdin(),
            rustix::stdio::stdout(),
            rustix::stdio::stderr(),
        ];
        if !streams.iter().any(is_null) {
            return Ok(());
        }
        let own = match rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
            Ok(own) if is_null(&own) => own,
            // The image has none.
            _ => return Ok(()),
        };
        if is_null(streams[0]) {
            rustix::stdio::dup2_stdin(&own)?;
        }
        if is_null(streams[1]) {
            rustix::stdio::dup2_stdout(&own)?;
        }
        if is_null(streams[2]) {
            rustix::stdio::dup2_stderr(&own)?;
        }
        Ok(())
    };
    replace().context(ErrorStage::Mount, || {
        "error during container init: open /dev/null".into()
    })
}

/// Gives the standard streams to the user, who could not open `/dev/stdout` otherwise.
fn own_streams(uid: u32) -> Result<()> {
    for stream in [
        rustix::stdio::stdin(),
        rustix::stdio::stdout(),
        rustix::stdio::stderr(),
    ] {
        let stat =
            fstat(stream).context(ErrorStage::Rights, || "error during container init: fstat".into())?;
        if stat.st_uid == uid || is_null(stream) {
            continue;
        }
        match chownat(
            stream,
            c"",
            Some(Uid::from_raw(uid)),
            None,
            rustix::fs::AtFlags::EMPTY_PATH,
        ) {
            // Files of another owner's namespace, or on a file system without owners.
            Err(Errno::INVAL | Errno::PERM | Errno::ROFS) | Ok(()) => {}
            Err(errno) => {
                return Err(errno).context(ErrorStage::Rights, || {
                    "error during container init: fchown".into()
                });
            }
        }
    }
    Ok(())
}

/// Enters the working directory with root's rights; `false` if that is forbidden even to root and the user is to try.
fn enter_directory(process: &Process) -> Result<bool> {
    match chdir(process) {
        Ok(()) => Ok(true),
        Err(Errno::ACCESS | Errno::PERM) => Ok(false),
        Err(errno) => Err(cwd_failure(process, errno)),
    }
}

fn chdir(process: &Process) -> std::result::Result<(), Errno> {
    rustix::process::chdir(process.cwd())
}

fn cwd_failure(process: &Process, errno: Errno) -> corten_shim_api::RuntimeFailure {
    corten_shim_api::RuntimeFailure {
        stage: ErrorStage::WorkingDirectory,
        message: format!(
            "chdir to cwd ({:?}) set in config.json failed: {}",
            process.cwd(),
            errno_text(errno)
        ),
        errno: Some(errno.raw_os_error()),
    }
}

/// The kernel says of a directory outside the root that it does not exist.
fn check_directory() -> Result<()> {
    match rustix::process::getcwd(Vec::new()) {
        Ok(path) if path.as_bytes().starts_with(b"/") => Ok(()),
        Ok(_) | Err(Errno::NOENT) => Err(failure(
            ErrorStage::WorkingDirectory,
            "current working directory is outside of container mount namespace root -- possible container breakout detected",
        )),
        // A directory its user may not read the path of is none outside.
        Err(_) => Ok(()),
    }
}

fn strings(values: &[String]) -> Result<Vec<CString>> {
    values
        .iter()
        .map(|value| CString::new(value.as_str()).map_err(|_| nul_byte()))
        .collect()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}

fn nul_byte() -> corten_shim_api::RuntimeFailure {
    failure(
        ErrorStage::Spec,
        "a name, an argument or the environment contains a NUL byte",
    )
}

fn resource(kind: PosixRlimitType) -> libc::__rlimit_resource_t {
    match kind {
        PosixRlimitType::RlimitCpu => libc::RLIMIT_CPU,
        PosixRlimitType::RlimitFsize => libc::RLIMIT_FSIZE,
        PosixRlimitType::RlimitData => libc::RLIMIT_DATA,
        PosixRlimitType::RlimitStack => libc::RLIMIT_STACK,
        PosixRlimitType::RlimitCore => libc::RLIMIT_CORE,
        PosixRlimitType::RlimitRss => libc::RLIMIT_RSS,
        PosixRlimitType::RlimitNproc => libc::RLIMIT_NPROC,
        PosixRlimitType::RlimitNofile => libc::RLIMIT_NOFILE,
        PosixRlimitType::RlimitMemlock => libc::RLIMIT_MEMLOCK,
        PosixRlimitType::RlimitAs => libc::RLIMIT_AS,
        PosixRlimitType::RlimitLocks => libc::RLIMIT_LOCKS,
        PosixRlimitType::RlimitSigpending => libc::RLIMIT_SIGPENDING,
        PosixRlimitType::RlimitMsgqueue => libc::RLIMIT_MSGQUEUE,
        PosixRlimitType::RlimitNice => libc::RLIMIT_NICE,
        PosixRlimitType::RlimitRtprio => libc::RLIMIT_RTPRIO,
        PosixRlimitType::RlimitRttime => libc::RLIMIT_RTTIME,
    }
}
