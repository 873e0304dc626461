//! Which ports of the host are held, each by a bound socket that nobody listens on.
//!
//! The socket makes the kernel keep everybody else off the port; packets never reach it: those to published ports are
//! translated, or given back and dropped, before.

use crate::error::Version;
use crate::{HostPort, NetworkError, PortBinding, PortRequest, Proto};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, sockopt};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// How long a process that is just being started may keep copies of sockets that were closed here, and how often to look.
const COPIES_LAST: Duration = Duration::from_millis(500);
const COPIES_LOOK: Duration = Duration::from_millis(1);
/// Ports given up lately that are remembered, at most.
const RELEASED: usize = 4096;

/// A reserved port, given back when the socket is closed.
#[derive(Debug)]
struct Holder {
    address: IpAddr,
    /// Nothing when a process of the host took the port while no daemon ran, or when the kernel has no sockets of the
    /// protocol, and so nobody else can have it.
    _socket: Option<OwnedFd>,
}

/// Where published ports of one container lead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The container's IPv4 address.
    pub(crate) ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub(crate) ipv6: Option<Ipv6Addr>,
    /// Address of the host where a request names none; `None` for all of the container's families.
    pub(crate) default_bind: Option<IpAddr>,
    /// Whether IPv4 ports are open at the container's own address, so that none of the host's is needed.
    pub(crate) routed4: bool,
    /// The same for IPv6.
    pub(crate) routed6: bool,
}

/// The ports held for containers.
#[derive(Debug)]
pub(crate) struct PortTable {
    held: HashMap<(Proto, u16), Vec<Holder>>,
    ephemeral: RangeInclusive<u16>,
    /// The ephemeral port tried next: a port given back is not given out again at once.
    next: u16,
    /// Ports given up lately, and when.
    released: VecDeque<(Proto, u16, Instant)>,
}

impl Target {
    /// The container's address that connections to this one of the host's go to.
    fn behind(&self, host: IpAddr) -> Result<IpAddr, NetworkError> {
        let address = match host {
            IpAddr::V4(_) => self.ipv4.map(IpAddr::V4),
            IpAddr::V6(_) => self.ipv6.map(IpAddr::V6),
        };
        address.ok_or_else(|| NetworkError::NoAddressToPublish(host, Version::of(host)))
    }

    /// Whether the port is open at the container's own address.
    fn is_routed(&self, host: IpAddr) -> bool {
        if host.is_ipv6() {
            self.routed6
        } else {
            self.routed4
        }
    }

