//! The ways in which the network can refuse, in Docker's words.

use crate::{NetlinkError, Proto};
use corten_types::{ErrorKind, system_words};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::{fmt, io};

/// An error of the network. The engine puts the endpoint's name before those of a container's start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Another container has the host port.
    #[error("Bind for {0} failed: port is already allocated")]
    PortAllocated(SocketAddr),
    /// A process of the host has the port, or it may not be had at all.
    #[error("failed to bind host port for {host}:{container}/{proto}: {}", system_words(.source))]
    PortBind {
        /// Address and port of the host.
        host: SocketAddr,
        /// Address and port of the container.
        container: SocketAddr,
        /// Transport protocol.
        proto: Proto,
        /// Why the kernel refused.
        source: io::Error,
    },
    /// Every port of the range is in use.
    #[error("Bind for {host_ip}:{first}-{last} failed: all ports are allocated")]
    AllPortsAllocated {
        /// Address of the host.
        host_ip: IpAddr,
        /// First port tried.
        first: u16,
        /// Last port tried.
        last: u16,
    },
    /// A range whose end lies before its beginning.
    #[error("invalid range format for port: {0}-{1}")]
    InvalidPortRange(u16, u16),
    /// Publishing on an address of a family the container has none of: no process of ours carries bytes between the two.
    #[error("cannot publish on host address {0}: the container has no {1} address")]
    NoAddressToPublish(IpAddr, Version),
    /// The subnets of a family are used up.
    #[error("no available {version} addresses on this network's address pools: {name} ({id})")]
    NoAddress {
        /// The family.
        version: Version,
        /// Name of the network.
        name: String,
        /// Id of the network.
        id: String,
    },
    /// The address asked for belongs to another container.
    #[error("Address already in use")]
    AddressInUse(IpAddr),
    /// The gateway asked for is no address that could be given out.
    #[error("failed to allocate gateway ({0}): Address already in use")]
    GatewayInUse(IpAddr),
    /// The same for an address that is to be left out, with its name: it may be left out already.
    #[error("failed to allocate secondary ip address ({0}:{1}): Address already in use")]
    AuxiliaryInUse(String, IpAddr),
    /// No address is left for the gateway, which nobody has named.
    #[error("failed to allocate gateway (): no available addresses on this pool")]
    NoRoomForGateway,
    /// A subnet that is all addresses there are.
    #[error("{} pool is empty", .0.to_string().to_lowercase())]
    EmptyPool(Version),
    /// The address asked for is none of the subnet's.
    #[error("Requested address is out of range")]
    AddressOutOfRange(IpAddr),
    /// Subnet, range, gateway and auxiliary addresses do not fit together; a line for each fault.
    #[error("invalid network config:\n{0}")]
    InvalidPool(String),
    /// The subnet asked for shares addresses with another network's.
    #[error("invalid pool request: Pool overlaps with other one on this address space")]
    PoolOverlap,
    /// A driver's option that is none, in Docker's words.
    #[error("{0}")]
    InvalidOption(String),
    /// A driver nobody knows.
    #[error("plugin \"{0}\" not found")]
    NoDriver(String),
    /// A bridge has one subnet of a family.
    #[error("bridge driver doesn't support multiple subnets")]
    SeveralSubnets,
    /// There is no network of this id.
    #[error("network {0} not found")]
    NoNetwork(String),
    /// There is one already.
    #[error("network with id {0} already exists")]
    NetworkExists(String),
    /// Two networks on one bridge.
    #[error(
        "cannot create network {id} ({interface}): conflicts with network {other_id} ({other}): networks have same bridge name"
    )]
    InterfaceTaken {
        /// Id of the network to be created.
        id: String,
        /// Its bridge.
        interface: String,
        /// Id of the network that has it.
        other_id: String,
        /// That one's bridge.
        other: String,
    },
    /// Two networks on one interface of the machine that cannot share it, in Docker's words.
    #[error("{0}")]
    ParentTaken(String),
    /// The network cannot go while containers are on it.
    #[error("network {name} has active endpoints")]
    ActiveEndpoints {
        /// Name of the network.
        name: String,
    },
    /// The kernel lacks what the network is made of.
    #[error("the kernel of this machine has no {0}")]
    KernelLacks(String),
    /// An interface that a network was to be made on.
    #[error("-o parent interface was not found on the host: {0}")]
    NoParent(String),
    /// Ports are published by firewall rules, and the daemon was told to write none.
    #[error("ports cannot be published: the daemon runs with --{0}=false")]
    NoFirewall(&'static str),
    /// No default subnet is left that does not overlap the host's routes.
    #[error("all predefined address pools have been fully subnetted")]
    NoPool,
    /// The bridge's address leaves no room for containers.
    #[error("bridge address {0} has no room for containers")]
    SubnetTooSmall(IpNet),
    /// The bridge of a network was deleted by somebody else.
    #[error("bridge {bridge} of network {name} is gone: a restart of the daemon makes it anew")]
    BridgeGone {
        /// The bridge.
        bridge: String,
        /// Name of the network.
        name: String,
    },
    /// The name belongs to some other kind of interface.
    #[error("existing interface {0} is not a bridge")]
    NotABridge(String),
    /// A name the kernel would not take.
    #[error("invalid {what} name: {name:?}")]
    InvalidName {
        /// What it is the name of.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The kernel refused a netlink request.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A system call failed.
    #[error("{what}: {}", system_words(source))]
    System {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl NetworkError {
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// Kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidPortRange(..)
            | Self::InvalidName { .. }
            | Self::SubnetTooSmall(_)
            | Self::AddressOutOfRange(_)
            | Self::InvalidPool(_)
            | Self::InvalidOption(_)
            | Self::EmptyPool(_)
            | Self::NoParent(_)
            | Self::NoPool
            | Self::NoAddressToPublish(..) => ErrorKind::Invalid,
            Self::NoFirewall(_) | Self::KernelLacks(_) => ErrorKind::NotImplemented,
            Self::AddressInUse(_)
            | Self::PoolOverlap
            | Self::SeveralSubnets
            | Self::InterfaceTaken { .. }
            | Self::ActiveEndpoints { .. } => ErrorKind::Forbidden,
            Self::NotABridge(_) | Self::NetworkExists(_) => ErrorKind::Conflict,
            Self::NoNetwork(_) | Self::NoDriver(_) => ErrorKind::NotFound,
            // Docker answers a port in use with 500, too.
            Self::PortAllocated(_)
            | Self::PortBind { .. }
            | Self::AllPortsAllocated { .. }
            | Self::NoAddress { .. }
            | Self::GatewayInUse(_)
            | Self::NoRoomForGateway
            | Self::AuxiliaryInUse(..)
            | Self::ParentTaken(_)
            | Self::BridgeGone { .. }
            | Self::Netlink(_)
            | Self::System { .. } => ErrorKind::System,
        }
    }
}

/// A version of the internet protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Version {
    /// Of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv6() { Self::V6 } else { Self::V4 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn sentences_are_dockers() {
        let host = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080));
        assert_eq!(
            NetworkError::PortAllocated(host).to_string(),
            "Bind for 0.0.0.0:8080 failed: port is already allocated"
        );
        let error = NetworkError::PortBind {
            host,
            container: SocketAddr::from(([172, 17, 0, 2], 80)),
            proto: Proto::Tcp,
            source: io::Error::from_raw_os_error(libc::EADDRINUSE),
        };
        assert_eq!(
            error.to_string(),
            "failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use"
        );
        assert_eq!(error.kind().http_status(), 500);
    }
}
