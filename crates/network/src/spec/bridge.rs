//! What is decided about a bridge.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A bridge and its way to the outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeOptions {
    /// Name of the interface, at most 15 bytes.
    pub bridge: String,
    /// Whether containers reach the outside under the host's address.
    #[serde(default = "yes")]
    pub masquerade: bool,
    /// Whether its containers may talk to each other.
    #[serde(default = "yes")]
    pub icc: bool,
    /// Address of the host that ports are published on where none is named; `None` for all of both families.
    #[serde(default)]
    pub default_bind: Option<IpAddr>,
    /// How IPv4 gets from the outside to containers.
    #[serde(default)]
    pub gateway_mode_v4: GatewayMode,
    /// How IPv6 does.
    #[serde(default)]
    pub gateway_mode_v6: GatewayMode,
    /// Whether the bridge is to have no IPv4 address.
    #[serde(default)]
    pub inhibit_ipv4: bool,
    /// Interfaces of the host from which containers' own addresses may be reached.
    #[serde(default)]
    pub trusted_host_interfaces: Vec<String>,
    /// The host's address that containers have outside, instead of the one of the interface they leave by.
    #[serde(default)]
    pub host_ipv4: Option<Ipv4Addr>,
    /// The same for IPv6.
    #[serde(default)]
    pub host_ipv6: Option<Ipv6Addr>,
    /// The bridge's own addresses, where they are not the subnets' gateways.
    #[serde(default)]
    pub addresses: Vec<IpNet>,
    /// Whether this is the daemon's default network.
    #[serde(default)]
    pub is_default: bool,
}

/// How packets of one family get from the outside to containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayMode {
    /// By published ports of the host.
    #[default]
    Nat,
    /// By published ports of the host, or by containers' own addresses.
    NatUnprotected,
    /// By containers' own addresses, at the ports they publish; nothing is translated.
    Routed,
    /// Not at all: the bridge has no address (internal networks only).
    Isolated,
}

impl GatewayMode {
    /// The mode of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "nat" => Self::Nat,
            "nat-unprotected" => Self::NatUnprotected,
            "routed" => Self::Routed,
            "isolated" => Self::Isolated,
            _ => return None,
        })
    }
}

impl BridgeOptions {
    /// Docker's defaults for a bridge of this name.
    pub fn new(bridge: &str) -> Self {
        Self {
            bridge: bridge.to_owned(),
            masquerade: true,
            icc: true,
            default_bind: None,
            gateway_mode_v4: GatewayMode::Nat,
            gateway_mode_v6: GatewayMode::Nat,
            inhibit_ipv4: false,
            trusted_host_interfaces: Vec::new(),
            host_ipv4: None,
            host_ipv6: None,
            addresses: Vec::new(),
            is_default: false,
        }
    }

    /// The mode of a family.
    pub fn gateway_mode(&self, ipv6: bool) -> GatewayMode {
        if ipv6 {
            self.gateway_mode_v6
        } else {
            self.gateway_mode_v4
        }
    }
}

fn yes() -> bool {
    true
}
