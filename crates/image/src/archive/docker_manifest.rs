//! `manifest.json`, which lists the images of a docker-archive (Docker Image Specification v1.2).

use serde::Deserialize;

use crate::serde_null::null_default;

/// One image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerManifest {
    /// Name of the configuration's file.
    pub(super) config: String,
    /// References, normally with tags.
    #[serde(default, deserialize_with = "null_default")]
    pub(super) repo_tags: Vec<String>,
    /// Names of the layers' files, lowest first.
    #[serde(default, deserialize_with = "null_default")]
    pub(super) layers: Vec<String>,
}
