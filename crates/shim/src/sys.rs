//! System calls that neither the standard library nor rustix offers, each wrapped as thinly as is safe.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;

/// clone3(2)'s flag of that name (the libc crate's constant does not fit its type).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Answer of [`clone_process`].
pub enum Cloned {
    /// In the process that called.
    Parent {
        /// The child, as the caller's pid namespace numbers it.
        pid: u32,
        /// The child's pidfd.
        pidfd: OwnedFd,
    },
    /// In the child.
    Child,
}

/// Argument of clone3(2), version with `cgroup`.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Attributes for [`set_mount_attributes`] (`struct mount_attr`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MountAttr {
    /// `MOUNT_ATTR_*` to set.
    pub set: u64,
    /// `MOUNT_ATTR_*` to clear.
    pub clear: u64,
    /// One of `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE`, or 0.
    pub propagation: u64,
    userns_fd: u64,
}

impl MountAttr {
    /// Sets and clears attributes.
    pub fn new(set: u64, clear: u64) -> Self {
        Self {
            set,
            clear,
            ..Self::default()
        }
    }

    /// Changes the propagation only.
    pub fn propagation(propagation: u64) -> Self {
        Self {
            propagation,
            ..Self::default()
        }
    }
}

/// Forks with namespaces `flags` (`CLONE_NEW*`), on cgroup v2 straight into the cgroup of that directory.
///
/// # Safety
/// The process must be single-threaded: the child runs on a copy of the memory in which nobody else's locks are held.
/// The child must end in execve or `_exit`, never return into the caller's frames.
///
/// # Errors
/// The kernel's.
pub unsafe fn clone_process(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Cloned, Errno> {
    let mut pidfd: RawFd = -1;
    let mut arguments = CloneArgs {
        flags: flags | libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    if let Some(directory) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = directory.as_raw_fd() as u64;
    }
    // SAFETY: no stack is given, so the child continues on its own copy as after fork; `pidfd` outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArgs>()) };
    match checked(result)? {
        0 => Ok(Cloned::Child),
        pid => Ok(Cloned::Parent {
            pid: u32::try_from(pid).map_err(|_| Errno::INVAL)?,
            // SAFETY: the kernel has just stored a descriptor of ours there.
            pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) },
        }),
    }
}

/// Enters namespaces: of a process for a pidfd, or the one a namespace descriptor stands for.
///
/// # Errors
/// The kernel's.
pub fn enter_namespaces(fd: impl AsFd, flags: i32) -> Result<(), Errno> {
    // SAFETY: plain integers.
    checked(unsafe { libc::setns(fd.as_fd().as_raw_fd(), flags) }.into()).map(drop)
}

/// Leaves namespaces of this process for new ones.
///
/// # Errors
/// The kernel's.
pub fn unshare(flags: i32) -> Result<(), Errno> {
    // SAFETY: plain integers; the process is single-threaded, so no other thread shares what is left.
    checked(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// mount_setattr(2) on the mount `fd` stands for, with all mounts below it if `recursive`.
///
/// # Errors
/// The kernel's.
pub fn set_mount_attributes(fd: impl AsFd, recursive: bool, attributes: &MountAttr) -> Result<(), Errno> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty string and the structure has the size that is passed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(attributes),
            size_of::<MountAttr>(),
        )
    };
    checked(result).map(drop)
}

/// Makes `name` this process's session keyring, creating it if needed, and lets its possessor and its owner search it.
///
/// # Errors
/// The kernel's; `ENOSYS` where it knows no keyrings.
pub fn join_session_keyring(name: &CStr) -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
    const KEYCTL_SETPERM: libc::c_long = 5;
    // What the kernel gives new session keyrings (possessor everything, owner view, read, link), and owner search.
    const PERMISSIONS: libc::c_long = 0x3f1b_0000;
    // SAFETY: the name ends in NUL; the second call takes integers.
    unsafe {
        let key = checked(libc::syscall(
            libc::SYS_keyctl,
            KEYCTL_JOIN_SESSION_KEYRING,
            name.as_ptr(),
        ))?;
        checked(libc::syscall(libc::SYS_keyctl, KEYCTL_SETPERM, key, PERMISSIONS)).map(drop)
    }
}

