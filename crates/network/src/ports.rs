//! Which ports of the host are held, each by a bound socket that nobody listens on.
//!
//! The socket makes the kernel keep everybody else off the port; packets never reach it, they are translated before.

use crate::{HostPort, NetworkError, PortBinding, PortRequest, Proto};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;

/// A reserved port, given back when the socket is closed.
#[derive(Debug)]
struct Holder {
    address: Ipv4Addr,
    /// Nothing when a process of the host took the port while no daemon ran.
    _socket: Option<OwnedFd>,
}

/// The ports held for containers.
#[derive(Debug)]
pub(crate) struct PortTable {
    held: HashMap<(Proto, u16), Vec<Holder>>,
    ephemeral: RangeInclusive<u16>,
    /// The ephemeral port tried next: a port given back is not given out again at once.
    next: u16,
}

impl PortTable {
    /// Nothing held; ports nobody chose come from `ephemeral`.
    pub(crate) fn new(ephemeral: RangeInclusive<u16>) -> Self {
        Self {
            held: HashMap::new(),
            next: *ephemeral.start(),
            ephemeral,
        }
    }

    /// Reserves all that is asked for, or nothing. Bindings come in the order of the requests.
    pub(crate) fn reserve(
        &mut self,
        requests: &[PortRequest],
        container: Ipv4Addr,
    ) -> Result<Vec<PortBinding>, NetworkError> {
        let mut bindings: Vec<Option<PortBinding>> = vec![None; requests.len()];
        // The choosy first, lest another request is given what they insist on.
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|&index| match requests[index].host_port {
            HostPort::Fixed(1..) => 0,
            HostPort::Range(..) => 1,
            HostPort::Any | HostPort::Fixed(0) => 2,
        });
        for index in order {
            match self.reserve_one(&requests[index], container) {
                Ok(binding) => bindings[index] = Some(binding),
                Err(error) => {
                    bindings
                        .iter()
                        .flatten()
                        .for_each(|binding| self.release(binding));
                    return Err(error);
                }
            }
        }
        Ok(bindings.into_iter().flatten().collect())
    }

    /// Takes a port of an earlier daemon's again. It counts as held even if the host refuses it now, since the
    /// container still has it.
    pub(crate) fn restore(&mut self, binding: &PortBinding, container: Ipv4Addr) -> Result<(), NetworkError> {
        let host = ipv4(binding.host_ip)?;
        if self.conflicts(binding.proto, host, binding.host_port) {
            return Err(NetworkError::PortAllocated(SocketAddrV4::new(
                host,
                binding.host_port,
            )));
        }
        let bound = bind(binding.proto, SocketAddrV4::new(host, binding.host_port));
        let (socket, result) = match bound {
            Ok(socket) => (Some(socket), Ok(())),
            Err(source) => (
                None,
                Err(NetworkError::PortBind {
                    host: SocketAddrV4::new(host, binding.host_port),
                    container: SocketAddrV4::new(container, binding.container_port),
                    proto: binding.proto,
                    source,
                }),
            ),
        };
        self.hold(binding.proto, host, binding.host_port, socket);
        result
    }

    /// Gives a port back.
    pub(crate) fn release(&mut self, binding: &PortBinding) {
        let key = (binding.proto, binding.host_port);
        if let Some(holders) = self.held.get_mut(&key) {
            holders.retain(|holder| IpAddr::V4(holder.address) != binding.host_ip);
            if holders.is_empty() {
                self.held.remove(&key);
            }
        }
    }

    fn reserve_one(
        &mut self,
        request: &PortRequest,
        container: Ipv4Addr,
    ) -> Result<PortBinding, NetworkError> {
        let host = ipv4(request.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()))?;
        let target = SocketAddrV4::new(container, request.container_port);
        let port = match request.host_port {
            HostPort::Fixed(port @ 1..) => {
                self.hold_port(request.proto, SocketAddrV4::new(host, port), target)?;
                port
            }
            HostPort::Range(first, last) if first > last => {
                return Err(NetworkError::InvalidPortRange(first, last));
            }
            HostPort::Range(first, last) => {
                self.hold_first(request.proto, host, first..=last, first, target)?
            }
            HostPort::Any | HostPort::Fixed(0) => {
                let range = self.ephemeral.clone();
                let port = self.hold_first(request.proto, host, range, self.next, target)?;
                self.next = if port == *self.ephemeral.end() {
                    *self.ephemeral.start()
                } else {
                    port + 1
                };
                port
            }
        };
        Ok(PortBinding {
            proto: request.proto,
            host_ip: host.into(),
            host_port: port,
            container_port: request.container_port,
        })
    }

    /// Holds the first port that can be had, beginning at `from` and going round.
    fn hold_first(
        &mut self,
        proto: Proto,
        host: Ipv4Addr,
        range: RangeInclusive<u16>,
        from: u16,
        target: SocketAddrV4,
    ) -> Result<u16, NetworkError> {
        for port in (from..=*range.end()).chain(*range.start()..from) {
            match self.hold_port(proto, SocketAddrV4::new(host, port), target) {
                Ok(()) => return Ok(port),
                Err(NetworkError::PortAllocated(_)) => {}
                Err(NetworkError::PortBind { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(NetworkError::AllPortsAllocated {
            host_ip: host,
            first: *range.start(),
            last: *range.end(),
        })
    }

    fn hold_port(&mut self, proto: Proto, host: SocketAddrV4, to: SocketAddrV4) -> Result<(), NetworkError> {
        if self.conflicts(proto, *host.ip(), host.port()) {
            return Err(NetworkError::PortAllocated(host));
        }
        let socket = bind(proto, host).map_err(|source| NetworkError::PortBind {
            host,
            container: to,
            proto,
            source,
        })?;
        self.hold(proto, *host.ip(), host.port(), Some(socket));
        Ok(())
    }

    fn conflicts(&self, proto: Proto, address: Ipv4Addr, port: u16) -> bool {
        self.held.get(&(proto, port)).is_some_and(|holders| {
            holders.iter().any(|holder| {
                holder.address == address || holder.address.is_unspecified() || address.is_unspecified()
            })
        })
    }

    fn hold(&mut self, proto: Proto, address: Ipv4Addr, port: u16, socket: Option<OwnedFd>) {
        self.held.entry((proto, port)).or_default().push(Holder {
            address,
            _socket: socket,
        });
    }
}

fn ipv4(address: IpAddr) -> Result<Ipv4Addr, NetworkError> {
    match address {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(NetworkError::Ipv6HostAddress(address)),
    }
}

fn bind(proto: Proto, address: SocketAddrV4) -> io::Result<OwnedFd> {
    match bind_once(proto, address, false) {
        // Connections that linger in TIME_WAIT block a port for a minute after its server is gone. SO_REUSEADDR
        // passes over them, but not over a listener. It is not set at first because it would let others in beside us.
        Err(Errno::ADDRINUSE) if proto == Proto::Tcp => bind_once(proto, address, true),
        other => other,
    }
    .map_err(io::Error::from)
}

fn bind_once(proto: Proto, address: SocketAddrV4, reuse: bool) -> Result<OwnedFd, Errno> {
    let kind = match proto {
        Proto::Tcp => SocketType::STREAM,
        Proto::Udp => SocketType::DGRAM,
    };
    let socket = rustix::net::socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, None)?;
    if reuse {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

/// The range the kernel chooses ports from for outgoing connections, which Docker publishes on, too.
pub(crate) fn ephemeral_range() -> io::Result<RangeInclusive<u16>> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
    parse_range(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, text.trim().to_owned()))
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse::<u16>);
    let range = numbers.next()?.ok()?..=numbers.next()?.ok()?;
    (*range.start() > 0 && !range.is_empty()).then_some(range)
}
