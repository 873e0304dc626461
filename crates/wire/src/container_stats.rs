//! Answer of `GET /containers/{id}/stats`: one sample of what a container uses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ZERO_TIME;
use crate::omit::zero;

/// A sample, with the one before it as far as processor time goes. Times of the processor are nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerStats {
    /// Full identifier.
    #[serde(skip_serializing_if = "zero")]
    pub id: String,
    /// Name with a leading slash.
    #[serde(skip_serializing_if = "zero")]
    pub name: String,
    /// `linux`; empty in the sample of a container that does not run.
    #[serde(skip_serializing_if = "zero")]
    pub os_type: String,
    /// When the sample was taken.
    pub read: String,
    /// Processor.
    pub cpu_stats: CpuStats,
    /// Memory.
    pub memory_stats: MemoryStats,
    /// By interface; none in the host's network or without one.
    #[serde(skip_serializing_if = "zero")]
    pub networks: BTreeMap<String, NetworkStats>,
    /// Processes and threads.
    pub pids_stats: PidsStats,
    /// Block devices.
    pub blkio_stats: BlkioStats,
    /// Windows only.
    pub num_procs: u32,
    /// Windows only.
    pub storage_stats: StorageStats,
    /// When the sample before was taken.
    pub preread: String,
    /// Processor, as of the sample before.
    pub precpu_stats: CpuStats,
}

impl Default for ContainerStats {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            os_type: String::new(),
            read: ZERO_TIME.to_owned(),
            cpu_stats: CpuStats::default(),
            memory_stats: MemoryStats::default(),
            networks: BTreeMap::new(),
            pids_stats: PidsStats::default(),
            blkio_stats: BlkioStats::default(),
            num_procs: 0,
            storage_stats: StorageStats::default(),
            preread: ZERO_TIME.to_owned(),
            precpu_stats: CpuStats::default(),
        }
    }
}

/// Processor time of the container and of the whole machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuStats {
    /// The container's.
    pub cpu_usage: CpuUsage,
    /// The machine's, idle time included.
    #[serde(skip_serializing_if = "zero")]
    pub system_cpu_usage: u64,
    /// Processors that are on.
    #[serde(skip_serializing_if = "zero")]
    pub online_cpus: u32,
    /// The quota's effect.
    pub throttling_data: ThrottlingData,
}

/// Processor time of the container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuUsage {
    /// All of it.
    pub total_usage: u64,
    /// By processor; cgroup v1 only.
    #[serde(skip_serializing_if = "zero")]
    pub percpu_usage: Vec<u64>,
    /// In the kernel.
    pub usage_in_kernelmode: u64,
    /// In programs.
    pub usage_in_usermode: u64,
}

/// How the quota of processor time held the container back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThrottlingData {
    /// Periods that passed.
    pub periods: u64,
    /// Periods in which the quota was used up.
    pub throttled_periods: u64,
    /// Time spent waiting for the next period.
    pub throttled_time: u64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryStats {
    /// In use, page cache included.
    #[serde(skip_serializing_if = "zero")]
    pub usage: u64,
    /// Highest usage; cgroup v1 only.
    #[serde(skip_serializing_if = "zero")]
    pub max_usage: u64,
    /// The kernel's `memory.stat`, whose keys differ between cgroup versions.
    #[serde(skip_serializing_if = "zero")]
    pub stats: BTreeMap<String, u64>,
    /// How often the limit was hit.
    #[serde(skip_serializing_if = "zero")]
    pub failcnt: u64,
    /// The limit, the machine's memory where there is none.
    #[serde(skip_serializing_if = "zero")]
    pub limit: u64,
}

/// One network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkStats {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Errors in receiving.
    pub rx_errors: u64,
    /// Packets received and dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Errors in sending.
    pub tx_errors: u64,
    /// Packets dropped instead of sent.
    pub tx_dropped: u64,
}

/// Processes and threads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PidsStats {
    /// How many there are.
    #[serde(skip_serializing_if = "zero")]
    pub current: u64,
    /// At most so many; 0 (cgroup v1) or the greatest number (v2) without limit.
    #[serde(skip_serializing_if = "zero")]
    pub limit: u64,
}

/// Block devices. `None` prints `null`: cgroup v2 knows the first list only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlkioStats {
    /// Bytes moved.
    pub io_service_bytes_recursive: Option<Vec<BlkioStatEntry>>,
    /// Operations done.
    pub io_serviced_recursive: Option<Vec<BlkioStatEntry>>,
    /// Operations waiting.
    pub io_queue_recursive: Option<Vec<BlkioStatEntry>>,
    /// Time of service.
    pub io_service_time_recursive: Option<Vec<BlkioStatEntry>>,
    /// Time of waiting.
    pub io_wait_time_recursive: Option<Vec<BlkioStatEntry>>,
    /// Operations merged into others.
    pub io_merged_recursive: Option<Vec<BlkioStatEntry>>,
    /// Time of devices.
    pub io_time_recursive: Option<Vec<BlkioStatEntry>>,
    /// Sectors moved.
    pub sectors_recursive: Option<Vec<BlkioStatEntry>>,
}

/// One counter of one block device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlkioStatEntry {
    /// Device number.
    pub major: u64,
    /// Device number.
    pub minor: u64,
    /// What is counted, such as `read`.
    pub op: String,
    /// The counter.
    pub value: u64,
}

/// Windows only: an empty object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageStats {}
