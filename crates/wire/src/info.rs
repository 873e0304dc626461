//! `GET /info`: the engine and its host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::omit::zero;

/// What `docker info` shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SystemInfo {
    /// The engine's identifier, kept over restarts.
    #[serde(rename = "ID")]
    pub id: String,
    /// Containers in all.
    pub containers: i64,
    /// Of which running.
    pub containers_running: i64,
    /// Of which paused.
    pub containers_paused: i64,
    /// Of which neither.
    pub containers_stopped: i64,
    /// Images.
    pub images: i64,
    /// Storage driver.
    pub driver: String,
    /// Facts about it, as rows of a table.
    pub driver_status: Option<Vec<[String; 2]>>,
    /// What can be plugged in.
    pub plugins: PluginsInfo,
    /// Kernel can limit memory.
    pub memory_limit: bool,
    /// Kernel can limit swap.
    pub swap_limit: bool,
    /// Kernel can set a CPU period.
    pub cpu_cfs_period: bool,
    /// Kernel can set a CPU quota.
    pub cpu_cfs_quota: bool,
    /// Kernel has CPU shares.
    #[serde(rename = "CPUShares")]
    pub cpu_shares: bool,
    /// Kernel has CPU sets.
    #[serde(rename = "CPUSet")]
    pub cpu_set: bool,
    /// Kernel can limit the number of processes.
    pub pids_limit: bool,
    /// Forwarding is on.
    #[serde(rename = "IPv4Forwarding")]
    pub ipv4_forwarding: bool,
    /// Bridged IPv4 packets pass iptables; printed before API 1.50 only.
    #[serde(skip_serializing_if = "zero")]
    pub bridge_nf_iptables: Option<bool>,
    /// Bridged IPv6 packets pass ip6tables; printed before API 1.50 only.
    #[serde(rename = "BridgeNfIp6tables", skip_serializing_if = "zero")]
    pub bridge_nf_ip6tables: Option<bool>,
    /// Debug mode.
    pub debug: bool,
    /// Open file descriptors.
    pub n_fd: i64,
    /// Kernel can switch the out-of-memory killer off.
    pub oom_kill_disable: bool,
    /// Docker: goroutines; here tasks.
    pub n_goroutines: i64,
    /// Now, in local time.
    pub system_time: String,
    /// Default log driver.
    pub logging_driver: String,
    /// `cgroupfs`, `systemd` or `none`.
    pub cgroup_driver: String,
    /// `1` or `2`.
    #[serde(skip_serializing_if = "zero")]
    pub cgroup_version: String,
    /// Clients reading events.
    pub n_events_listener: i64,
    /// `uname -r`.
    pub kernel_version: String,
    /// Name of the distribution.
    pub operating_system: String,
    /// Version of the distribution.
    #[serde(rename = "OSVersion")]
    pub os_version: String,
    /// `linux`.
    #[serde(rename = "OSType")]
    pub os_type: String,
    /// `uname -m`.
    pub architecture: String,
    /// Default registry's index.
    pub index_server_address: String,
    /// Registries.
    pub registry_config: Option<RegistryConfig>,
    /// CPUs.
    #[serde(rename = "NCPU")]
    pub ncpu: i64,
    /// Bytes of memory.
    pub mem_total: i64,
    /// Swarm: this node's resources of the user's own kinds.
    pub generic_resources: Option<Vec<Value>>,
    /// State directory.
    pub docker_root_dir: String,
    /// Proxy in use.
    pub http_proxy: String,
    /// Proxy in use.
    pub https_proxy: String,
    /// Hosts reached without proxy.
    pub no_proxy: String,
    /// Host name.
    pub name: String,
    /// The engine's labels.
    pub labels: Vec<String>,
    /// Experimental features are on.
    pub experimental_build: bool,
    /// The engine's version.
    pub server_version: String,
    /// OCI runtimes by name.
    pub runtimes: BTreeMap<String, Runtime>,
    /// The one used when none is named.
    pub default_runtime: String,
    /// Swarm.
    pub swarm: SwarmInfo,
    /// Containers survive the engine.
    pub live_restore_enabled: bool,
    /// Windows only.
    pub isolation: String,
    /// Program behind `--init`.
    pub init_binary: String,
    /// containerd's commit; empty when there is none.
    pub containerd_commit: Commit,
    /// Runtime's commit.
    pub runc_commit: Commit,
    /// Init program's commit.
    pub init_commit: Commit,
    /// `name=seccomp,profile=builtin`, `name=cgroupns` …
    pub security_options: Vec<String>,
    /// Licence of the product.
    #[serde(skip_serializing_if = "zero")]
    pub product_license: String,
    /// Where subnets of new networks come from.
    #[serde(skip_serializing_if = "zero")]
    pub default_address_pools: Vec<NetworkAddressPool>,
    /// Firewall in use.
    #[serde(skip_serializing_if = "zero")]
    pub firewall_backend: Option<FirewallInfo>,
    /// Directories of device descriptions.
    #[serde(rename = "CDISpecDirs")]
    pub cdi_spec_dirs: Option<Vec<String>>,
    /// Devices that device drivers found.
    #[serde(skip_serializing_if = "zero")]
    pub discovered_devices: Vec<DiscoveredDevice>,
    /// What the user should know; `None` prints `null`.
    pub warnings: Option<Vec<String>>,
}

