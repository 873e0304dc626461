//! What a container asks of the network, and what it is given: the record that outlives a daemon.

use crate::MacAddr;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A transport protocol ports are published for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Proto {
    /// IANA's number, as in the IP header.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Tcp => libc::IPPROTO_TCP as u8,
            Self::Udp => libc::IPPROTO_UDP as u8,
            Self::Sctp => libc::IPPROTO_SCTP as u8,
        }
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// Which port of the host a container's port is to be published on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPort {
    /// This one; zero means any, as in `-p 0:80`.
    Fixed(u16),
    /// The first free one between these, both included.
    Range(u16, u16),
    /// A free one of the kernel's ephemeral range.
    Any,
}

/// A container's port to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRequest {
    /// Transport protocol.
    pub proto: Proto,
    /// Port the container listens on.
    pub container_port: u16,
    /// Address of the host to publish on; the network's default if not given, which is all those of the families the
    /// container has an address of.
    pub host_ip: Option<IpAddr>,
    /// Port of the host.
    pub host_port: HostPort,
}

/// A container that wants to be on a network.
#[derive(Debug, Clone)]
pub struct EndpointRequest {
    /// Id of the container.
    pub container_id: String,
    /// Name of the container, without the leading slash.
    pub container_name: String,
    /// IPv4 address it insists on.
    pub ip: Option<Ipv4Addr>,
    /// IPv6 address it insists on.
    pub ip6: Option<Ipv6Addr>,
    /// Hardware address it insists on.
    pub mac: Option<MacAddr>,
    /// Name of the interface in the container; the network's prefix and `0` if not given.
    pub interface: Option<String>,
    /// Further addresses of its interface, of nobody's giving.
    pub link_local: Vec<IpNet>,
    /// Kernel settings of its interface, paths below `net`, and their values.
    pub settings: Vec<(String, String)>,
    /// Whether they turn IPv6 off there, so that it is given no such address.
    pub without_ipv6: bool,
    /// Whether the container's IPv4 default route leads here, if the network has a gateway.
    pub default_ipv4: bool,
    /// The same for IPv6.
    pub default_ipv6: bool,
    /// Ports to publish. Networks without a host's address to publish on (internal ones, macvlan, ipvlan) publish none.
    pub ports: Vec<PortRequest>,
}

impl Default for EndpointRequest {
    /// A container's only endpoint, which insists on nothing.
    fn default() -> Self {
        Self {
            container_id: String::new(),
            container_name: String::new(),
            ip: None,
            ip6: None,
            mac: None,
            interface: None,
            link_local: Vec::new(),
            settings: Vec::new(),
            without_ipv6: false,
            default_ipv4: true,
            default_ipv6: true,
            ports: Vec::new(),
        }
    }
}

/// A published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortBinding {
    /// Transport protocol.
    pub proto: Proto,
    /// Address of the host; unspecified for all of its family.
    pub host_ip: IpAddr,
    /// Port of the host; zero where the network routes instead of translating: then the port is open at the container's
    /// own address.
    pub host_port: u16,
    /// Port of the container.
    pub container_port: u16,
}

/// All that one endpoint holds. Written down by the engine, it is enough to take the endpoint over after a restart. Notes
/// of older versions, which knew the default bridge and IPv4 alone, still load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Id of the network; empty in older notes for the default bridge.
    #[serde(default)]
    pub network_id: String,
    /// Id of the endpoint: 64 hexadecimal digits.
    pub endpoint_id: String,
    /// Id of the container it was made for.
    pub container_id: String,
    /// Name of that container when it was made.
    pub container_name: String,
    /// The container's IPv4 address.
    pub address: Option<Ipv4Addr>,
    /// Length of its subnet's prefix.
    pub prefix_len: u8,
    /// Where the container's IPv4 default route points; `None` if the network has no way out, or needs no gateway for it.
    pub gateway: Option<Ipv4Addr>,
    /// The container's IPv6 address.
    #[serde(default)]
    pub address6: Option<Ipv6Addr>,
    /// Length of its subnet's prefix.
    #[serde(default)]
    pub prefix_len6: u8,
    /// Where the container's IPv6 default route points.
    #[serde(default)]
    pub gateway6: Option<Ipv6Addr>,
    /// Hardware address of the container's interface; `None` where it is the parent's (ipvlan).
    pub mac: Option<MacAddr>,
    /// Name of the host's end of the veth pair, if there is one.
    pub host_veth: Option<String>,
    /// Name of the interface in the container.
    #[serde(default = "eth0")]
    pub interface: String,
    /// Further addresses of the interface, of nobody's giving.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_local: Vec<IpNet>,
    /// Kernel settings of the interface, paths below `net`, and their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<(String, String)>,
    /// Whether the container's IPv4 default route leads here, if it can.
    #[serde(default = "yes")]
    pub default_ipv4: bool,
    /// The same for IPv6.
    #[serde(default = "yes")]
    pub default_ipv6: bool,
    /// Published ports, in the order they were asked for.
    pub ports: Vec<PortBinding>,
}

impl Lease {
    /// The IPv4 address with its prefix length.
    pub fn ipv4(&self) -> Option<Ipv4Net> {
        Ipv4Net::new(self.address?, self.prefix_len).ok()
    }

    /// The IPv6 address with its prefix length.
    pub fn ipv6(&self) -> Option<Ipv6Net> {
        Ipv6Net::new(self.address6?, self.prefix_len6).ok()
    }

    /// Its addresses with their prefix lengths.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> {
        let ipv4 = self.ipv4().map(IpNet::V4);
        ipv4.into_iter().chain(self.ipv6().map(IpNet::V6))
    }

    /// Its gateways.
    pub fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        let ipv4 = self.gateway.map(IpAddr::V4);
        ipv4.into_iter().chain(self.gateway6.map(IpAddr::V6))
    }

    /// The container's address of the family that `like` is of.
    pub(crate) fn address_like(&self, like: IpAddr) -> Option<IpAddr> {
        match like {
            IpAddr::V4(_) => self.address.map(IpAddr::V4),
            IpAddr::V6(_) => self.address6.map(IpAddr::V6),
        }
    }
}

fn eth0() -> String {
    "eth0".to_owned()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_an_older_version_loads() {
        let text = r#"{"endpoint_id":"e","container_id":"c","container_name":"n","address":"172.17.0.2","prefix_len":16,
            "gateway":"172.17.0.1","mac":"02:42:ac:11:00:02","host_veth":"vethc01234567",
            "ports":[{"proto":"tcp","host_ip":"0.0.0.0","host_port":80,"container_port":80}]}"#;
        let lease: Lease = serde_json::from_str(text).unwrap();
        assert_eq!(lease.network_id, "");
        assert_eq!(lease.interface, "eth0");
        assert!(lease.default_ipv4 && lease.default_ipv6);
        let addresses: Vec<_> = lease.addresses().map(|net| net.to_string()).collect();
        assert_eq!(addresses, ["172.17.0.2/16"]);
        assert_eq!(lease.gateways().count(), 1);
        assert_eq!(lease.host_veth.as_deref(), Some("vethc01234567"));
        let again: Lease = serde_json::from_str(&serde_json::to_string(&lease).unwrap()).unwrap();
        assert_eq!(again, lease);
    }
}
