//! Lines of `GET /events`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::omit::zero;

/// Something happened to an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Event {
    /// The action again, see [`Self::with_legacy_fields`].
    #[serde(rename = "status", skip_serializing_if = "zero")]
    pub status: String,
    /// The actor's identifier again.
    #[serde(rename = "id", skip_serializing_if = "zero")]
    pub id: String,
    /// The actor's image again.
    #[serde(rename = "from", skip_serializing_if = "zero")]
    pub from: String,
    /// `container`, `image`, `volume`, `network`, `daemon` …
    pub r#type: String,
    /// `create`, `start`, `die`, `exec_create: sh` …
    pub action: String,
    /// What it happened to.
    pub actor: EventActor,
    /// `local` or `swarm`.
    #[serde(rename = "scope", skip_serializing_if = "zero")]
    pub scope: String,
    /// Unix seconds.
    #[serde(rename = "time", skip_serializing_if = "zero")]
    pub time: i64,
    /// Unix nanoseconds.
    #[serde(rename = "timeNano", skip_serializing_if = "zero")]
    pub time_nano: i64,
}

/// The object of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct EventActor {
    /// Identifier, or an image's reference.
    #[serde(rename = "ID")]
    pub id: String,
    /// Labels and facts about the event.
    pub attributes: BTreeMap<String, String>,
}

impl Event {
    /// The event with `status`, `id` and `from`, which containers' and images' events carried before API 1.52.
    #[must_use]
    pub fn with_legacy_fields(mut self) -> Self {
        if matches!(self.r#type.as_str(), "container" | "image") {
            self.status.clone_from(&self.action);
            self.id.clone_from(&self.actor.id);
            if self.r#type == "container" {
                self.from = self.actor.attributes.get("image").cloned().unwrap_or_default();
            }
        }
        self
    }
}
