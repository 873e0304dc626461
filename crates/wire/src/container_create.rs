//! Creating a container: the request (a `Config` with two more keys beside its own) and the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::container_config::ContainerConfig;
use crate::endpoint::EndpointSettings;
use crate::host_config::HostConfig;

/// Body of `POST /containers/create`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ContainerCreateRequest {
    /// The portable settings, at the top level of the JSON object.
    #[serde(flatten)]
    pub config: ContainerConfig,
    /// The host's settings; `None` when the client sent none.
    #[serde(rename = "HostConfig")]
    pub host_config: Option<HostConfig>,
    /// Networks to join.
    #[serde(rename = "NetworkingConfig")]
    pub networking_config: Option<NetworkingConfig>,
}

/// Networks a container joins at creation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkingConfig {
    /// By network name or identifier; a `null` endpoint asks for nothing in particular.
    pub endpoints_config: Option<BTreeMap<String, Option<EndpointSettings>>>,
}

/// Answer of `POST /containers/create`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerCreateResponse {
    /// The new identifier.
    pub id: String,
    /// What was not quite as asked; an empty list prints `[]`.
    pub warnings: Vec<String>,
}