/// Drivers by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PluginsInfo {
    /// Volume drivers.
    pub volume: Vec<String>,
    /// Network drivers.
    pub network: Vec<String>,
    /// Authorization plugins.
    pub authorization: Option<Vec<String>>,
    /// Log drivers.
    pub log: Vec<String>,
}

/// How registries are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RegistryConfig {
    /// Networks whose registries need no TLS.
    #[serde(rename = "InsecureRegistryCIDRs")]
    pub insecure_registry_cidrs: Vec<String>,
    /// By registry.
    pub index_configs: BTreeMap<String, IndexInfo>,
    /// Mirrors of Docker Hub.
    pub mirrors: Option<Vec<String>>,
}

/// One registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IndexInfo {
    /// Name.
    pub name: String,
    /// Mirrors.
    pub mirrors: Vec<String>,
    /// TLS is checked.
    pub secure: bool,
    /// Is Docker Hub.
    pub official: bool,
}

/// An OCI runtime.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Runtime {
    /// Program; empty for the one built in.
    #[serde(skip_serializing_if = "zero")]
    pub path: String,
    /// Arguments for it.
    #[serde(rename = "runtimeArgs", skip_serializing_if = "zero")]
    pub runtime_args: Vec<String>,
    /// What it says of itself.
    #[serde(skip_serializing_if = "zero")]
    pub status: BTreeMap<String, String>,
}

/// Swarm, as much of it as an engine outside any swarm has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SwarmInfo {
    /// This node.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// Its address.
    pub node_addr: String,
    /// `inactive`, `pending`, `active`, `error` or `locked`.
    pub local_node_state: String,
    /// Is a manager.
    pub control_available: bool,
    /// What is wrong.
    pub error: String,
    /// Managers known.
    pub remote_managers: Option<Vec<Value>>,
}

impl Default for SwarmInfo {
    fn default() -> Self {
        Self {
            node_id: String::new(),
            node_addr: String::new(),
            local_node_state: "inactive".to_owned(),
            control_available: false,
            error: String::new(),
            remote_managers: None,
        }
    }
}

/// The commit of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// Commit.
    #[serde(rename = "ID")]
    pub id: String,
}

/// A range that subnets are cut from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkAddressPool {
    /// In CIDR notation.
    pub base: String,
    /// Prefix length of each subnet.
    pub size: i64,
}

/// A firewall.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct FirewallInfo {
    /// `iptables` or `nftables`.
    pub driver: String,
    /// Facts about it, as rows of a table.
    #[serde(skip_serializing_if = "zero")]
    pub info: Vec<[String; 2]>,
}

/// A device found by a device driver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DiscoveredDevice {
    /// Where the device was found.
    pub source: String,
    /// Device.
    #[serde(rename = "ID")]
    pub id: String,
}
