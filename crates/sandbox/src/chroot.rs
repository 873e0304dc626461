//! Whether this process sees only a part of its mount namespace.
//!
//! A process that enters a container's namespaces starts at the root of the mount namespace. For a container of a daemon in a
//! chroot that is the host's root, not the container's: it must not have containers.

use std::io;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, open, statx};

/// Whether this process's root is another place than its mount namespace's. Where the kernel does not let us look, it is not:
/// who may not enter a mount namespace cannot run containers either.
pub(crate) fn is_own_root_a_chroot() -> bool {
    // On a thread of its own: entering a mount namespace, even one's own, moves root and working directory.
    let looked = std::thread::spawn(|| -> io::Result<bool> {
        let own = root()?;
        let namespace = open(
            "/proc/thread-self/ns/mnt",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        enter(&namespace)?;
        Ok(root()? != own)
    });
    match looked.join() {
        Ok(Ok(chrooted)) => chrooted,
        Ok(Err(error)) => {
            tracing::debug!(%error, "cannot see whether this is a chroot");
            false
        }
        Err(_) => false,
    }
}

/// What `/` is: mount, device, inode.
fn root() -> io::Result<(u64, u32, u32, u64)> {
    let flags = StatxFlags::MNT_ID | StatxFlags::INO;
    let found = statx(CWD, "/", AtFlags::empty(), flags)?;
    Ok((
        found.stx_mnt_id,
        found.stx_dev_major,
        found.stx_dev_minor,
        found.stx_ino,
    ))
}

/// Enters a mount namespace with this thread alone.
fn enter(namespace: &impl std::os::fd::AsRawFd) -> io::Result<()> {
    // SAFETY: plain integers. Only this thread's view of the file system changes, and it ends soon.
    let result = unsafe {
        match libc::unshare(libc::CLONE_FS) {
            0 => libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNS),
            failed => failed,
        }
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_process_is_in_no_chroot() {
        assert!(!is_own_root_a_chroot());
    }
}
