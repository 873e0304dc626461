//! The shim's program as a sealed file in memory, which every shim of this daemon is executed from.
//!
//! A container's process can reach the program of whoever enters its namespaces through `/proc/PID/exe`; overwriting it
//! there was CVE-2019-5736. A sealed memory file cannot be written by anyone, and as all shims share this one their code
//! pages exist once. The file on disk may be replaced at any time by an upgrade without touching running daemons.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use corten_shim_api::CLAIM_FD;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
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
        let mut source = File::open(path).map_err(Error::system(what()))?;
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Said to be executable where the kernel asks (Linux 6.3, vm.memfd_noexec); older ones do not know the word. Lifted
        // above the descriptors that a child's are put on.
        let file = memfd_create("corten-shim", flags | MemfdFlags::EXEC)
            .or_else(|_| memfd_create("corten-shim", flags))
            .and_then(|file| fcntl_dupfd_cloexec(file, CLAIM_FD + 1))
            .map_err(io::Error::from)
            .map_err(Error::system(what()))?;
        let mut target = File::from(file);
        io::copy(&mut source, &mut target).map_err(Error::system(what()))?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        fcntl_add_seals(&target, seals)
            .map_err(io::Error::from)
            .map_err(Error::system(what()))?;
        Ok(Self { file: target.into() })
    }

    /// A path a child of this process can execute it by.
    pub(crate) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }
}
