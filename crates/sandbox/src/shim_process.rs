//! Starting a shim: `posix_spawn`, because it neither copies the daemon's page tables nor runs code between fork and exec.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use corten_shim_api::{CLAIM_FD, CONTROL_FD};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use tokio::io::unix::AsyncFd;

/// Starts `program` with `control` as its descriptor [`CONTROL_FD`] and `claim` as [`CLAIM_FD`] in a session of its own, all
/// other descriptors closed. The arguments only name the process for those who list processes.
///
/// Returns the process identifier; whoever calls must see to it that [`reap`] runs.
pub(crate) fn spawn(
    program: &str,
    id: &str,
    run_dir: &Path,
    control: BorrowedFd<'_>,
    claim: BorrowedFd<'_>,
) -> io::Result<Pid> {
    let program = CString::new(program)?;
    let name = CString::new("corten-shim")?;
    let id = CString::new(id)?;
    let run_dir = CString::new(run_dir.as_os_str().as_bytes())?;
    let argv = [
        name.as_ptr().cast_mut(),
        id.as_ptr().cast_mut(),
        run_dir.as_ptr().cast_mut(),
        ptr::null_mut(),
    ];
    let envp = [ptr::null_mut()];

    // Above the targets: dup2 onto itself would leave close-on-exec set, and one must not overwrite the other.
    let control = rustix::io::fcntl_dupfd_cloexec(control, CLAIM_FD + 1)?;
    let claim = rustix::io::fcntl_dupfd_cloexec(claim, CLAIM_FD + 1)?;

    let mut pid = 0;
    let mut actions = MaybeUninit::<libc::posix_spawn_file_actions_t>::uninit();
    let mut attributes = MaybeUninit::<libc::posix_spawnattr_t>::uninit();
    // SAFETY: both objects are initialised before use and destroyed after it; the strings and arrays outlive the call, and
    // the arrays end in null pointers.
    let result = unsafe {
        check(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
        check(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
        let actions = actions.as_mut_ptr();
        let attributes = attributes.as_mut_ptr();
        let pass = |from: &OwnedFd, to| {
            check(libc::posix_spawn_file_actions_adddup2(
                actions,
                from.as_raw_fd(),
                to,
            ))
        };
        let prepared = pass(&control, CONTROL_FD)
            .and_then(|()| pass(&claim, CLAIM_FD))
            .and_then(|()| default_signals(attributes));
        let result = prepared.and_then(|()| {
            check(libc::posix_spawn(
                &raw mut pid,
                program.as_ptr(),
                actions,
                attributes,
                argv.as_ptr(),
                envp.as_ptr(),
            ))
        });
        libc::posix_spawn_file_actions_destroy(actions);
        libc::posix_spawnattr_destroy(attributes);
        result
    };
    result?;
    Pid::from_raw(pid).ok_or_else(|| io::Error::from(io::ErrorKind::Other))
}

/// New session, no blocked signals, default dispositions.
///
/// # Safety
/// `attributes` must be initialised.
unsafe fn default_signals(attributes: *mut libc::posix_spawnattr_t) -> io::Result<()> {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let flags =
        libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF | i32::from(libc::POSIX_SPAWN_SETSID);
    // SAFETY: the sets are initialised by sigemptyset and sigfillset before they are read; `attributes` by contract.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigfillset(all.as_mut_ptr());
        check(libc::posix_spawnattr_setsigmask(attributes, none.as_ptr()))?;
        check(libc::posix_spawnattr_setsigdefault(attributes, all.as_ptr()))?;
        check(libc::posix_spawnattr_setflags(attributes, flags as libc::c_short))
    }
}

fn check(code: libc::c_int) -> io::Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(code))
    }
}

/// Waits for the end of a shim this process started, without blocking a thread, so that no zombie stays.
pub(crate) async fn reap(pid: Pid) {
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::NONBLOCK) else {
        return;
    };
    // SAFETY: the descriptor is owned by the AsyncFd and open for as long as it lives.
    if let Ok(pidfd) = unsafe { AsyncFd::register(pidfd) } {
        // Readable means ended; an error means that nothing can be waited for.
        let _ended = pidfd.readable().await;
        collect(pidfd.into_inner());
    }
}

fn collect(pidfd: OwnedFd) {
    if let Err(error) = waitid(
        WaitId::PidFd(std::os::fd::AsFd::as_fd(&pidfd)),
        WaitIdOptions::EXITED,
    ) {
        tracing::debug!(%error, "a shim was reaped by someone else");
    }
}
