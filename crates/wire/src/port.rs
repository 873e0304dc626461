//! Ports: exposed sets, bindings wished for and bindings in force.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::container_config::Empty;
use crate::omit::zero;

/// Exposed ports, keys like `80/tcp`.
pub type PortSet = BTreeMap<String, Empty>;
/// Bindings by container port (`80/tcp`); `None` prints `null`, an exposed port nobody published.
pub type PortMap = BTreeMap<String, Option<Vec<PortBinding>>>;

/// A host address and port that a container's port is published on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PortBinding {
    /// Host address; empty for all.
    pub host_ip: String,
    /// Host port or range; empty (or `0`) lets the engine choose.
    pub host_port: String,
}

/// A port in the list of containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PortSummary {
    /// Host address it is published on.
    #[serde(rename = "IP", skip_serializing_if = "zero")]
    pub ip: String,
    /// Port inside.
    pub private_port: u16,
    /// Port on the host, 0 when unpublished.
    #[serde(skip_serializing_if = "zero")]
    pub public_port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub r#type: String,
}
