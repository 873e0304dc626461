//! The shim's program as a sealed file in memory, which every shim of this daemon is executed from.
//!
//! A container's process can reach the program of whoever enters its namespaces through `/proc/PID/exe`; overwriting it
//! there was CVE-2019-5736. A sealed memory file cannot be written by anyone, and as all shims share this one their code
//! pages exist once. The file on disk may be replaced at any time by an upgrade without touching running daemons.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use corten_shim_api::{CLAIM_FD, sealed_copy};
use rustix::io::fcntl_dupfd_cloexec;

use crate::error::{Error, Result};

/// The sealed program.
#[derive(Debug)]
pub(crate) struct ShimImage {
    file: OwnedFd,
}

impl ShimImage {
    /// Copies the program at `path` into memory and seals it.
    pub(crate) fn seal(path: &Path) -> Result<Self> {
        let what = || format!("cannot load the shim {}", path.display());
        let program = File::open(path).map_err(Error::system(what()))?;
        let sealed = sealed_copy(program).map_err(Error::system(what()))?;
        // Lifted above the descriptors that a child's are put on.
        let file = fcntl_dupfd_cloexec(sealed, CLAIM_FD + 1)
            .map_err(io::Error::from)
            .map_err(Error::system(what()))?;
        Ok(Self { file })
    }

    /// A path a child of this process can execute it by.
    pub(crate) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }
}
