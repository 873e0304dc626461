//! The Docker Engine API's JSON, as Rust values that serialize byte for byte as Docker does.
//!
//! Lives here: one type per JSON object (its keys in Docker's order, `null` where Docker prints it, nothing where
//! Docker omits), [`ApiVersion`], and [`go_json`], the reader with Go's rules that request bodies are read with. Never
//! here: I/O, HTTP, defaults that depend on the machine, or any decision about containers.
//!
//! Three conventions hold everywhere:
//! - `Option<Vec<_>>` and `Option<BTreeMap<_, _>>` are fields where Docker tells `null` from empty; plain collections
//!   are fields Docker omits or prints empty. `field.iter().flatten()` walks an optional list.
//! - Times are RFC 3339 text with up to nine fractional digits in UTC ([`ZERO_TIME`] for "never") unless a doc says
//!   Unix seconds; durations are nanoseconds and sizes bytes unless a doc says otherwise.
//! - Every type has a `Default`, equal to what Go's zero value prints.
#![forbid(unsafe_code)]

mod container_config;
mod container_create;
mod container_files;
mod container_inspect;
mod container_state;
mod container_stats;
mod container_summary;
mod container_update;
mod container_wait;
mod device;
mod disk_usage;
mod endpoint;
mod error_response;
mod event;
mod exec;
mod filters;
pub mod go_json;
mod host_config;
mod image_config;
mod image_inspect;
mod image_summary;
mod info;
mod mount;
mod network;
mod network_settings;
mod omit;
mod plugin;
mod port;
mod progress;
mod prune;
mod storage;
mod str_slice;
mod system_version;
mod version;
mod volume;

pub use container_config::{ContainerConfig, Empty, HealthConfig};
pub use container_create::{ContainerCreateRequest, ContainerCreateResponse, NetworkingConfig};
pub use container_files::{ContainerPathStat, FilesystemChange};
pub use container_inspect::ContainerInspect;
pub use container_state::{ContainerState, Health, HealthcheckResult};
pub use container_stats::{
    BlkioStatEntry, BlkioStats, ContainerStats, CpuStats, CpuUsage, MemoryStats, NetworkStats, PidsStats,
    StorageStats, ThrottlingData,
};
pub use container_summary::{ContainerSummary, HealthSummary, HostConfigSummary, NetworkSettingsSummary};
pub use container_update::{ContainerUpdateRequest, ContainerUpdateResponse};
pub use container_wait::{ContainerTop, ContainerWaitError, ContainerWaitResponse};
pub use device::{DeviceMapping, DeviceRequest, ThrottleDevice, Ulimit, WeightDevice};
pub use disk_usage::{DiskUsage, LegacyDiskUsage, Usage};
pub use endpoint::{EndpointIpamConfig, EndpointSettings};
pub use error_response::ErrorResponse;
pub use event::{Event, EventActor};
pub use exec::{ExecCreateRequest, ExecInspect, ExecProcessConfig, ExecStartRequest, IdResponse};
pub use filters::{Filters, InvalidFilter};
pub use host_config::{HostConfig, LogConfig, RestartPolicy};
pub use image_config::ImageConfig;
pub use image_inspect::{ImageInspect, ImageMetadata, RootFs};
pub use image_summary::{HistoryItem, ImageDeleteItem, ImageSummary};
pub use info::{
    Commit, DiscoveredDevice, FirewallInfo, IndexInfo, NetworkAddressPool, PluginsInfo, RegistryConfig,
    Runtime, SwarmInfo, SystemInfo,
};
pub use mount::{BindOptions, DriverConfig, ImageOptions, Mount, MountPoint, TmpfsOptions, VolumeOptions};
pub use network::{
    ConfigReference, Ipam, IpamConfig, Network, NetworkConnectRequest, NetworkContainer,
    NetworkCreateRequest, NetworkCreated, NetworkDisconnectRequest,
};
pub use network_settings::NetworkSettings;
pub use plugin::{Plugin, PluginConfig};
pub use port::{PortBinding, PortMap, PortSet, PortSummary};
pub use progress::{ErrorDetail, ProgressDetail, ProgressMessage};
pub use prune::{BuildCachePruned, ContainersPruned, ImagesPruned, NetworksPruned, VolumesPruned};
pub use storage::{Descriptor, DriverData, Platform};
pub use system_version::{ComponentVersion, PlatformName, SystemVersion};
pub use version::{ApiVersion, InvalidApiVersion};
pub use volume::{Volume, VolumeCreateRequest, VolumeList, VolumeUsage};

/// How Docker prints a time that never came, such as `FinishedAt` of a container that has not ended.
pub const ZERO_TIME: &str = "0001-01-01T00:00:00Z";