/// Installs a seccomp filter: `program` is an array of `struct sock_filter` in native byte order.
///
/// # Errors
/// `EINVAL` for something that is no program, else the kernel's.
pub fn load_seccomp(program: &[u8]) -> Result<(), Errno> {
    const FILTER_SIZE: usize = 8;
    const SECCOMP_SET_MODE_FILTER: libc::c_uint = 1;
    // Like runc: speculation limits are the profile author's choice, not a side effect.
    const SECCOMP_FILTER_FLAG_SPEC_ALLOW: libc::c_uint = 1 << 2;
    if program.is_empty() || !program.len().is_multiple_of(FILTER_SIZE) {
        return Err(Errno::INVAL);
    }
    let length = u16::try_from(program.len() / FILTER_SIZE).map_err(|_| Errno::INVAL)?;
    // The kernel copies the instructions byte by byte; it does not ask for alignment.
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: pointer and length describe the slice, which outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            SECCOMP_SET_MODE_FILTER,
            SECCOMP_FILTER_FLAG_SPEC_ALLOW,
            &raw const program,
        )
    };
    checked(result).map(drop)
}

/// Closes every descriptor from 3 on but those in `keep`.
///
/// # Safety
/// Owners of the closed descriptors must never run again: for a child that only goes on to execve.
pub unsafe fn close_all_but(keep: &mut [RawFd]) {
    keep.sort_unstable();
    let mut first: libc::c_uint = 3;
    for fd in keep.iter().filter_map(|fd| libc::c_uint::try_from(*fd).ok()) {
        if fd > first {
            // SAFETY: by the contract above nobody uses these descriptors any more.
            unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
        }
        first = first.max(fd.saturating_add(1));
    }
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
}

