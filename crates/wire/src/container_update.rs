//! Body and answer of `POST /containers/{id}/update`.

use serde::{Deserialize, Serialize};

use crate::host_config::RestartPolicy;
use crate::omit::zero;
use crate::port::PortMap;

/// New limits and a new restart policy. What is zero or empty stays as it is. The names and units are those of
/// [`crate::HostConfig`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerUpdateRequest {
    /// Relative weight.
    pub cpu_shares: i64,
    /// Bytes.
    pub memory: i64,
    /// Billionths of a CPU.
    pub nano_cpus: i64,
    /// 10 … 1000.
    pub blkio_weight: u16,
    /// Microseconds.
    pub cpu_period: i64,
    /// Microseconds per period.
    pub cpu_quota: i64,
    /// Microseconds.
    pub cpu_realtime_period: i64,
    /// Microseconds per period.
    pub cpu_realtime_runtime: i64,
    /// CPUs to run on.
    pub cpuset_cpus: String,
    /// Memory nodes to use.
    pub cpuset_mems: String,
    /// Bytes; ignored since API 1.42.
    #[serde(skip_serializing_if = "zero")]
    pub kernel_memory: i64,
    /// Bytes.
    pub memory_reservation: i64,
    /// Bytes, −1 for unlimited.
    pub memory_swap: i64,
    /// At most so many processes; 0 and less is unlimited, `None` leaves it.
    pub pids_limit: Option<i64>,
    /// Empty leaves it.
    pub restart_policy: RestartPolicy,
    /// Ports to publish besides, as in [`crate::HostConfig::port_bindings`]. Corten's own: Docker ignores it.
    #[serde(skip_serializing_if = "zero")]
    pub publish_add: Option<PortMap>,
    /// Ports to publish no more: bindings without address or port stand for any, no bindings for all. Corten's own: Docker
    /// ignores it.
    #[serde(skip_serializing_if = "zero")]
    pub publish_remove: Option<PortMap>,
}

/// What an update came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerUpdateResponse {
    /// What the user should know; `None` prints `null`.
    pub warnings: Option<Vec<String>>,
    /// The ports as they are now, where other ones were asked for. Corten's own: who asked for them knows that it was heard.
    #[serde(skip_serializing_if = "zero")]
    pub ports: Option<PortMap>,
}
