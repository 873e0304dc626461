//! Creating a container: the request (a `Config` with two more keys beside its own) and the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::container_config::ContainerConfig;
use crate::endpoint::EndpointSettings;
use crate::go_json;
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

/// The two keys that are not the portable settings'.
#[derive(Default, Deserialize)]
#[serde(default, rename = "CreateRequest", rename_all = "PascalCase")]
struct Beside {
    host_config: Option<HostConfig>,
    networking_config: Option<NetworkingConfig>,
}

impl ContainerCreateRequest {
    /// Reads a request body.
    ///
    /// There is no `Deserialize`, since flattening would lose [`go_json`]'s treatment of `null` and of the case of keys.
    ///
    /// # Errors
    /// As [`go_json::from_slice`].
    pub fn from_json(text: &[u8]) -> Result<Self, go_json::Error> {
        let mut document = go_json::parse(text)?;
        let mut beside = serde_json::Map::new();
        if let Some(object) = document.as_object_mut() {
            for key in ["HostConfig", "NetworkingConfig"] {
                let Some(key) = object
                    .keys()
                    .rfind(|name| name.eq_ignore_ascii_case(key))
                    .cloned()
                else {
                    continue;
                };
                if let Some(value) = object.remove(&key) {
                    beside.insert(key, value);
                }
            }
        }
        let of_request = |error: go_json::Error| error.of("CreateRequest");
        let config = go_json::from_value(document).map_err(of_request)?;
        let Beside {
            host_config,
            networking_config,
        } = go_json::from_value(beside.into()).map_err(of_request)?;
        Ok(Self {
            config,
            host_config,
            networking_config,
        })
    }
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
