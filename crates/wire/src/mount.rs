//! Mounts: as wished for (`HostConfig.Mounts`) and as made (`Mounts` of an inspected container).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::omit::zero;

/// A mount in the long form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`, `npipe`, `cluster` or `image`.
    #[serde(skip_serializing_if = "zero")]
    pub r#type: String,
    /// Host path, volume name or image.
    #[serde(skip_serializing_if = "zero")]
    pub source: String,
    /// Path inside.
    #[serde(skip_serializing_if = "zero")]
    pub target: String,
    /// No writing.
    #[serde(skip_serializing_if = "zero")]
    pub read_only: bool,
    /// Ignored by Linux engines.
    #[serde(skip_serializing_if = "zero")]
    pub consistency: String,
    /// For `bind`.
    #[serde(skip_serializing_if = "zero")]
    pub bind_options: Option<BindOptions>,
    /// For `volume`.
    #[serde(skip_serializing_if = "zero")]
    pub volume_options: Option<VolumeOptions>,
    /// For `image`.
    #[serde(skip_serializing_if = "zero")]
    pub image_options: Option<ImageOptions>,
    /// For `tmpfs`.
    #[serde(skip_serializing_if = "zero")]
    pub tmpfs_options: Option<TmpfsOptions>,
}

/// Options of a bind mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BindOptions {
    /// `[r]private`, `[r]shared` or `[r]slave`.
    #[serde(skip_serializing_if = "zero")]
    pub propagation: String,
    /// Without the mounts below the source.
    #[serde(skip_serializing_if = "zero")]
    pub non_recursive: bool,
    /// Make a missing source a directory instead of failing.
    #[serde(skip_serializing_if = "zero")]
    pub create_mountpoint: bool,
    /// Only the top mount is read-only.
    #[serde(skip_serializing_if = "zero")]
    pub read_only_non_recursive: bool,
    /// Fail when the mounts below cannot be made read-only, too.
    #[serde(skip_serializing_if = "zero")]
    pub read_only_force_recursive: bool,
}

/// Options of a volume mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeOptions {
    /// Do not fill an empty volume from the image.
    #[serde(skip_serializing_if = "zero")]
    pub no_copy: bool,
    /// Labels of a volume made by this mount.
    #[serde(skip_serializing_if = "zero")]
    pub labels: BTreeMap<String, String>,
    /// Path inside the volume.
    #[serde(skip_serializing_if = "zero")]
    pub subpath: String,
    /// Driver of a volume made by this mount.
    #[serde(skip_serializing_if = "zero")]
    pub driver_config: Option<DriverConfig>,
}

/// A volume driver with its options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DriverConfig {
    /// Driver's name.
    #[serde(skip_serializing_if = "zero")]
    pub name: String,
    /// Its options.
    #[serde(skip_serializing_if = "zero")]
    pub options: BTreeMap<String, String>,
}

/// Options of an image mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageOptions {
    /// Path inside the image.
    #[serde(skip_serializing_if = "zero")]
    pub subpath: String,
}

/// Options of a tmpfs mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TmpfsOptions {
    /// Bytes; 0 is the kernel's default.
    #[serde(skip_serializing_if = "zero")]
    pub size_bytes: i64,
    /// Permission bits; 0 is 1777.
    #[serde(skip_serializing_if = "zero")]
    pub mode: u32,
    /// `[name]` or `[name, value]` mount options.
    #[serde(skip_serializing_if = "zero")]
    pub options: Vec<Vec<String>>,
}

/// A mount of an existing container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MountPoint {
    /// `bind`, `volume`, `tmpfs` or `image`.
    #[serde(skip_serializing_if = "zero")]
    pub r#type: String,
    /// Volume name.
    #[serde(skip_serializing_if = "zero")]
    pub name: String,
    /// Path on the host.
    pub source: String,
    /// Path inside.
    pub destination: String,
    /// Volume driver.
    #[serde(skip_serializing_if = "zero")]
    pub driver: String,
    /// The options as written, such as `z` or `ro`.
    pub mode: String,
    /// Writable.
    #[serde(rename = "RW")]
    pub rw: bool,
    /// Propagation in force.
    pub propagation: String,
}
