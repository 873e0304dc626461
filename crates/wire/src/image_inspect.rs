//! `GET /images/{name}/json`.

use serde::{Deserialize, Serialize};

use crate::ZERO_TIME;
use crate::image_config::ImageConfig;
use crate::omit::zero;
use crate::storage::{Descriptor, DriverData};

/// All there is to know of an image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageInspect {
    /// `sha256:…`, the digest of the configuration.
    pub id: String,
    /// `name:tag` in familiar form.
    pub repo_tags: Vec<String>,
    /// `name@sha256:…` in familiar form.
    pub repo_digests: Vec<String>,
    /// Image it was built from by the classic builder.
    pub parent: String,
    /// Comment of the commit.
    pub comment: String,
    /// When it was made; omitted when unknown.
    #[serde(skip_serializing_if = "zero")]
    pub created: String,
    /// Deprecated, empty.
    pub docker_version: String,
    /// Author.
    pub author: String,
    /// What containers inherit.
    pub config: ImageConfig,
    /// Go's name of the processor architecture.
    pub architecture: String,
    /// Variant of the architecture.
    #[serde(skip_serializing_if = "zero")]
    pub variant: String,
    /// Go's name of the operating system.
    pub os: String,
    /// Version of the operating system (Windows).
    #[serde(skip_serializing_if = "zero")]
    pub os_version: String,
    /// Bytes on disk.
    pub size: i64,
    /// As `Size`, printed before API 1.44 only.
    #[serde(skip_serializing_if = "zero")]
    pub virtual_size: i64,
    /// Where the layers are.
    pub graph_driver: DriverData,
    /// The layers.
    #[serde(rename = "RootFS")]
    pub root_fs: RootFs,
    /// Facts that are not part of the image.
    pub metadata: ImageMetadata,
    /// The manifest (or index) the image came with.
    #[serde(skip_serializing_if = "zero")]
    pub descriptor: Option<Descriptor>,
}

/// The layers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RootFs {
    /// `layers`.
    pub r#type: String,
    /// Digests of the uncompressed layers, lowest first.
    #[serde(skip_serializing_if = "zero")]
    pub layers: Vec<String>,
}

/// Facts about an image on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageMetadata {
    /// When a tag was last put on it here.
    pub last_tag_time: String,
}

impl Default for ImageMetadata {
    fn default() -> Self {
        Self {
            last_tag_time: ZERO_TIME.to_owned(),
        }
    }
}
