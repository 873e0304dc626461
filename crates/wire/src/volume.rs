//! Volumes: create, inspect, list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::omit::zero;

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Volume {
    /// When it was made.
    #[serde(skip_serializing_if = "zero")]
    pub created_at: String,
    /// Driver's name.
    pub driver: String,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Directory on the host.
    pub mountpoint: String,
    /// Name.
    pub name: String,
    /// Driver options.
    pub options: Option<BTreeMap<String, String>>,
    /// `local` or `global`.
    pub scope: String,
    /// What the driver says of it.
    #[serde(skip_serializing_if = "zero")]
    pub status: BTreeMap<String, Value>,
    /// Only in the report of disk usage.
    #[serde(skip_serializing_if = "zero")]
    pub usage_data: Option<VolumeUsage>,
}

/// How much a volume is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeUsage {
    /// Containers that mount it; −1 when unknown.
    pub ref_count: i64,
    /// Bytes; −1 when unknown.
    pub size: i64,
}

/// `GET /volumes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeList {
    /// The volumes.
    pub volumes: Vec<Volume>,
    /// Drivers that did not answer; `None` prints `null`.
    pub warnings: Option<Vec<String>>,
}

/// Body of `POST /volumes/create`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeCreateRequest {
    /// Swarm's cluster volumes; not empty only when such a one is asked for.
    #[serde(skip_serializing_if = "zero")]
    pub cluster_volume_spec: Option<Value>,
    /// Driver's name, empty for `local`.
    #[serde(skip_serializing_if = "zero")]
    pub driver: String,
    /// Driver options.
    #[serde(skip_serializing_if = "zero")]
    pub driver_opts: BTreeMap<String, String>,
    /// Labels.
    #[serde(skip_serializing_if = "zero")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Name, empty for a random one.
    #[serde(skip_serializing_if = "zero")]
    pub name: String,
}
