//! `NetworkSettings` of an inspected container.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::endpoint::EndpointSettings;
use crate::port::PortMap;

/// A container's network as it is. The address fields beside `Networks` repeat the default bridge's; Docker kept them up
/// to API 1.51.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkSettings {
    /// Deprecated, empty.
    pub bridge: String,
    /// Identifier of the network namespace.
    #[serde(rename = "SandboxID")]
    pub sandbox_id: String,
    /// Path of the network namespace.
    pub sandbox_key: String,
    /// Exposed ports and what they are published on.
    pub ports: Option<PortMap>,
    /// Deprecated, false.
    pub hairpin_mode: bool,
    /// Deprecated, empty.
    #[serde(rename = "LinkLocalIPv6Address")]
    pub link_local_ipv6_address: String,
    /// Deprecated, 0.
    #[serde(rename = "LinkLocalIPv6PrefixLen")]
    pub link_local_ipv6_prefix_len: i64,
    /// Deprecated, `null`.
    #[serde(rename = "SecondaryIPAddresses")]
    pub secondary_ip_addresses: Option<Vec<String>>,
    /// Deprecated, `null`.
    #[serde(rename = "SecondaryIPv6Addresses")]
    pub secondary_ipv6_addresses: Option<Vec<String>>,
    /// Endpoint on the default bridge.
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    /// IPv4 gateway on the default bridge.
    pub gateway: String,
    /// IPv6 address on the default bridge.
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    /// IPv6 prefix length on the default bridge.
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: i64,
    /// IPv4 address on the default bridge.
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    /// IPv4 prefix length on the default bridge.
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: i64,
    /// IPv6 gateway on the default bridge.
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    /// Hardware address on the default bridge.
    pub mac_address: String,
    /// By network name.
    pub networks: BTreeMap<String, EndpointSettings>,
}