    /// The host's addresses that a request is about.
    pub(crate) fn hosts(&self, wanted: Option<IpAddr>) -> Vec<IpAddr> {
        if let Some(address) = wanted.or(self.default_bind) {
            return vec![address];
        }
        let ipv4 = self.ipv4.map(|_| IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let ipv6 = self.ipv6.map(|_| IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        ipv4.into_iter().chain(ipv6).collect()
    }
}

impl PortTable {
    /// Nothing held; ports nobody chose come from `ephemeral`.
    pub(crate) fn new(ephemeral: RangeInclusive<u16>) -> Self {
        Self {
            held: HashMap::new(),
            released: VecDeque::new(),
            next: *ephemeral.start(),
            ephemeral,
        }
    }

    /// Reserves all that is asked for, or nothing. Bindings come in the order of the requests; one that names no address
    /// may have a binding for each family, with the same port.
    pub(crate) fn reserve(
        &mut self,
        requests: &[PortRequest],
        target: Target,
    ) -> Result<Vec<PortBinding>, NetworkError> {
        let mut bindings: Vec<Vec<PortBinding>> = vec![Vec::new(); requests.len()];
        // The choosy first, lest another request is given what they insist on.
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|&index| match requests[index].host_port {
            HostPort::Fixed(1..) => 0,
            HostPort::Range(..) => 1,
            HostPort::Any | HostPort::Fixed(0) => 2,
        });
        for index in order {
            match self.reserve_one(&requests[index], target) {
                Ok(made) => bindings[index] = made,
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
    pub(crate) fn restore(&mut self, binding: &PortBinding, container: IpAddr) -> Result<(), NetworkError> {
        if binding.host_port == 0 {
            return Ok(()); // routed
        }
        let host = SocketAddr::new(binding.host_ip, binding.host_port);
        if self.conflicts(binding.proto, host) {
            return Err(NetworkError::PortAllocated(host));
        }
        let (socket, result) = match bind(binding.proto, host) {
            Ok(socket) => (socket, Ok(())),
            Err(source) => (
                None,
                Err(NetworkError::PortBind {
                    host,
                    container: SocketAddr::new(container, binding.container_port),
                    proto: binding.proto,
                    source,
                }),
            ),
        };
        self.hold(binding.proto, host, socket);
        result
    }

    /// Gives a port back.
    pub(crate) fn release(&mut self, binding: &PortBinding) {
        let key = (binding.proto, binding.host_port);
        if let Some(holders) = self.held.get_mut(&key) {
            self.released
                .push_back((binding.proto, binding.host_port, Instant::now()));
            if self.released.len() > RELEASED {
                self.released.pop_front();
            }
            holders.retain(|holder| holder.address != binding.host_ip);
            if holders.is_empty() {
                self.held.remove(&key);
            }
        }
    }

    fn reserve_one(
        &mut self,
        request: &PortRequest,
        target: Target,
    ) -> Result<Vec<PortBinding>, NetworkError> {
        let hosts = target.hosts(request.host_ip);
        let mut pairs = Vec::with_capacity(hosts.len());
        for host in hosts {
            let container = SocketAddr::new(target.behind(host)?, request.container_port);
            pairs.push((host, container));
        }
        let binding = |host: IpAddr, port| PortBinding {
            proto: request.proto,
            host_ip: host,
            host_port: port,
            container_port: request.container_port,
        };
        let (routed, pairs): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(host, _)| target.is_routed(*host));
        let mut bindings: Vec<PortBinding> = routed.iter().map(|(host, _)| binding(*host, 0)).collect();
        if pairs.is_empty() {
            return Ok(bindings);
        }
        let port = match request.host_port {
            HostPort::Fixed(port @ 1..) => {
                self.hold_all(request.proto, &pairs, port)?;
                port
            }
            HostPort::Range(first, last) if first > last => {
                return Err(NetworkError::InvalidPortRange(first, last));
            }
            HostPort::Range(first, last) => self.hold_first(request.proto, &pairs, first..=last, first)?,
            HostPort::Any | HostPort::Fixed(0) => {
                let range = self.ephemeral.clone();
                let port = self.hold_first(request.proto, &pairs, range, self.next)?;
                self.next = if port == *self.ephemeral.end() {
                    *self.ephemeral.start()
                } else {
                    port + 1
                };
                port
            }
        };
        bindings.extend(pairs.iter().map(|(host, _)| binding(*host, port)));
        Ok(bindings)
    }

    /// Holds the first port that can be had on all these addresses, beginning at `from` and going round.
    fn hold_first(
        &mut self,
        proto: Proto,
        pairs: &[(IpAddr, SocketAddr)],
        range: RangeInclusive<u16>,
        from: u16,
    ) -> Result<u16, NetworkError> {
        for port in (from..=*range.end()).chain(*range.start()..from) {
            match self.hold_all(proto, pairs, port) {
                Ok(()) => return Ok(port),
                Err(NetworkError::PortAllocated(_)) => {}
                Err(NetworkError::PortBind { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(NetworkError::AllPortsAllocated {
            host_ip: pairs
                .first()
                .map_or(Ipv4Addr::UNSPECIFIED.into(), |(host, _)| *host),
            first: *range.start(),
            last: *range.end(),
        })
    }

    /// Holds a port on all these addresses, or on none.
    fn hold_all(
        &mut self,
        proto: Proto,
        pairs: &[(IpAddr, SocketAddr)],
        port: u16,
    ) -> Result<(), NetworkError> {
        let mut sockets = Vec::with_capacity(pairs.len());
        for (host, container) in pairs {
            let host = SocketAddr::new(*host, port);
            if self.conflicts(proto, host) {
                return Err(NetworkError::PortAllocated(host));
            }
            let mut bound = bind(proto, host);
            // Given up a moment ago, so that nobody else can have it but a process just being started, until it executes its
            // program: it has copies of all descriptors.
            while is_in_use(&bound) && self.was_just_released(proto, port) {
                std::thread::sleep(COPIES_LOOK);
                bound = bind(proto, host);
            }
            let socket = bound.map_err(|source| NetworkError::PortBind {
                host,
                container: *container,
                proto,
                source,
            })?;
            sockets.push((host, socket));
        }
        for (host, socket) in sockets {
            self.hold(proto, host, socket);
        }
        Ok(())
    }

    /// Whether a port was given up so shortly ago that copies of its socket may be left.
    fn was_just_released(&mut self, proto: Proto, port: u16) -> bool {
        while let Some((_, _, since)) = self.released.front()
            && since.elapsed() > COPIES_LAST
        {
            self.released.pop_front();
        }
        self.released
            .iter()
            .any(|(of, number, _)| (*of, *number) == (proto, port))
    }

    fn conflicts(&self, proto: Proto, host: SocketAddr) -> bool {
        self.held.get(&(proto, host.port())).is_some_and(|holders| {
            holders.iter().any(|holder| {
                holder.address.is_ipv6() == host.is_ipv6()
                    && (holder.address == host.ip()
                        || holder.address.is_unspecified()
                        || host.ip().is_unspecified())
            })
        })
    }

    fn hold(&mut self, proto: Proto, host: SocketAddr, socket: Option<OwnedFd>) {
        self.held.entry((proto, host.port())).or_default().push(Holder {
            address: host.ip(),
            _socket: socket,
        });
    }
}

fn is_in_use<T>(bound: &io::Result<T>) -> bool {
    bound
        .as_ref()
        .is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// A socket that holds a port; nothing when the kernel has no sockets of this protocol, so that no process can have it.
fn bind(proto: Proto, address: SocketAddr) -> io::Result<Option<OwnedFd>> {
    match bind_once(proto, address, false) {
        // Connections that linger in TIME_WAIT block a port for a minute after its server is gone. SO_REUSEADDR
        // passes over them, but not over a listener. It is not set at first because it would let others in beside us.
        Err(Errno::ADDRINUSE) if proto == Proto::Tcp => bind_once(proto, address, true).map(Some),
        Err(Errno::PROTONOSUPPORT) if proto == Proto::Sctp => Ok(None),
        other => other.map(Some),
    }
    .map_err(io::Error::from)
}

fn bind_once(proto: Proto, address: SocketAddr, reuse: bool) -> Result<OwnedFd, Errno> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let (kind, protocol) = match proto {
        Proto::Tcp => (SocketType::STREAM, None),
        Proto::Udp => (SocketType::DGRAM, None),
        Proto::Sctp => (
            SocketType::STREAM,
            NonZeroU32::new(Proto::Sctp.number().into()).map(Protocol::from_raw),
        ),
    };
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
    if address.is_ipv6() {
        // The same port of the other family is another reservation.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
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

    const CONTAINER: Target = Target {
        ipv4: Some(Ipv4Addr::new(172, 17, 0, 2)),
        ipv6: None,
        default_bind: None,
        routed4: false,
        routed6: false,
    };
    const BOTH: Target = Target {
        ipv6: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
        ..CONTAINER
    };

    /// Ports are the machine's, so each test binds them in a namespace of its own.
    fn alone(test: impl FnOnce(PortTable) + Send) {
        let netns = crate::isolated().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(netns.as_fd(), kind).unwrap();
                test(PortTable::new(40000..=40002));
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
    fn both_families_get_the_same_port() {
        alone(|mut table| {
            let in_the_way = TcpListener::bind((Ipv6Addr::LOCALHOST, 40000)).unwrap();
            let made = table.reserve(&[want(None, HostPort::Any)], BOTH).unwrap();
            let shown: Vec<_> = made
                .iter()
                .map(|b| (b.host_ip.to_string(), b.host_port))
                .collect();
            assert_eq!(shown, [("0.0.0.0".to_owned(), 40001), ("::".to_owned(), 40001)]);
            drop(in_the_way);
            // Of 40000, nothing was kept when its IPv6 half could not be had.
            let only4 = want(Some("0.0.0.0"), HostPort::Fixed(40000));
            let only6 = want(Some("::"), HostPort::Fixed(40000));
            assert!(table.reserve(&[only4, only6], BOTH).is_ok());
            let error = table.reserve(&[want(Some("::1"), HostPort::Fixed(40000))], BOTH);
            assert_eq!(
                error.unwrap_err().to_string(),
                "Bind for [::1]:40000 failed: port is already allocated"
            );
            let error = table
                .reserve(&[want(Some("::1"), HostPort::Any)], CONTAINER)
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                "cannot publish on host address ::1: the container has no IPv6 address"
            );
        });
    }

    #[test]
    fn sctp_ports_need_no_sockets_of_the_kernel() {
        alone(|mut table| {
            let sctp = PortRequest {
                proto: Proto::Sctp,
                ..want(None, HostPort::Fixed(80))
            };
            assert_eq!(ports(&mut table, &[sctp]), Ok(vec![80]));
            let error = "Bind for 0.0.0.0:80 failed: port is already allocated";
            assert_eq!(ports(&mut table, &[sctp]), Err(error.to_owned()));
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
