//! `Config` of an inspected image: what containers made from it inherit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::container_config::{ContainerConfig, Empty, HealthConfig};
use crate::omit::zero;
use crate::port::PortSet;
use crate::str_slice;

/// What an image presets: the OCI image configuration with Docker's additions. Empty fields are omitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageConfig {
    /// `user[:group]`.
    #[serde(skip_serializing_if = "zero")]
    pub user: String,
    /// Ports the image listens on, as `80/tcp`.
    #[serde(skip_serializing_if = "zero")]
    pub exposed_ports: PortSet,
    /// `NAME=value`.
    #[serde(skip_serializing_if = "zero")]
    pub env: Vec<String>,
    /// What every command is an argument of.
    #[serde(skip_serializing_if = "no_words", deserialize_with = "str_slice::read")]
    pub entrypoint: Option<Vec<String>>,
    /// The command, or the entrypoint's arguments.
    #[serde(skip_serializing_if = "no_words", deserialize_with = "str_slice::read")]
    pub cmd: Option<Vec<String>>,
    /// Paths that get an anonymous volume.
    #[serde(skip_serializing_if = "zero")]
    pub volumes: BTreeMap<String, Empty>,
    /// Where the command starts.
    #[serde(skip_serializing_if = "zero")]
    pub working_dir: String,
    /// Labels.
    #[serde(skip_serializing_if = "zero")]
    pub labels: BTreeMap<String, String>,
    /// Signal that asks a container to end, when not SIGTERM.
    #[serde(skip_serializing_if = "zero")]
    pub stop_signal: String,
    /// Windows only: the command is one command line.
    #[serde(skip_serializing_if = "zero")]
    pub args_escaped: bool,
    /// How to tell that a container is well.
    #[serde(skip_serializing_if = "zero")]
    pub healthcheck: Option<HealthConfig>,
    /// Build instructions triggered in images built from this one.
    #[serde(skip_serializing_if = "zero")]
    pub on_build: Vec<String>,
    /// Shell of shell-form instructions.
    #[serde(skip_serializing_if = "no_words", deserialize_with = "str_slice::read")]
    pub shell: Option<Vec<String>>,
}

impl ImageConfig {
    /// The same settings as a container's, the shape API versions before 1.50 print for images, too.
    pub fn to_container_config(&self) -> ContainerConfig {
        ContainerConfig {
            user: self.user.clone(),
            exposed_ports: self.exposed_ports.clone(),
            env: some_unless_empty(&self.env),
            entrypoint: self.entrypoint.clone(),
            cmd: self.cmd.clone(),
            volumes: (!self.volumes.is_empty()).then(|| self.volumes.clone()),
            working_dir: self.working_dir.clone(),
            labels: (!self.labels.is_empty()).then(|| self.labels.clone()),
            stop_signal: self.stop_signal.clone(),
            args_escaped: self.args_escaped,
            healthcheck: self.healthcheck.clone(),
            on_build: some_unless_empty(&self.on_build),
            shell: self.shell.clone(),
            ..ContainerConfig::default()
        }
    }
}

fn some_unless_empty(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn no_words(words: &Option<Vec<String>>) -> bool {
    words.as_ref().is_none_or(Vec::is_empty)
}
