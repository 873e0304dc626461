//! `HostConfig`: the half of a container's settings that depends on the host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::device::{DeviceMapping, DeviceRequest, ThrottleDevice, Ulimit, WeightDevice};
use crate::mount::Mount;
use crate::omit::zero;
use crate::port::PortMap;
use crate::str_slice;

/// Settings of a container that depend on the host. Go embeds the limits (`Resources`); here they are fields like all
/// others, at the place where Docker prints them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HostConfig {
    /// `source:destination[:options]`.
    pub binds: Option<Vec<String>>,
    /// File the client wrote the identifier to.
    #[serde(rename = "ContainerIDFile")]
    pub container_id_file: String,
    /// Where the output goes.
    pub log_config: LogConfig,
    /// `default`, `bridge`, `host`, `none`, `container:<id>` or a network's name.
    pub network_mode: String,
    /// Published ports.
    pub port_bindings: Option<PortMap>,
    /// When to start again.
    pub restart_policy: RestartPolicy,
    /// Remove the container when it ends.
    pub auto_remove: bool,
    /// Driver of the volumes in [`Self::binds`].
    pub volume_driver: String,
    /// `container[:ro|rw]` whose volumes are shared.
    pub volumes_from: Option<Vec<String>>,
    /// Height and width of the first terminal.
    pub console_size: [u32; 2],
    /// Annotations handed to the runtime.
    #[serde(skip_serializing_if = "zero")]
    pub annotations: BTreeMap<String, String>,
    /// Capabilities added.
    #[serde(deserialize_with = "str_slice::read")]
    pub cap_add: Option<Vec<String>>,
    /// Capabilities taken away.
    #[serde(deserialize_with = "str_slice::read")]
    pub cap_drop: Option<Vec<String>>,
    /// `private`, `host` or empty for the engine's default.
    pub cgroupns_mode: String,
    /// Name servers.
    pub dns: Option<Vec<String>>,
    /// Resolver options.
    pub dns_options: Option<Vec<String>>,
    /// Search domains.
    pub dns_search: Option<Vec<String>>,
    /// `host:address` lines for `/etc/hosts`.
    pub extra_hosts: Option<Vec<String>>,
    /// Supplementary groups.
    pub group_add: Option<Vec<String>>,
    /// `none`, `private`, `shareable`, `host`, `container:<id>` or empty for the engine's default.
    pub ipc_mode: String,
    /// `container:<id>` whose cgroup is joined.
    pub cgroup: String,
    /// Legacy links `name:alias`.
    pub links: Option<Vec<String>>,
    /// −1000 … 1000.
    pub oom_score_adj: i64,
    /// Empty (own), `host` or `container:<id>`.
    pub pid_mode: String,
    /// All capabilities and devices, no confinement.
    pub privileged: bool,
    /// Publish every exposed port on a port of the engine's choice.
    pub publish_all_ports: bool,
    /// The root file system is read-only.
    pub readonly_rootfs: bool,
    /// `seccomp=…`, `apparmor=…`, `no-new-privileges`, `label=…`, `systempaths=…`.
    pub security_opt: Option<Vec<String>>,
    /// Options of the storage driver.
    #[serde(skip_serializing_if = "zero")]
    pub storage_opt: BTreeMap<String, String>,
    /// tmpfs mounts, path to options.
    #[serde(skip_serializing_if = "zero")]
    pub tmpfs: BTreeMap<String, String>,
    /// Empty (own) or `host`.
    #[serde(rename = "UTSMode")]
    pub uts_mode: String,
    /// Empty (the engine's default) or `host`.
    pub userns_mode: String,
    /// Bytes of `/dev/shm`, 0 for the engine's default.
    pub shm_size: i64,
    /// Kernel settings of the container's namespaces.
    #[serde(skip_serializing_if = "zero")]
    pub sysctls: BTreeMap<String, String>,
    /// OCI runtime, empty for the engine's default.
    #[serde(skip_serializing_if = "zero")]
    pub runtime: String,
    /// Windows only.
    pub isolation: String,
    /// Relative weight; 0 is the kernel's default (1024).
    pub cpu_shares: i64,
    /// Bytes; 0 is unlimited.
    pub memory: i64,
    /// Billionths of a CPU; 0 is unlimited.
    pub nano_cpus: i64,
    /// Parent cgroup, empty for the engine's.
    pub cgroup_parent: String,
    /// 10 … 1000; 0 is the kernel's default.
    pub blkio_weight: u16,
    /// Weights by device.
    pub blkio_weight_device: Option<Vec<WeightDevice>>,
    /// Bytes per second read, by device.
    pub blkio_device_read_bps: Option<Vec<ThrottleDevice>>,
    /// Bytes per second written, by device.
    pub blkio_device_write_bps: Option<Vec<ThrottleDevice>>,
    /// Reads per second, by device.
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub blkio_device_read_iops: Option<Vec<ThrottleDevice>>,
    /// Writes per second, by device.
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub blkio_device_write_iops: Option<Vec<ThrottleDevice>>,
    /// Microseconds.
    pub cpu_period: i64,
    /// Microseconds per period; 0 is unlimited.
    pub cpu_quota: i64,
    /// Microseconds.
    pub cpu_realtime_period: i64,
    /// Microseconds per period.
    pub cpu_realtime_runtime: i64,
    /// CPUs to run on, as `0-2,4`.
    pub cpuset_cpus: String,
    /// Memory nodes to use, as `0-1`.
    pub cpuset_mems: String,
    /// Host devices given to the container.
    pub devices: Option<Vec<DeviceMapping>>,
    /// Raw device rules, `c 13:* rwm`.
    pub device_cgroup_rules: Option<Vec<String>>,
    /// Devices asked of device drivers.
    pub device_requests: Option<Vec<DeviceRequest>>,
    /// Bytes of kernel memory; gone from kernels and, since 1.42, from the API.
    #[serde(skip_serializing_if = "zero")]
    pub kernel_memory: i64,
    /// Bytes of kernel TCP buffers; deprecated.
    #[serde(rename = "KernelMemoryTCP", skip_serializing_if = "zero")]
    pub kernel_memory_tcp: i64,
    /// Soft limit in bytes.
    pub memory_reservation: i64,
    /// Memory plus swap in bytes; −1 is unlimited, 0 twice the memory.
    pub memory_swap: i64,
    /// 0 … 100; `None` leaves the kernel's.
    pub memory_swappiness: Option<i64>,
    /// Do not kill when out of memory.
    pub oom_kill_disable: Option<bool>,
    /// Greatest number of processes; `None`, 0 and −1 are unlimited.
    pub pids_limit: Option<i64>,
    /// Process limits.
    pub ulimits: Option<Vec<Ulimit>>,
    /// Windows only.
    pub cpu_count: i64,
    /// Windows only.
    pub cpu_percent: i64,
    /// Windows only.
    #[serde(rename = "IOMaximumIOps")]
    pub io_maximum_iops: u64,
    /// Windows only.
    #[serde(rename = "IOMaximumBandwidth")]
    pub io_maximum_bandwidth: u64,
    /// Mounts in the long form.
    #[serde(skip_serializing_if = "zero")]
    pub mounts: Vec<Mount>,
    /// Paths hidden inside; `None` asks for the engine's list, an empty list for none.
    pub masked_paths: Option<Vec<String>>,
    /// Paths read-only inside; `None` asks for the engine's list, an empty list for none.
    pub readonly_paths: Option<Vec<String>>,
    /// Run an init process as parent of the command; `None` is the engine's default.
    #[serde(skip_serializing_if = "zero")]
    pub init: Option<bool>,
}

/// Where a container's output goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LogConfig {
    /// Driver, empty for the engine's default.
    pub r#type: String,
    /// Driver options.
    pub config: Option<BTreeMap<String, String>>,
}

/// When a container is started again after its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RestartPolicy {
    /// Empty or `no`, `always`, `unless-stopped`, `on-failure`.
    pub name: String,
    /// Of `on-failure`; 0 is without end.
    pub maximum_retry_count: i64,
}
