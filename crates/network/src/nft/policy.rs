//! What the rules depend on, besides the elements of the sets.

use super::family::{Family, FirewallFamilies};
use crate::HostFirewall;
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv6Addr;

/// What the rules depend on.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// Families there are tables for.
    pub(crate) families: FirewallFamilies,
    /// Whether the host's own INPUT chains are asked.
    pub(crate) host_firewall: HostFirewall,
    /// Bits of the mark that tells others' chains what passed ours.
    pub(crate) mark: u32,
    /// What this machine's loopback is called on the way to containers: a network of eight bits.
    pub(crate) loopback4: Option<Ipv4Net>,
    /// The same for IPv6.
    pub(crate) loopback6: Option<Ipv6Addr>,
    /// Whether the kernel can copy packets. If it cannot, the first packet of each flow is lost.
    pub(crate) redelivers: bool,
}

impl Policy {
    /// What a family's loopback is called on the way to containers.
    pub(crate) fn loopback(&self, family: Family) -> Option<IpNet> {
        match family {
            Family::V4 => self.loopback4.map(IpNet::V4),
            Family::V6 => self
                .loopback6
                .map(|address| IpNet::from(std::net::IpAddr::V6(address))),
        }
    }
}
