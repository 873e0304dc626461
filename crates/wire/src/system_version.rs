//! `GET /version`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::omit::zero;

/// What the engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SystemVersion {
    /// The product.
    pub platform: PlatformName,
    /// The programs it is made of.
    #[serde(skip_serializing_if = "zero")]
    pub components: Vec<ComponentVersion>,
    /// The engine's version.
    pub version: String,
    /// Newest API served.
    pub api_version: String,
    /// Oldest API served.
    #[serde(rename = "MinAPIVersion", skip_serializing_if = "zero")]
    pub min_api_version: String,
    /// Commit it was built from.
    pub git_commit: String,
    /// Docker: the Go release. Clients print it as it is.
    pub go_version: String,
    /// Go's name of the operating system.
    pub os: String,
    /// Go's name of the processor architecture.
    pub arch: String,
    /// `uname -r`.
    #[serde(skip_serializing_if = "zero")]
    pub kernel_version: String,
    /// Experimental features are on.
    #[serde(skip_serializing_if = "zero")]
    pub experimental: bool,
    /// When it was built.
    #[serde(skip_serializing_if = "zero")]
    pub build_time: String,
}

/// The product's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PlatformName {
    /// The name.
    pub name: String,
}

/// One program of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ComponentVersion {
    /// Program's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// More about it, for people.
    #[serde(skip_serializing_if = "zero")]
    pub details: BTreeMap<String, String>,
}
