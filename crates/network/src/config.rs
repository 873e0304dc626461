//! What the operator decides about the default network.

use std::net::Ipv4Addr;

use crate::{Ipv4Net, NetworkError};

/// Configuration of the default bridge network (dockerd's flags of the same names, but for `table`).
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Name of the bridge, at most 15 bytes.
    pub bridge: String,
    /// Address of the bridge with its subnet's prefix length. Without it, a bridge that exists keeps its address, and
    /// a new one takes the first of Docker's default subnets that overlaps none of the host's routes. So it does as long
    /// as running containers are on it.
    pub bip: Option<Ipv4Net>,
    /// Name of the nf_tables table (family inet), owned by this daemon alone.
    pub table: String,
    /// Subnets of this size are cut from these ranges, in this order, when neither the bridge nor [`Self::bip`] has an
    /// address; empty for Docker's.
    pub pools: Vec<(Ipv4Net, u8)>,
    /// The part of the subnet that containers' addresses are taken from; `None` for all of it.
    pub fixed_cidr: Option<Ipv4Net>,
    /// Where containers' default routes point; `None` for the bridge.
    pub default_gateway: Option<Ipv4Addr>,
    /// Address of this machine that ports are published on where none is named.
    pub default_bind: Ipv4Addr,
    /// Whether to write firewall rules at all. Without, no port can be published and nothing is masqueraded.
    pub firewall: bool,
    /// Bytes a packet may have on the network.
    pub mtu: u32,
    /// Whether to let the host forward IPv4 packets at all (`net.ipv4.ip_forward`).
    pub ip_forward: bool,
    /// Whether containers reach the outside under the host's address.
    pub ip_masq: bool,
    /// Whether containers may talk to each other without publishing.
    pub icc: bool,
}

impl Default for NetworkConfig {
    /// dockerd's defaults, under our own names.
    fn default() -> Self {
        Self {
            bridge: "corten0".to_owned(),
            bip: None,
            pools: Vec::new(),
            fixed_cidr: None,
            default_gateway: None,
            default_bind: Ipv4Addr::UNSPECIFIED,
            firewall: true,
            table: "corten".to_owned(),
            mtu: 1500,
            ip_forward: true,
            ip_masq: true,
            icc: true,
        }
    }
}

impl NetworkConfig {
    /// Leaves out what does not lie in this subnet, with a warning.
    pub(crate) fn keep_within(&mut self, subnet: Ipv4Net) {
        if let Some(range) = self
            .fixed_cidr
            .take_if(|range| !subnet.contains(range.network().address()))
        {
            tracing::warn!(
                "fixed-cidr {range} is not used: it is not within {}",
                subnet.network()
            );
        }
        if let Some(gateway) = self.default_gateway.take_if(|gateway| !subnet.contains(*gateway)) {
            tracing::warn!(
                "default-gateway {gateway} is not used: it is not within {}",
                subnet.network()
            );
        }
    }

    /// Refuses names the kernel would refuse, or read as something else.
    pub(crate) fn check(&self) -> Result<(), NetworkError> {
        let invalid = |what, name: &str| NetworkError::InvalidName {
            what,
            name: name.to_owned(),
        };
        let bridge = &self.bridge;
        let strange = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
        if bridge.is_empty()
            || bridge.len() > 15
            || bridge.contains(strange)
            || bridge == "."
            || bridge == ".."
        {
            return Err(invalid("bridge", bridge));
        }
        if self.table.is_empty() || self.table.len() > 200 || self.table.contains(char::is_control) {
            return Err(invalid("table", &self.table));
        }
        Ok(())
    }
}
