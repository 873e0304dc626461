//! Devices and per-device or per-process limits inside `HostConfig`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A host device given to a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeviceMapping {
    /// Path on the host.
    pub path_on_host: String,
    /// Path inside.
    pub path_in_container: String,
    /// Any of `rwm`.
    pub cgroup_permissions: String,
}

/// Devices asked of a device driver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeviceRequest {
    /// Driver's name.
    pub driver: String,
    /// How many; −1 is all.
    pub count: i64,
    /// Which ones.
    #[serde(rename = "DeviceIDs")]
    pub device_ids: Option<Vec<String>>,
    /// Alternatives, each a list of capabilities.
    pub capabilities: Option<Vec<Vec<String>>>,
    /// Driver options.
    pub options: Option<BTreeMap<String, String>>,
}

/// The block I/O weight of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct WeightDevice {
    /// Device path.
    pub path: String,
    /// 10 … 1000.
    pub weight: u16,
}

/// The rate limit of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ThrottleDevice {
    /// Device path.
    pub path: String,
    /// Bytes or operations per second.
    pub rate: u64,
}

/// A process limit; −1 is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ulimit {
    /// Name without `RLIMIT_`, lower case.
    pub name: String,
    /// What the process cannot go above.
    pub hard: i64,
    /// What it starts with.
    pub soft: i64,
}
