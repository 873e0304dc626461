//! One line of `GET /containers/json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::endpoint::EndpointSettings;
use crate::mount::MountPoint;
use crate::omit::zero;
use crate::port::PortSummary;

/// A container in the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerSummary {
    /// Full identifier.
    pub id: String,
    /// Names with leading slashes.
    pub names: Vec<String>,
    /// Image as named at creation.
    pub image: String,
    /// Image identifier.
    #[serde(rename = "ImageID")]
    pub image_id: String,
    /// Command line.
    pub command: String,
    /// Unix seconds.
    pub created: i64,
    /// Ports.
    pub ports: Vec<PortSummary>,
    /// Bytes written since creation; only when asked for.
    #[serde(skip_serializing_if = "zero")]
    pub size_rw: i64,
    /// Bytes of the whole root file system; only when asked for.
    #[serde(skip_serializing_if = "zero")]
    pub size_root_fs: i64,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// As in `State.Status`.
    pub state: String,
    /// For people, such as `Up 5 minutes (healthy)`.
    pub status: String,
    /// Two of the host's settings.
    pub host_config: HostConfigSummary,
    /// Since API 1.52: what the health checks found.
    #[serde(skip_serializing_if = "zero")]
    pub health: Option<HealthSummary>,
    /// Networks.
    pub network_settings: NetworkSettingsSummary,
    /// Mounts.
    pub mounts: Vec<MountPoint>,
}

/// The host's settings that the list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HostConfigSummary {
    /// As in `HostConfig`.
    #[serde(skip_serializing_if = "zero")]
    pub network_mode: String,
    /// As in `HostConfig`.
    #[serde(skip_serializing_if = "zero")]
    pub annotations: BTreeMap<String, String>,
}

/// Health in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthSummary {
    /// `none`, `starting`, `healthy` or `unhealthy`.
    pub status: String,
    /// Failures in a row.
    pub failing_streak: i64,
}

/// Networks in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkSettingsSummary {
    /// By network name. Boxed, since a map of few entries makes room for eleven.
    pub networks: BTreeMap<String, Box<EndpointSettings>>,
}
