//! Names and contents of the files in a container's run directory.

use serde::{Deserialize, Serialize};

/// Descriptor on which a freshly started shim finds its daemon.
pub const CONTROL_FD: i32 = 3;
/// Descriptor on which it finds the lock it holds for as long as it lives, see [`CLAIM_FILE_NAME`].
pub const CLAIM_FD: i32 = 4;
/// The file in the run directory that is locked (as flock does) as long as there is a shim.
pub const CLAIM_FILE_NAME: &str = "shim.lock";
/// The shim's listening socket, in the run directory.
pub const SOCKET_NAME: &str = "shim.sock";
/// The OCI runtime specification of the container, in the bundle directory.
pub const SPEC_FILE_NAME: &str = "config.json";
/// How the container ended, in the run directory: written atomically before anyone is told.
pub const EXIT_FILE_NAME: &str = "exit.json";

/// The settings of the container's resolver, in the run directory: replaced as a whole by the daemon at any time.
pub const RESOLVER_FILE_NAME: &str = "resolver";

/// How a container's init ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// Exit code as Docker reports it: the process's own, or 128 + signal.
    pub code: i32,
    /// Whether the kernel killed a process of the container for want of memory.
    pub oom_killed: bool,
    /// When, in nanoseconds since the Unix epoch.
    pub finished_at_ns: i64,
}

/// The exit code a death by `signal` is reported as.
pub fn exit_code_of_signal(signal: i32) -> i32 {
    128 + signal
}
