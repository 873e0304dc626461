//! The options a specification is built from, already merged from image and request.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use oci_spec::runtime::{Capability, LinuxDevice, LinuxDeviceCgroup, LinuxResources, Mount, PosixRlimit};

/// Where one of a container's namespaces comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Namespace {
    /// A new one of its own.
    #[default]
    Private,
    /// The host's.
    Host,
    /// An existing one, such as another container's.
    Path(PathBuf),
}

/// All the namespaces a user may choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespaces {
    /// Network.
    pub network: Namespace,
    /// Process identifiers.
    pub pid: Namespace,
    /// System V IPC and POSIX message queues.
    pub ipc: Namespace,
    /// Host name.
    pub uts: Namespace,
    /// Cgroup root.
    pub cgroup: Namespace,
}

/// What stands at `/dev/shm`: the shared memory that goes with the IPC namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shm {
    /// Nothing.
    None,
    /// Memory of the container's own, of this many bytes.
    Own(u64),
    /// The host's.
    Host,
    /// That of the container with this mount namespace.
    Of(PathBuf),
}

impl Default for Shm {
    /// Docker's size.
    fn default() -> Self {
        Self::Own(64 << 20)
    }
}

/// One process of a container: its init, or an exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessOptions {
    /// Program and arguments; never empty.
    pub args: Vec<String>,
    /// Environment, `KEY=value`.
    pub env: Vec<String>,
    /// Working directory within the container, absolute.
    pub cwd: String,
    /// `user[:group]` as the request wrote it, resolved inside the container; empty means root.
    pub user: String,
    /// Groups beyond those the user has in the container's own database.
    pub groups: Vec<u32>,
    /// Such groups by name, which are not part of the specification: they are looked up inside the container.
    pub group_names: Vec<String>,
    /// Whether it gets a pseudo-terminal.
    pub tty: bool,
    /// Capabilities kept (bounding set, and permitted and effective for root).
    pub capabilities: Vec<Capability>,
    /// Whether gaining privileges through `execve` is off.
    pub no_new_privileges: bool,
    /// Resource limits.
    pub rlimits: Vec<PosixRlimit>,
    /// `oom_score_adj`, -1000 to 1000.
    pub oom_score_adj: Option<i32>,
}

/// Everything else of a container.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SandboxOptions {
    /// Host name in its UTS namespace; unset with the host's.
    pub hostname: Option<String>,
    /// NIS domain name.
    pub domainname: Option<String>,
    /// Directory on which the init mounts the root filesystem.
    pub root_path: PathBuf,
    /// Whether the root filesystem is read-only.
    pub readonly_root: bool,
    /// Mounts beyond the standard ones, in mounting order; they replace standard ones of the same destination.
    pub mounts: Vec<Mount>,
    /// All devices, nothing masked, everything writable.
    pub privileged: bool,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Limits; device rules are added by [`super::build`].
    pub resources: LinuxResources,
    /// Device nodes beyond the standard ones.
    pub devices: Vec<LinuxDevice>,
    /// Device rules beyond those of the nodes.
    pub device_rules: Vec<LinuxDeviceCgroup>,
    /// Kernel settings of the container's namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// What stands at `/dev/shm`.
    pub shm: Shm,
    /// Paths to hide, `None` for Docker's list.
    pub masked_paths: Option<Vec<String>>,
    /// Paths to make read-only, `None` for Docker's list.
    pub readonly_paths: Option<Vec<String>>,
    /// How mounts travel between the host and the container's root (an option of mount(8)); `None` for not at all.
    pub root_propagation: Option<String>,
    /// The container's cgroup, such as `/docker/ID`.
    pub cgroup_path: String,
    /// OCI annotations.
    pub annotations: HashMap<String, String>,
}
