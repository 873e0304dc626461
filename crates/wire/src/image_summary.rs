//! Lines of the image lists: images, history, what a removal removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::omit::zero;
use crate::storage::Descriptor;

/// One line of `GET /images/json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageSummary {
    /// Containers made from it; −1 when not counted.
    pub containers: i64,
    /// Unix seconds.
    pub created: i64,
    /// `sha256:…`.
    pub id: String,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Image it was built from by the classic builder.
    pub parent_id: String,
    /// The manifest (or index) the image came with.
    #[serde(skip_serializing_if = "zero")]
    pub descriptor: Option<Descriptor>,
    /// `name@sha256:…` in familiar form.
    pub repo_digests: Vec<String>,
    /// `name:tag` in familiar form.
    pub repo_tags: Vec<String>,
    /// Bytes shared with other images; −1 when not counted.
    pub shared_size: i64,
    /// Bytes on disk.
    pub size: i64,
    /// As `Size`, printed before API 1.44 only.
    #[serde(skip_serializing_if = "zero")]
    pub virtual_size: i64,
}

impl Default for ImageSummary {
    fn default() -> Self {
        Self {
            containers: -1,
            created: 0,
            id: String::new(),
            labels: None,
            parent_id: String::new(),
            descriptor: None,
            repo_digests: Vec::new(),
            repo_tags: Vec::new(),
            shared_size: -1,
            size: 0,
            virtual_size: 0,
        }
    }
}

/// One line of `DELETE /images/{name}`: either field, not both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageDeleteItem {
    /// Image or layer that is gone.
    #[serde(skip_serializing_if = "zero")]
    pub deleted: String,
    /// Reference that is gone.
    #[serde(skip_serializing_if = "zero")]
    pub untagged: String,
}

/// One line of `GET /images/{name}/history`, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HistoryItem {
    /// Comment of the commit.
    pub comment: String,
    /// Unix seconds.
    pub created: i64,
    /// Command that made the layer.
    pub created_by: String,
    /// Image identifier or `<missing>`.
    pub id: String,
    /// Bytes the layer adds.
    pub size: i64,
    /// Tags of the image at this step.
    pub tags: Option<Vec<String>>,
}
