//! `Config`: the portable half of a container's settings, the half an image can preset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::omit::zero;
use crate::port::PortSet;
use crate::str_slice;

/// Settings of a container that do not depend on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Host name inside.
    pub hostname: String,
    /// Domain name inside.
    pub domainname: String,
    /// `user[:group]`, names or numbers.
    pub user: String,
    /// The creating client will attach standard input.
    pub attach_stdin: bool,
    /// The creating client will attach standard output.
    pub attach_stdout: bool,
    /// The creating client will attach standard error.
    pub attach_stderr: bool,
    /// Ports the container listens on, as `80/tcp`.
    #[serde(skip_serializing_if = "zero")]
    pub exposed_ports: PortSet,
    /// Standard streams are a terminal.
    pub tty: bool,
    /// Standard input stays open while nobody is attached.
    pub open_stdin: bool,
    /// Standard input ends with the first client attached to it.
    pub stdin_once: bool,
    /// `NAME=value`, or `NAME` to drop a variable of the image.
    pub env: Option<Vec<String>>,
    /// The command, or the arguments of [`Self::entrypoint`].
    #[serde(deserialize_with = "str_slice::read")]
    pub cmd: Option<Vec<String>>,
    /// How to tell that the container is well.
    #[serde(skip_serializing_if = "zero")]
    pub healthcheck: Option<HealthConfig>,
    /// Windows only: the command is one command line.
    #[serde(skip_serializing_if = "zero")]
    pub args_escaped: bool,
    /// The image as the creator named it.
    pub image: String,
    /// Paths that get an anonymous volume.
    pub volumes: Option<BTreeMap<String, Empty>>,
    /// Where the command starts.
    pub working_dir: String,
    /// What every command is an argument of. An empty list (or one empty string) clears the image's.
    #[serde(deserialize_with = "str_slice::read")]
    pub entrypoint: Option<Vec<String>>,
    /// No network at all.
    #[serde(skip_serializing_if = "zero")]
    pub network_disabled: bool,
    /// Deprecated since 1.44 in favour of the endpoint's own.
    #[serde(skip_serializing_if = "zero")]
    pub mac_address: String,
    /// Build instructions triggered in images built from this one.
    pub on_build: Option<Vec<String>>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Signal that asks the container to end, when not SIGTERM.
    #[serde(skip_serializing_if = "zero")]
    pub stop_signal: String,
    /// Seconds between that signal and SIGKILL.
    #[serde(skip_serializing_if = "zero")]
    pub stop_timeout: Option<i64>,
    /// Shell of shell-form instructions.
    #[serde(skip_serializing_if = "zero", deserialize_with = "str_slice::read")]
    pub shell: Option<Vec<String>>,
}

/// A health check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthConfig {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", script]`; empty inherits the image's.
    #[serde(skip_serializing_if = "zero")]
    pub test: Vec<String>,
    /// Nanoseconds between checks.
    #[serde(skip_serializing_if = "zero")]
    pub interval: i64,
    /// Nanoseconds after which a check has failed.
    #[serde(skip_serializing_if = "zero")]
    pub timeout: i64,
    /// Nanoseconds after the start in which failures do not count.
    #[serde(skip_serializing_if = "zero")]
    pub start_period: i64,
    /// Nanoseconds between checks during the start period.
    #[serde(skip_serializing_if = "zero")]
    pub start_interval: i64,
    /// Failures in a row that make the container unhealthy.
    #[serde(skip_serializing_if = "zero")]
    pub retries: i64,
}

/// `{}`: the value in JSON objects that are used as sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}
