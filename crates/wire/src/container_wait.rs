//! Answers of the small container calls: `wait` and `top`.

use serde::{Deserialize, Serialize};

use crate::omit::zero;

/// Answer of `POST /containers/{id}/wait`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerWaitResponse {
    /// Why waiting ended without an exit code.
    #[serde(skip_serializing_if = "zero")]
    pub error: Option<ContainerWaitError>,
    /// Exit code.
    pub status_code: i64,
}

/// Why waiting failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerWaitError {
    /// A sentence.
    #[serde(skip_serializing_if = "zero")]
    pub message: String,
}

/// Answer of `GET /containers/{id}/top`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerTop {
    /// One row per process.
    pub processes: Vec<Vec<String>>,
    /// Column titles.
    pub titles: Vec<String>,
}
