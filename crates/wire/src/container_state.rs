//! `State` and `Health` of an inspected container.

use serde::{Deserialize, Serialize};

use crate::ZERO_TIME;
use crate::omit::zero;

/// What a container is doing, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerState {
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    pub status: String,
    /// Has a process (also true while paused or restarting).
    pub running: bool,
    /// Frozen.
    pub paused: bool,
    /// Waits to be started again.
    pub restarting: bool,
    /// The kernel killed it for want of memory.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    /// Could not be removed completely.
    pub dead: bool,
    /// The init process on the host, 0 when not running.
    pub pid: i64,
    /// Of the last run.
    pub exit_code: i64,
    /// Why the last start failed.
    pub error: String,
    /// Last start.
    pub started_at: String,
    /// Last end.
    pub finished_at: String,
    /// Only with a health check.
    #[serde(skip_serializing_if = "zero")]
    pub health: Option<Health>,
}

impl Default for ContainerState {
    fn default() -> Self {
        Self {
            status: String::new(),
            running: false,
            paused: false,
            restarting: false,
            oom_killed: false,
            dead: false,
            pid: 0,
            exit_code: 0,
            error: String::new(),
            started_at: ZERO_TIME.to_owned(),
            finished_at: ZERO_TIME.to_owned(),
            health: None,
        }
    }
}

/// What the health checks found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Health {
    /// `starting`, `healthy` or `unhealthy`.
    pub status: String,
    /// Failures in a row.
    pub failing_streak: i64,
    /// The last few checks, oldest first.
    pub log: Option<Vec<HealthcheckResult>>,
}

/// One health check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthcheckResult {
    /// Began.
    pub start: String,
    /// Ended.
    pub end: String,
    /// 0 well, 1 unwell, −1 could not be run.
    pub exit_code: i64,
    /// What it printed, cut at 4096 bytes.
    pub output: String,
}
