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
    /// Address ports are published on where none is named.
    default_bind: Ipv4Addr,
    /// The ephemeral port tried next: a port given back is not given out again at once.
    next: u16,
}

impl PortTable {
    /// Nothing held; ports nobody chose come from `ephemeral`.
    pub(crate) fn new(ephemeral: RangeInclusive<u16>, default_bind: Ipv4Addr) -> Self {
        Self {
            held: HashMap::new(),
            default_bind,
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
        let host = ipv4(request.host_ip.unwrap_or(self.default_bind.into()))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    const CONTAINER: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 2);

    /// Ports are the machine's, so each test binds them in a namespace of its own.
    fn alone(test: impl FnOnce(PortTable) + Send) {
        let netns = crate::isolated().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(netns.as_fd(), kind).unwrap();
                test(PortTable::new(40000..=40002, Ipv4Addr::UNSPECIFIED));
            });
        });
    }

    fn want(host_ip: Option<&str>, host_port: HostPort) -> PortRequest {
        let host_ip = host_ip.map(|text| text.parse().unwrap());
        PortRequest {
            proto: Proto::Tcp,
            container_port: 80,
            host_ip,
            host_port,
        }
    }

    fn ports(table: &mut PortTable, requests: &[PortRequest]) -> Result<Vec<u16>, String> {
        let bindings = table
            .reserve(requests, CONTAINER)
            .map_err(|error| error.to_string())?;
        Ok(bindings.iter().map(|binding| binding.host_port).collect())
    }

    #[test]
    fn ephemeral_ports_go_round() {
        alone(|mut table| {
            let any = [want(None, HostPort::Any)];
            for expected in [40000, 40001] {
                let binding = table.reserve(&any, CONTAINER).unwrap()[0];
                assert_eq!(binding.host_port, expected);
                table.release(&binding);
            }
            assert_eq!(
                ports(&mut table, &[any[0], any[0], any[0]]),
                Ok(vec![40002, 40000, 40001])
            );
            let error = "Bind for 0.0.0.0:40000-40002 failed: all ports are allocated";
            assert_eq!(ports(&mut table, &any), Err(error.to_owned()));
        });
    }

    #[test]
    fn the_choosy_are_served_first() {
        alone(|mut table| {
            let requests = [want(None, HostPort::Fixed(0)), want(None, HostPort::Fixed(40000))];
            assert_eq!(ports(&mut table, &requests), Ok(vec![40001, 40000]));
        });
    }

    #[test]
    fn addresses_exclude_each_other_only_where_they_overlap() {
        alone(|mut table| {
            let fixed = |ip| want(ip, HostPort::Fixed(80));
            assert!(ports(&mut table, &[fixed(Some("127.0.0.1")), fixed(Some("127.0.0.2"))]).is_ok());
            assert!(
                ports(
                    &mut table,
                    &[PortRequest {
                        proto: Proto::Udp,
                        ..fixed(None)
                    }]
                )
                .is_ok()
            );
            let error = "Bind for 0.0.0.0:80 failed: port is already allocated";
            assert_eq!(ports(&mut table, &[fixed(None)]), Err(error.to_owned()));
        });
    }

    #[test]
    fn a_failure_gives_everything_back() {
        alone(|mut table| {
            let host = TcpListener::bind((Ipv4Addr::LOCALHOST, 81)).unwrap();
            let both = [want(None, HostPort::Fixed(80)), want(None, HostPort::Fixed(81))];
            let error = "failed to bind host port for 0.0.0.0:81:172.17.0.2:80/tcp: address already in use";
            assert_eq!(ports(&mut table, &both), Err(error.to_owned()));
            assert!(table.held.is_empty());
            drop(host);
            assert_eq!(ports(&mut table, &both), Ok(vec![80, 81]));
        });
    }

    #[test]
    fn lingering_connections_do_not_block_a_port() {
        alone(|mut table| {
            let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 80)).unwrap();
            let client = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, 80)).unwrap();
            drop(server.accept().unwrap()); // the side that closes first keeps the port in TIME_WAIT
            drop(client);
            drop(server);
            assert_eq!(
                ports(&mut table, &[want(None, HostPort::Fixed(80))]),
                Ok(vec![80])
            );
        });
    }

    #[test]
    fn the_kernels_range_is_read() {
        assert_eq!(parse_range("32768\t60999\n"), Some(32768..=60999));
        for text in ["", "1", "0 5", "9 3", "a b", "1 70000"] {
            assert_eq!(parse_range(text), None, "{text}");
        }
    }
}
