//! `GET /images/{name}/json`.

use serde::{Deserialize, Serialize};

use crate::ZERO_TIME;
use crate::container_config::ContainerConfig;
use crate::image_config::ImageConfig;
use crate::omit::zero;
use crate::storage::{Descriptor, DriverData};

/// All there is to know of an image. `C` is [`ImageConfig`] since API 1.50 and was [`ContainerConfig`] before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageInspect<C = ImageConfig> {
    /// `sha256:…`, the digest of the configuration.
    pub id: String,
    /// `name:tag` in familiar form.
    pub repo_tags: Vec<String>,
    /// `name@sha256:…` in familiar form.
    pub repo_digests: Vec<String>,
    /// Image it was built from by the classic builder. This field and the next ones of type `Option<String>` print when
    /// empty before API 1.52, and not from then on: that choice is the API's.
    #[serde(skip_serializing_if = "zero")]
    pub parent: Option<String>,
    /// Comment of the commit.
    #[serde(skip_serializing_if = "zero")]
    pub comment: Option<String>,
    /// When it was made; omitted when unknown.
    #[serde(skip_serializing_if = "zero")]
    pub created: String,
    /// Deprecated, empty.
    #[serde(skip_serializing_if = "zero")]
    pub docker_version: Option<String>,
    /// Author.
    #[serde(skip_serializing_if = "zero")]
    pub author: Option<String>,
    /// What containers inherit.
    pub config: C,
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

impl ImageInspect {
    /// The same with the configuration in the shape of a container's.
    pub fn with_container_config(self) -> ImageInspect<ContainerConfig> {
        ImageInspect {
            config: self.config.to_container_config(),
            id: self.id,
            repo_tags: self.repo_tags,
            repo_digests: self.repo_digests,
            parent: self.parent,
            comment: self.comment,
            created: self.created,
            docker_version: self.docker_version,
            author: self.author,
            architecture: self.architecture,
            variant: self.variant,
            os: self.os,
            os_version: self.os_version,
            size: self.size,
            virtual_size: self.virtual_size,
            graph_driver: self.graph_driver,
            root_fs: self.root_fs,
            metadata: self.metadata,
            descriptor: self.descriptor,
        }
    }
}

/// The layers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RootFs {
    /// `layers`.
    #[serde(skip_serializing_if = "zero")]
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
