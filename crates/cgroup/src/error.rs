//! Everything that can go wrong with a cgroup, by kind.

use std::io;
use std::path::PathBuf;

/// Result of this crate's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure to make, limit, read or remove a cgroup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither cgroup v1 controllers nor cgroup v2 are mounted.
    #[error("cgroups: cgroup mountpoint does not exist")]
    NotMounted,
    /// The cgroup's name is not an absolute path of plain components below the root.
    #[error("invalid cgroup path {path:?}: {reason}")]
    Path {
        /// The name as given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A limit was asked whose controller the host does not offer.
    #[error("cannot set {setting}: the {controller} cgroup controller is not available")]
    MissingController {
        /// Kernel name of the controller.
        controller: &'static str,
        /// The OCI setting that needs it.
        setting: &'static str,
    },
    /// The setting has no counterpart in this cgroup version, or the kernel was built without it.
    #[error("cannot set {setting}: not supported by {by}")]
    Unsupported {
        /// The OCI setting.
        setting: String,
        /// What lacks it, e.g. "cgroup v2".
        by: &'static str,
    },
    /// A value no kernel accepts.
    #[error("invalid {setting} {value}: {reason}")]
    Invalid {
        /// The OCI setting.
        setting: &'static str,
        /// The value as given.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The cgroup exists and holds processes or child cgroups.
    #[error("cgroup {} is already in use", path.display())]
    InUse {
        /// Its directory.
        path: PathBuf,
    },
    /// v2: an ancestor holds processes itself, so that the kernel refuses to delegate controllers below it.
    #[error(
        "cannot enable controllers in cgroup {}: it holds processes itself; \
         move them to a child cgroup first",
        path.display()
    )]
    InternalProcesses {
        /// Directory of that ancestor.
        path: PathBuf,
    },
    /// The memory limit is below what the container uses already.
    #[error("unable to set memory limit to {limit} (current usage: {usage} bytes)")]
    MemoryInUse {
        /// Limit asked, bytes.
        limit: String,
        /// Usage, bytes.
        usage: u64,
    },
    /// Reading, making or opening a cgroup file failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel refused a value.
    #[error("failed to write {value:?} to {}", path.display())]
    Write {
        /// The control file.
        path: PathBuf,
        /// The value as written.
        value: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A control file does not hold what the kernel documents.
    #[error("unexpected content of {}", path.display())]
    Content {
        /// The control file.
        path: PathBuf,
    },
    /// Loading or attaching the v2 device program failed.
    #[error("device program: cannot {action}")]
    Bpf {
        /// The bpf(2) operation.
        action: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel did not reach a state in time.
    #[error("timed out waiting for cgroup {} to be {state}", path.display())]
    Timeout {
        /// The cgroup's directory.
        path: PathBuf,
        /// The state waited for.
        state: &'static str,
    },
    /// Some directories could not be removed; everything else was.
    #[error("cannot remove cgroup: {} left, first {}", left.len(), left.first().map_or_else(String::new, |p| p.display().to_string()))]
    Remove {
        /// Directories that remain.
        left: Vec<PathBuf>,
        /// Why the first one remains.
        source: io::Error,
    },
}
