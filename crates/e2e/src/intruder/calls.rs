//! Single system calls a container has no business making.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null;

use crate::report;

/// `KEY_SPEC_SESSION_KEYRING`.
const SESSION: usize = -3_isize as usize;

/// Makes each call with arguments that are good enough to get past everything but the refusal.
pub(crate) fn all() {
    let root = c"/".as_ptr() as usize;
    let text = c"x".as_ptr() as usize;
    let kind = c"user".as_ptr() as usize;
    let tmpfs = c"tmpfs".as_ptr() as usize;
    let mut zeros = [0_u64; 64];
    let buffer = zeros.as_mut_ptr() as usize;
    const NEW_USER: usize = libc::CLONE_NEWUSER as usize;
    const NEW_NS: usize = libc::CLONE_NEWNS as usize;
    let here = libc::AT_FDCWD as usize;
    let table: [(&str, libc::c_long, [usize; 5]); 30] = [
        ("add_key", libc::SYS_add_key, [kind, text, text, 1, SESSION]),
        ("request_key", libc::SYS_request_key, [kind, text, 0, SESSION, 0]),
        ("keyctl", libc::SYS_keyctl, [0, SESSION, 0, 0, 0]),
        (
            "clone user",
            libc::SYS_clone,
            [NEW_USER | libc::SIGCHLD as usize, 0, 0, 0, 0],
        ),
        ("clone3", libc::SYS_clone3, [buffer, 0, 0, 0, 0]),
        ("mount", libc::SYS_mount, [tmpfs, root, tmpfs, 0, 0]),
        (
            "umount2",
            libc::SYS_umount2,
            [c"/proc/sys".as_ptr() as usize, 2, 0, 0, 0],
        ),
        ("pivot_root", libc::SYS_pivot_root, [root, root, 0, 0, 0]),
        ("fsopen", libc::SYS_fsopen, [tmpfs, 0, 0, 0, 0]),
        ("open_tree", libc::SYS_open_tree, [here, root, 1, 0, 0]),
        (
            "mount_setattr",
            libc::SYS_mount_setattr,
            [here, root, 0, buffer, 32],
        ),
        (
            "open_by_handle_at",
            libc::SYS_open_by_handle_at,
            [here, buffer, 0, 0, 0],
        ),
        ("bpf", libc::SYS_bpf, [0, buffer, 48, 0, 0]),
        (
            "perf_event_open",
            libc::SYS_perf_event_open,
            [buffer, 0, usize::MAX, usize::MAX, 0],
        ),
        ("userfaultfd", libc::SYS_userfaultfd, [0, 0, 0, 0, 0]),
        ("init_module", libc::SYS_init_module, [buffer, 8, text, 0, 0]),
        ("finit_module", libc::SYS_finit_module, [0, text, 0, 0, 0]),
        ("delete_module", libc::SYS_delete_module, [text, 0, 0, 0, 0]),
        ("kexec_load", libc::SYS_kexec_load, [0, 0, 0, 0, 0]),
        ("reboot", libc::SYS_reboot, [0xfee1_dead, 0x2812_1969, 0, 0, 0]),
        ("swapon", libc::SYS_swapon, [root, 0, 0, 0, 0]),
        ("settimeofday", libc::SYS_settimeofday, [buffer, 0, 0, 0, 0]),
        ("acct", libc::SYS_acct, [text, 0, 0, 0, 0]),
        ("syslog", libc::SYS_syslog, [3, buffer, 16, 0, 0]),
        ("quotactl", libc::SYS_quotactl, [0, root, 0, buffer, 0]),
        ("sethostname", libc::SYS_sethostname, [text, 1, 0, 0, 0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, [1, buffer, 0, 0, 0]),
        // Last: whoever is let into a user namespace may do more.
        ("unshare user", libc::SYS_unshare, [NEW_USER, 0, 0, 0, 0]),
        ("unshare mount", libc::SYS_unshare, [NEW_NS, 0, 0, 0, 0]),
        (
            "unshare cgroup",
            libc::SYS_unshare,
            [libc::CLONE_NEWCGROUP as usize, 0, 0, 0, 0],
        ),
    ];
    for (name, call, [a, b, c, d, e]) in table {
        // Two refusals in a row may use up the same arguments: the file handle says how long it is each time.
        zeros[0] = if name == "open_by_handle_at" {
            8 | 1 << 32
        } else {
            0
        };
        // SAFETY: every pointer is to a string with its NUL or to the buffer, which is larger than what any of the calls
        // reads or writes. A child of `clone` ends at once.
        let result = unsafe { libc::syscall(call, a, b, c, d, e) };
        if call == libc::SYS_clone && result == 0 {
            std::process::exit(0);
        }
        let outcome = if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        };
        report(name, outcome);
    }
}

/// Puts a key into the session keyring.
pub(crate) fn add_key() -> io::Result<()> {
    let (kind, name) = (c"user".as_ptr(), c"secret".as_ptr());
    // SAFETY: both strings end in NUL, and the payload is one byte of the second.
    let result = unsafe { libc::syscall(libc::SYS_add_key, kind, name, name, 1_usize, SESSION) };
    checked(i32::try_from(result.min(0)).unwrap_or(-1))
}

/// Looks for that key.
pub(crate) fn find_key() -> io::Result<()> {
    const SEARCH: usize = 10;
    let (kind, name) = (c"user".as_ptr(), c"secret".as_ptr());
    // SAFETY: both strings end in NUL.
    let result = unsafe { libc::syscall(libc::SYS_keyctl, SEARCH, SESSION, kind, name, 0_usize) };
    checked(i32::try_from(result.min(0)).unwrap_or(-1))
}

/// Enters all the namespaces `path` (of `/proc/PID/ns`) stands for.
pub(crate) fn join(path: &str) -> io::Result<()> {
    let namespace = std::fs::File::open(path)?;
    // SAFETY: integers only.
    checked(unsafe { libc::setns(namespace.as_raw_fd(), 0) })
}

/// Takes control of a process.
pub(crate) fn trace(pid: i32) -> io::Result<()> {
    // SAFETY: the request takes no memory of this process's.
    let result = unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid, null::<u8>(), null::<u8>()) };
    checked(i32::try_from(result).unwrap_or(-1))
}

/// Opens something for reading and writing.
pub(crate) fn open(path: &str) -> io::Result<()> {
    std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .map(drop)
}

/// Puts each of two names in the other's place, in one step.
pub(crate) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    let (one, other) = (text(one)?, text(other)?);
    // SAFETY: both strings end in NUL and outlive the call.
    let result = unsafe {
        libc::renameat2(
            libc::AT_FDCWD,
            one.as_ptr(),
            libc::AT_FDCWD,
            other.as_ptr(),
            libc::RENAME_EXCHANGE,
        )
    };
    checked(result)
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn checked(result: i32) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
