//! Where the bytes of containers and images are: storage driver data and content descriptors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::omit::zero;

/// What the storage driver says of a container or image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DriverData {
    /// Driver's own facts, such as overlay directories.
    pub data: Option<BTreeMap<String, String>>,
    /// Driver's name.
    pub name: String,
}

/// An OCI content descriptor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Descriptor {
    /// Of the content.
    pub media_type: String,
    /// `sha256:…`.
    pub digest: String,
    /// Bytes.
    pub size: i64,
    /// Annotations.
    #[serde(skip_serializing_if = "zero")]
    pub annotations: BTreeMap<String, String>,
    /// What machine the content is for.
    #[serde(skip_serializing_if = "zero")]
    pub platform: Option<Platform>,
}

/// A machine content is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// Go's name of the processor architecture, such as `amd64`.
    pub architecture: String,
    /// Go's name of the operating system.
    pub os: String,
    /// Version of the operating system (Windows).
    #[serde(rename = "os.version", skip_serializing_if = "zero")]
    pub os_version: String,
    /// Variant of the architecture, such as `v8`.
    #[serde(skip_serializing_if = "zero")]
    pub variant: String,
}
