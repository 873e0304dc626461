//! `GET /system/df`: what takes how much of the disk, in the form until API 1.52 and in the one since.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::container_summary::ContainerSummary;
use crate::image_summary::ImageSummary;
use crate::omit::zero;
use crate::volume::Volume;

/// The answer. [`Self::legacy`] is there until API 1.52, the others since then.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DiskUsage {
    /// The form of old, whose keys stand beside the others.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub legacy: Option<LegacyDiskUsage>,
    /// Images.
    #[serde(skip_serializing_if = "zero")]
    pub image_usage: Option<Usage<ImageSummary>>,
    /// Containers.
    #[serde(skip_serializing_if = "zero")]
    pub container_usage: Option<Usage<ContainerSummary>>,
    /// Volumes.
    #[serde(skip_serializing_if = "zero")]
    pub volume_usage: Option<Usage<Volume>>,
    /// Intermediate results of builds.
    #[serde(skip_serializing_if = "zero")]
    pub build_cache_usage: Option<Usage<Value>>,
}

/// The form until API 1.52. A list that was not asked for is `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LegacyDiskUsage {
    /// Bytes of all layers, each counted once.
    pub layers_size: i64,
    /// Images, with shares and users.
    pub images: Option<Vec<ImageSummary>>,
    /// Containers, with sizes.
    pub containers: Option<Vec<ContainerSummary>>,
    /// Volumes, with sizes and users.
    pub volumes: Option<Vec<Volume>>,
    /// Intermediate results of builds.
    pub build_cache: Option<Vec<Value>>,
}

/// How much one kind of objects takes, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Usage<T: Default + PartialEq> {
    /// Objects in use.
    #[serde(skip_serializing_if = "zero")]
    pub active_count: i64,
    /// The objects; only with `verbose`.
    #[serde(skip_serializing_if = "zero")]
    pub items: Vec<T>,
    /// What removing all that is not in use would free.
    #[serde(skip_serializing_if = "zero")]
    pub reclaimable: i64,
    /// Objects.
    #[serde(skip_serializing_if = "zero")]
    pub total_count: i64,
    /// All of it.
    #[serde(skip_serializing_if = "zero")]
    pub total_size: i64,
}
