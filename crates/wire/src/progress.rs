//! Lines of streamed progress (pull, push, load, build): one JSON object each, ended by CR LF.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::omit::zero;

/// One line of progress. Absent fields are omitted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProgressMessage {
    /// Text to print as it is.
    #[serde(skip_serializing_if = "zero")]
    pub stream: String,
    /// What is happening to [`Self::id`].
    #[serde(skip_serializing_if = "zero")]
    pub status: String,
    /// How far it is; `{}` where nothing is counted.
    #[serde(skip_serializing_if = "zero")]
    pub progress_detail: Option<ProgressDetail>,
    /// A bar drawn for clients that do not draw their own.
    #[serde(skip_serializing_if = "zero")]
    pub progress: String,
    /// The layer or tag this line is about.
    #[serde(skip_serializing_if = "zero")]
    pub id: String,
    /// What went wrong; the last line.
    #[serde(skip_serializing_if = "zero")]
    pub error_detail: Option<ErrorDetail>,
    /// As `errorDetail.message`.
    #[serde(skip_serializing_if = "zero")]
    pub error: String,
    /// A result for programs.
    #[serde(skip_serializing_if = "zero")]
    pub aux: Option<Value>,
}

impl ProgressMessage {
    /// The line that ends a stream with an error.
    pub fn failed(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            error_detail: Some(ErrorDetail {
                code: 0,
                message: message.clone(),
            }),
            error: message,
            ..Self::default()
        }
    }
}

/// How far something is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProgressDetail {
    /// Done so far.
    #[serde(skip_serializing_if = "zero")]
    pub current: i64,
    /// Of how much; 0 when unknown.
    #[serde(skip_serializing_if = "zero")]
    pub total: i64,
    /// Unix seconds when it began.
    #[serde(skip_serializing_if = "zero")]
    pub start: i64,
    /// Show the bar without the numbers.
    #[serde(rename = "hidecounts", skip_serializing_if = "zero")]
    pub hide_counts: bool,
    /// What is counted; empty for bytes.
    #[serde(skip_serializing_if = "zero")]
    pub units: String,
}

/// What went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorDetail {
    /// Exit code of a build step, else 0.
    #[serde(skip_serializing_if = "zero")]
    pub code: i64,
    /// A sentence.
    #[serde(skip_serializing_if = "zero")]
    pub message: String,
}
