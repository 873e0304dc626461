//! An image's configuration document (OCI image specification, "Image Configuration", and Docker's additions to it).
//!
//! Read leniently, because every tool writes it a little differently: absent and `null` are the same, unknown fields do not
//! matter. The bytes themselves are kept beside it: they are what the image's id is the digest of.

use std::collections::BTreeMap;

use corten_types::Digest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::serde_null::null_default;

/// The whole document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// Who made it.
    #[serde(deserialize_with = "null_default")]
    pub author: String,
    /// Architecture in Go's words, `amd64`.
    #[serde(deserialize_with = "null_default")]
    pub architecture: String,
    /// Variant of the architecture, `v8`.
    #[serde(deserialize_with = "null_default")]
    pub variant: String,
    /// Operating system, `linux`.
    #[serde(deserialize_with = "null_default")]
    pub os: String,
    /// Version of Docker that made it.
    #[serde(deserialize_with = "null_default")]
    pub docker_version: String,
    /// Comment of a commit.
    #[serde(deserialize_with = "null_default")]
    pub comment: String,
    /// What containers of it run.
    #[serde(deserialize_with = "null_default")]
    pub config: ContainerConfig,
    /// Its layers.
    pub rootfs: RootFs,
    /// How it was made, oldest first.
    #[serde(deserialize_with = "null_default")]
    pub history: Vec<History>,
}

/// Defaults for containers of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerConfig {
    /// `user[:group]`; empty means root.
    #[serde(deserialize_with = "null_default")]
    pub user: String,
    /// Ports meant to be published, `80/tcp`.
    #[serde(deserialize_with = "keys")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `KEY=value`.
    #[serde(deserialize_with = "null_default")]
    pub env: Vec<String>,
    /// Program and first arguments; none is not the same as empty.
    #[serde(deserialize_with = "words")]
    pub entrypoint: Option<Vec<String>>,
    /// Default arguments, or the program if there is no entrypoint.
    #[serde(deserialize_with = "words")]
    pub cmd: Option<Vec<String>>,
    /// Paths that get volumes.
    #[serde(deserialize_with = "keys")]
    pub volumes: BTreeMap<String, Empty>,
    /// Working directory.
    #[serde(deserialize_with = "null_default")]
    pub working_dir: String,
    /// Labels.
    #[serde(deserialize_with = "null_default")]
    pub labels: BTreeMap<String, String>,
    /// Signal that asks it to stop, `SIGQUIT`.
    pub stop_signal: Option<String>,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
    /// Shell of `RUN`, `CMD` and `ENTRYPOINT` in shell form.
    pub shell: Option<Vec<String>>,
    /// Triggers for images built on this one.
    #[serde(deserialize_with = "null_default")]
    pub on_build: Vec<String>,
    /// Windows: the command line is escaped already.
    #[serde(deserialize_with = "null_default")]
    pub args_escaped: bool,
}

/// The `{}` behind each key of Go's sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Empty {}

/// How to find out whether a container is well. Durations are nanoseconds; zero means inherited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `NONE`, `CMD` with words or `CMD-SHELL` with a line.
    #[serde(deserialize_with = "null_default")]
    pub test: Vec<String>,
    /// Time between checks.
    pub interval: i64,
    /// Time a check may take.
    pub timeout: i64,
    /// Time after the start in which failures do not count.
    pub start_period: i64,
    /// Time between checks in the start period.
    pub start_interval: i64,
    /// Failures until it is unhealthy.
    pub retries: i64,
}

/// The layers, by the digests of their uncompressed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", deserialize_with = "null_default")]
    pub kind: String,
    /// Lowest first.
    #[serde(deserialize_with = "null_default")]
    pub diff_ids: Vec<Digest>,
}

/// One step of making an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// When, RFC 3339.
    pub created: Option<String>,
    /// By which command.
    #[serde(deserialize_with = "null_default")]
    pub created_by: String,
    /// Who.
    #[serde(deserialize_with = "null_default")]
    pub author: String,
    /// Anything.
    #[serde(deserialize_with = "null_default")]
    pub comment: String,
    /// Whether the step made no layer.
    #[serde(deserialize_with = "null_default")]
    pub empty_layer: bool,
}

/// A command as a list of words, or as the single word old images wrote.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        Many(Vec<String>),
        One(String),
    }
    Ok(match Option::deserialize(deserializer)? {
        None => None,
        Some(Words::Many(words)) => Some(words),
        Some(Words::One(word)) => Some(vec![word]),
    })
}

/// A set in Go's form, whatever stands behind the keys.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Empty>, D::Error> {
    let map: Option<BTreeMap<String, IgnoredAny>> = Option::deserialize(deserializer)?;
    Ok(map
        .unwrap_or_default()
        .into_keys()
        .map(|key| (key, Empty {}))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_tools_write() {
        let text = r#"{"architecture":"amd64","os":"linux","created":null,"container":"x",
            "config":{"Env":null,"Cmd":["sh"],"Entrypoint":"/init","ExposedPorts":{"80/tcp":{}},"Volumes":null,
                "Healthcheck":{"Test":["CMD","x"],"Interval":1000}},
            "rootfs":{"type":"layers","diff_ids":null},"history":[{"created_by":"x","empty_layer":true}]}"#;
        let config: ImageConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.config.cmd, Some(vec!["sh".to_owned()]));
        assert_eq!(config.config.entrypoint, Some(vec!["/init".to_owned()]));
        assert_eq!(config.config.exposed_ports.len(), 1);
        assert_eq!(config.config.healthcheck.as_ref().unwrap().interval, 1000);
        assert!(config.history[0].empty_layer);
        let minimal: ImageConfig = serde_json::from_str("{\"config\":null}").unwrap();
        assert_eq!(minimal.config.cmd, None);
    }
}
