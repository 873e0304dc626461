//! Joining a cgroup by the cheapest way each version offers.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Descriptors opened ahead, through which a freshly cloned child joins a [`crate::Cgroup`].
///
/// v1: writing a pid to `cgroup.procs` takes the kernel's threadgroup lock, which waits for an RCU grace period (10 to
/// 20 ms on an idle machine). A single-threaded process that writes `0` to its own `tasks` files skips that lock:
/// 0.1 ms for ten hierarchies. v2: clone3(2) with `CLONE_INTO_CGROUP` puts the child there at birth.
#[derive(Debug)]
pub struct Joiner {
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// The `tasks` file of every hierarchy, open for writing.
    Tasks(Vec<OwnedFd>),
    /// The cgroup's directory.
    Directory(OwnedFd),
}

impl Joiner {
    pub(crate) fn tasks(fds: Vec<OwnedFd>) -> Self {
        Self {
            target: Target::Tasks(fds),
        }
    }

    pub(crate) fn directory(fd: OwnedFd) -> Self {
        Self {
            target: Target::Directory(fd),
        }
    }

    /// v2: the directory to name in `clone_args.cgroup` with `CLONE_INTO_CGROUP`; [`Joiner::join_self`] is not needed
    /// then. `None` on v1.
    pub fn clone_into(&self) -> Option<BorrowedFd<'_>> {
        match &self.target {
            Target::Tasks(_) => None,
            Target::Directory(fd) => Some(fd.as_fd()),
        }
    }

    /// Moves the calling process into the cgroup.
    ///
    /// Plain system calls, no allocation and no lock: may be called between fork and exec. On v1 the caller must be
    /// single-threaded: only the calling thread is moved. On v2 the whole process is, however many threads it has.
    pub fn join_self(&self) -> Result<(), Errno> {
        match &self.target {
            Target::Tasks(fds) => fds
                .iter()
                .try_for_each(|fd| rustix::io::write(fd, b"0").map(drop)),
            Target::Directory(fd) => {
                let procs = rustix::fs::openat(
                    fd,
                    c"cgroup.procs",
                    OFlags::WRONLY | OFlags::CLOEXEC,
                    Mode::empty(),
                )?;
                rustix::io::write(&procs, b"0").map(drop)
            }
        }
    }
}
