//! The ways in which the network can refuse, in Docker's words.

use crate::{Ipv4Net, NetlinkError, Proto};
use corten_types::{ErrorKind, system_words};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

/// An error of the network. The engine puts the endpoint's name before those of a container's start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Another container has the host port.
    #[error("Bind for {0} failed: port is already allocated")]
    PortAllocated(SocketAddrV4),
    /// A process of the host has the port, or it may not be had at all.
    #[error("failed to bind host port for {host}:{container}/{proto}: {}", system_words(.source))]
    PortBind {
        /// Address and port of the host.
        host: SocketAddrV4,
        /// Address and port of the container.
        container: SocketAddrV4,
        /// Transport protocol.
        proto: Proto,
        /// Why the kernel refused.
        source: io::Error,
    },
    /// Every port of the range is in use.
    #[error("Bind for {host_ip}:{first}-{last} failed: all ports are allocated")]
    AllPortsAllocated {
        /// Address of the host.
        host_ip: Ipv4Addr,
        /// First port tried.
        first: u16,
        /// Last port tried.
        last: u16,
    },
    /// A range whose end lies before its beginning.
    #[error("invalid range format for port: {0}-{1}")]
    InvalidPortRange(u16, u16),
    /// Publishing on an IPv6 address.
    #[error("publishing on an IPv6 host address is not supported yet: {0}")]
    Ipv6HostAddress(IpAddr),
    /// The subnet is used up.
    #[error("no available IPv4 addresses on this network's address pools: bridge ({0})")]
    NoAddress(Ipv4Net),
    /// The address asked for belongs to another container.
    #[error("Address already in use")]
    AddressInUse(Ipv4Addr),
    /// The address asked for is none of the subnet's.
    #[error("Requested address is out of range")]
    AddressOutOfRange(Ipv4Addr),
    /// Ports are published by firewall rules, and the daemon was told to write none.
    #[error("ports cannot be published: the daemon runs with --iptables=false")]
    NoFirewall,
    /// No default subnet is left that does not overlap the host's routes.
    #[error("all predefined address pools have been fully subnetted")]
    NoPool,
    /// The bridge's address leaves no room for containers.
    #[error("bridge address {0} has no room for containers")]
    SubnetTooSmall(Ipv4Net),
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
    #[error("{what}")]
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
            Self::InvalidPortRange(..) | Self::InvalidName { .. } | Self::SubnetTooSmall(_) => {
                ErrorKind::Invalid
            }
            Self::AddressOutOfRange(_) => ErrorKind::Invalid,
            Self::NoFirewall => ErrorKind::NotImplemented,
            Self::AddressInUse(_) => ErrorKind::Forbidden,
            Self::Ipv6HostAddress(_) => ErrorKind::NotImplemented,
            Self::NotABridge(_) => ErrorKind::Conflict,
            // Docker answers a port in use with 500, too.
            Self::PortAllocated(_)
            | Self::PortBind { .. }
            | Self::AllPortsAllocated { .. }
            | Self::NoAddress(_)
            | Self::NoPool
            | Self::Netlink(_)
            | Self::System { .. } => ErrorKind::System,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_dockers() {
        let host = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 8080);
        assert_eq!(
            NetworkError::PortAllocated(host).to_string(),
            "Bind for 0.0.0.0:8080 failed: port is already allocated"
        );
        let error = NetworkError::PortBind {
            host,
            container: SocketAddrV4::new(Ipv4Addr::new(172, 17, 0, 2), 80),
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