/// Gives every signal its default disposition and unblocks all: what a program expects at its start.
pub fn reset_signals() {
    // All zero is the kernel's form of "default, no flags, no mask", on every architecture. The C library would not let the
    // two signals it uses itself be reset, which a starter may have left ignored.
    let default = [0_u64; 4];
    // SAFETY: the structure is large enough, and no handler is installed. Signals that cannot be set are refused without
    // effect. The set is initialised before it is used.
    unsafe {
        for signal in 1..=64 {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null::<u64>(),
                8,
            );
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Answer of [`fork`].
pub enum Forked {
    /// In the process that called: the child.
    Parent(rustix::process::Pid),
    /// In the child.
    Child,
}

/// fork(2).
///
/// # Safety
/// The process must be single-threaded, and the child must end in execve or `_exit`.
///
/// # Errors
/// The kernel's.
pub unsafe fn fork() -> io::Result<Forked> {
    // SAFETY: by the contract above.
    match unsafe { libc::fork() } {
        pid if pid < 0 => Err(io::Error::last_os_error()),
        pid => Ok(rustix::process::Pid::from_raw(pid).map_or(Forked::Child, Forked::Parent)),
    }
}

/// Blocks every signal that is not about a fault of this process itself, so that [`next_signal`] gets it.
pub fn block_signals() {
    // SAFETY: the set is initialised before it is changed and used.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        for fault in [
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGABRT,
            libc::SIGTRAP,
            libc::SIGSYS,
        ] {
            libc::sigdelset(&raw mut set, fault);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Waits for a signal; `None` if the wait was interrupted.
pub fn next_signal() -> Option<i32> {
    // SAFETY: the set is initialised before it is used; no information is asked for.
    let signal = unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigwaitinfo(&raw const all, std::ptr::null_mut())
    };
    (signal > 0).then_some(signal)
}

/// Sends any signal number to a process, which may have ended.
pub fn signal_process(pid: rustix::process::Pid, signal: i32) {
    // SAFETY: plain integers.
    let _gone = unsafe { libc::kill(pid.as_raw_nonzero().get(), signal) };
}

/// Sends any signal number to a process group.
///
/// # Errors
/// The kernel's.
pub fn signal_group(leader: u32, signal: i32) -> Result<(), Errno> {
    let leader = libc::pid_t::try_from(leader).map_err(|_| Errno::INVAL)?;
    // SAFETY: plain integers.
    checked(unsafe { libc::kill(-leader, signal) }.into()).map(drop)
}

/// Executes a program with this process's environment, looking for it in `PATH`. Returns only if that fails.
pub fn execute(program: &[std::ffi::CString]) -> io::Error {
    let arguments: Vec<*const libc::c_char> = program
        .iter()
        .map(|argument| argument.as_ptr())
        .chain([std::ptr::null()])
        .collect();
    // SAFETY: all strings end in NUL, the array in null, and both outlive the call.
    unsafe { libc::execvp(arguments[0], arguments.as_ptr()) };
    io::Error::last_os_error()
}

/// Executes an open file. Both arrays must end in null. Returns only if that fails.
///
/// # Safety
/// The arrays must hold pointers to strings that end in NUL, and end in null.
pub unsafe fn execute_file(
    file: impl AsFd,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> io::Error {
    // SAFETY: the path is an empty string; the rest by the contract above. The kernel does not write to the strings.
    unsafe {
        libc::execveat(
            file.as_fd().as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr().cast(),
            environment.as_ptr().cast(),
            libc::AT_EMPTY_PATH,
        );
    }
    io::Error::last_os_error()
}

/// Makes the shim deaf to the signals that ask a process to end: only its container's end ends it.
pub fn ignore_requests_to_end() {
    // SAFETY: SIG_IGN is a valid disposition for these signals.
    unsafe {
        for signal in [
            libc::SIGTERM,
            libc::SIGINT,
            libc::SIGHUP,
            libc::SIGQUIT,
            libc::SIGPIPE,
            libc::SIGTTOU,
        ] {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
}

/// Opens the other side of the pseudo-terminal `master` without going through any path (`TIOCGPTPEER`).
///
/// # Errors
/// The kernel's.
pub fn open_terminal_peer(master: impl AsFd) -> Result<OwnedFd, Errno> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: this request takes the open flags by value and returns a new descriptor.
    unsafe {
        let fd = checked(libc::ioctl(master.as_fd().as_raw_fd(), libc::TIOCGPTPEER, flags).into())?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Takes the loopback interface of this network namespace up.
///
/// # Errors
/// The kernel's.
pub fn loopback_up() -> Result<(), Errno> {
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: all-zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is an ifreq with a NUL-terminated name.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }.into())
        .map(drop)
}

/// Waits until something happens to one of the descriptors, or `timeout_ms` is over (-1: never).
pub fn poll(fds: &mut [libc::pollfd], timeout_ms: i32) {
    // SAFETY: pointer and length are the slice's. An interrupted wait leaves nothing reported, which is true.
    let result = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout_ms) };
    if result < 0 {
        for fd in fds {
            fd.revents = 0;
        }
    }
}

/// Sends any signal number the kernel knows (real-time ones included) to the process a pidfd stands for.
///
/// # Errors
/// The kernel's.
pub fn pidfd_send_signal(pidfd: impl AsFd, signal: i32) -> Result<(), Errno> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: plain integers and a null pointer, which the kernel fills in for.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_fd().as_raw_fd(),
            signal,
            no_info,
            0,
        )
    };
    checked(result).map(drop)
}

/// Gives freed memory back to the system.
pub fn trim_memory() {
    // SAFETY: no preconditions.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Ends the process at once, running no destructor.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: no preconditions.
    unsafe { libc::_exit(code) }
}

fn checked(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result < 0 {
        Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))
    } else {
        Ok(result)
    }
}

/// Where the first `byte` is, by the C library's vectorised search.
pub fn find_byte(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), byte.into(), bytes.len()) };
    (!found.is_null()).then(|| found.addr() - bytes.as_ptr().addr())
}
