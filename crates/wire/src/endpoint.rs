//! A container's attachment to a network: as wished for at creation and as it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::omit::zero;

/// One container on one network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct EndpointSettings {
    /// Addresses wished for.
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: Option<EndpointIpamConfig>,
    /// Legacy links `name:alias`.
    pub links: Option<Vec<String>>,
    /// Further names on this network.
    pub aliases: Option<Vec<String>>,
    /// Hardware address, wished for or in force.
    pub mac_address: String,
    /// Driver options.
    pub driver_opts: Option<BTreeMap<String, String>>,
    /// The network with the highest provides the default gateway.
    pub gw_priority: i64,
    /// Network's identifier.
    #[serde(rename = "NetworkID")]
    pub network_id: String,
    /// Endpoint's identifier; empty while not running.
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    /// IPv4 gateway.
    pub gateway: String,
    /// IPv4 address.
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    /// IPv4 prefix length.
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: i64,
    /// IPv6 gateway.
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    /// IPv6 address.
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    /// IPv6 prefix length.
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: i64,
    /// All names the container answers to on this network.
    #[serde(rename = "DNSNames")]
    pub dns_names: Option<Vec<String>>,
}

/// Addresses wished for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct EndpointIpamConfig {
    /// IPv4 address.
    #[serde(rename = "IPv4Address", skip_serializing_if = "zero")]
    pub ipv4_address: String,
    /// IPv6 address.
    #[serde(rename = "IPv6Address", skip_serializing_if = "zero")]
    pub ipv6_address: String,
    /// Link-local addresses.
    #[serde(rename = "LinkLocalIPs", skip_serializing_if = "zero")]
    pub link_local_ips: Vec<String>,
}
