//! Networks: inspect, list, and the bodies of the requests about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::endpoint::EndpointSettings;
use crate::omit::zero;

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Network {
    /// Name.
    pub name: String,
    /// Identifier.
    pub id: String,
    /// When it was made.
    pub created: String,
    /// `local`, `global` or `swarm`.
    pub scope: String,
    /// Driver's name.
    pub driver: String,
    /// Has IPv4 addresses.
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: bool,
    /// Has IPv6 addresses.
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: bool,
    /// Addresses.
    #[serde(rename = "IPAM")]
    pub ipam: Ipam,
    /// No way out.
    pub internal: bool,
    /// Swarm: standalone containers may join.
    pub attachable: bool,
    /// Swarm: the routing mesh.
    pub ingress: bool,
    /// Where its configuration came from.
    pub config_from: ConfigReference,
    /// Only a configuration for other networks.
    pub config_only: bool,
    /// Running containers on it, by identifier; empty in lists.
    pub containers: BTreeMap<String, NetworkContainer>,
    /// Driver options.
    pub options: Option<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
}

/// Address management of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipam {
    /// Driver's name.
    pub driver: String,
    /// Driver options.
    pub options: Option<BTreeMap<String, String>>,
    /// Its subnets.
    pub config: Option<Vec<IpamConfig>>,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IpamConfig {
    /// In CIDR notation.
    #[serde(skip_serializing_if = "zero")]
    pub subnet: String,
    /// The part addresses are taken from, in CIDR notation.
    #[serde(rename = "IPRange", skip_serializing_if = "zero")]
    pub ip_range: String,
    /// The engine's own address.
    #[serde(skip_serializing_if = "zero")]
    pub gateway: String,
    /// Addresses kept for other hosts, by name.
    #[serde(skip_serializing_if = "zero")]
    pub auxiliary_addresses: BTreeMap<String, String>,
}

/// The network a configuration came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ConfigReference {
    /// Name.
    pub network: String,
}

/// A container on an inspected network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkContainer {
    /// Container's name without slash.
    pub name: String,
    /// Endpoint.
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    /// Hardware address.
    pub mac_address: String,
    /// Address with prefix length.
    #[serde(rename = "IPv4Address")]
    pub ipv4_address: String,
    /// Address with prefix length.
    #[serde(rename = "IPv6Address")]
    pub ipv6_address: String,
}

/// Body of `POST /networks/create`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkCreateRequest {
    /// Name.
    pub name: String,
    /// Driver's name; empty for `bridge`.
    pub driver: String,
    /// `local`, `global` or `swarm`.
    #[serde(skip_serializing_if = "zero")]
    pub scope: String,
    /// With IPv4 addresses; yes when not given.
    #[serde(rename = "EnableIPv4", skip_serializing_if = "zero")]
    pub enable_ipv4: Option<bool>,
    /// With IPv6 addresses; no when not given.
    #[serde(rename = "EnableIPv6", skip_serializing_if = "zero")]
    pub enable_ipv6: Option<bool>,
    /// Addresses.
    #[serde(rename = "IPAM")]
    pub ipam: Option<Ipam>,
    /// No way out.
    pub internal: bool,
    /// Swarm: standalone containers may join.
    pub attachable: bool,
    /// Swarm: the routing mesh.
    pub ingress: bool,
    /// Only a configuration for other networks.
    pub config_only: bool,
    /// The network to copy the configuration from.
    pub config_from: Option<ConfigReference>,
    /// Driver options.
    pub options: Option<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
}

/// Answer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkCreated {
    /// Identifier.
    pub id: String,
    /// Something to tell the user.
    pub warning: String,
}

/// Body of `POST /networks/{id}/connect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkConnectRequest {
    /// Container by name, identifier or prefix of it.
    pub container: String,
    /// What is wished for there.
    #[serde(skip_serializing_if = "zero")]
    pub endpoint_config: Option<EndpointSettings>,
}

/// Body of `POST /networks/{id}/disconnect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkDisconnectRequest {
    /// Container by name, identifier or prefix of it.
    pub container: String,
    /// Whatever state the container is in, even if it is gone.
    pub force: bool,
}
