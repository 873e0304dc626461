//! What a container asks of the network, and what it is given: the record that outlives a daemon.

use crate::MacAddr;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A transport protocol ports are published for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Proto {
    /// IANA's number, as in the IP header.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Tcp => libc::IPPROTO_TCP as u8,
            Self::Udp => libc::IPPROTO_UDP as u8,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number as i32 {
            libc::IPPROTO_TCP => Some(Self::Tcp),
            libc::IPPROTO_UDP => Some(Self::Udp),
            _ => None,
        }
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
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
    /// Address of the host to publish on; all IPv4 addresses if not given.
    pub host_ip: Option<IpAddr>,
    /// Port of the host.
    pub host_port: HostPort,
}

/// A container that wants to be on the network.
#[derive(Debug, Clone, Default)]
pub struct EndpointRequest {
    /// Id of the container.
    pub container_id: String,
    /// Name of the container, without the leading slash.
    pub container_name: String,
    /// Address it insists on.
    pub ip: Option<Ipv4Addr>,
    /// Hardware address it insists on.
    pub mac: Option<MacAddr>,
    /// Ports to publish.
    pub ports: Vec<PortRequest>,
}

/// A published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortBinding {
    /// Transport protocol.
    pub proto: Proto,
    /// Address of the host; unspecified for all of them.
    pub host_ip: IpAddr,
    /// Port of the host.
    pub host_port: u16,
    /// Port of the container.
    pub container_port: u16,
}

/// All that one endpoint holds. Written down by the engine, it is enough to take the endpoint over after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Id of the endpoint: 64 hexadecimal digits.
    pub endpoint_id: String,
    /// Id of the container it was made for.
    pub container_id: String,
    /// Name of that container when it was made.
    pub container_name: String,
    /// The container's address.
    pub address: Ipv4Addr,
    /// Length of the subnet's prefix.
    pub prefix_len: u8,
    /// Where the container's default route points.
    pub gateway: Ipv4Addr,
    /// Hardware address of the container's interface.
    pub mac: MacAddr,
    /// Name of the host's end of the veth pair.
    pub host_veth: String,
    /// Published ports, in the order they were asked for.
    pub ports: Vec<PortBinding>,
}
