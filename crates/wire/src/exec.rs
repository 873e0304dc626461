//! Running a further command in a container: create, start, inspect.

use serde::{Deserialize, Serialize};

use crate::omit::zero;
use crate::str_slice;

/// Body of `POST /containers/{id}/exec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExecCreateRequest {
    /// `user[:group]`, empty for the container's.
    pub user: String,
    /// All capabilities.
    pub privileged: bool,
    /// Standard streams are a terminal.
    pub tty: bool,
    /// Height and width of the terminal.
    #[serde(skip_serializing_if = "zero")]
    pub console_size: Option<[u32; 2]>,
    /// Standard input will be attached.
    pub attach_stdin: bool,
    /// Standard error will be attached.
    pub attach_stderr: bool,
    /// Standard output will be attached.
    pub attach_stdout: bool,
    /// Keys that detach, such as `ctrl-p,ctrl-q`.
    pub detach_keys: String,
    /// Nobody will be attached. Clients say so; the start is what counts.
    pub detach: bool,
    /// `NAME=value`.
    pub env: Option<Vec<String>>,
    /// Where it starts, empty for the container's.
    pub working_dir: String,
    /// The command.
    #[serde(deserialize_with = "str_slice::read")]
    pub cmd: Option<Vec<String>>,
}

/// Body of `POST /exec/{id}/start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExecStartRequest {
    /// Answer at once and leave the command alone.
    pub detach: bool,
    /// Must be what the exec was created with.
    pub tty: bool,
    /// Height and width of the terminal.
    #[serde(skip_serializing_if = "zero")]
    pub console_size: Option<[u32; 2]>,
}

/// `GET /exec/{id}/json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExecInspect {
    /// Exec's identifier.
    #[serde(rename = "ID")]
    pub id: String,
    /// Started and not ended.
    pub running: bool,
    /// `None` until it ended.
    pub exit_code: Option<i64>,
    /// What runs.
    pub process_config: ExecProcessConfig,
    /// Standard input is open.
    pub open_stdin: bool,
    /// Standard error is attached.
    pub open_stderr: bool,
    /// Standard output is attached.
    pub open_stdout: bool,
    /// Ended and forgettable.
    pub can_remove: bool,
    /// Container's identifier.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    /// Keys that detach, in base64.
    pub detach_keys: String,
    /// Process on the host, 0 when not running.
    pub pid: i64,
}

/// What an exec runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecProcessConfig {
    /// Standard streams are a terminal.
    pub tty: bool,
    /// Program.
    pub entrypoint: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All capabilities.
    #[serde(skip_serializing_if = "zero")]
    pub privileged: Option<bool>,
    /// As wished for.
    #[serde(skip_serializing_if = "zero")]
    pub user: String,
}

/// The answer of calls that make one thing, such as an exec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IdResponse {
    /// The new identifier.
    pub id: String,
}
