//! The body of every error answer.

use serde::{Deserialize, Serialize};

/// What an error answer carries: one sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorResponse {
    /// The sentence shown to the user.
    pub message: String,
}
