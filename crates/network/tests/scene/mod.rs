//! A host that filters, a container that publishes, and the rows of `docs/host-firewall.md`'s table, tried.

#![allow(dead_code)] // each test program uses its part
#![allow(clippy::unwrap_used)] // a scene that cannot be set fails its test

use crate::lab::filters::{GUEST, GUEST6};
use crate::lab::{HOST, HOST6, OUTSIDE, OUTSIDE6, bridge, container_on, inside, outside_world, run, tcp};
use corten_network::{HostPort, Lease, NetworkSpec, Networks, PlaneConfig, PortRequest, Proto};
use rustix::fd::OwnedFd;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

pub const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
pub const LOCALHOST6: Ipv6Addr = Ipv6Addr::LOCALHOST;
pub const BOTH: [Proto; 2] = [Proto::Tcp, Proto::Udp];
/// Published, and not allowed by filters that deny.
pub const DENIED: u16 = 8080;
/// Published and allowed.
pub const ALLOWED: u16 = 8443;
/// Published and allowed for one client.
pub const FOR_GUEST: u16 = 8444;
/// Published on the loopback alone.
pub const LOCAL: u16 = 8445;

/// How long something may take that is to happen, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long is waited for what is not to happen. A lost first packet is sent again after a second.
pub const DOUBT: Duration = Duration::from_millis(250);

/// Servers in a container, tcp and udp.
pub struct Server {
    pub tcp: TcpListener,
    pub udp: UdpSocket,
}

impl Server {
    pub fn start(netns: &OwnedFd, port: u16) -> Self {
        inside(netns, || {
            let any = (Ipv6Addr::UNSPECIFIED, port);
            Self {
                tcp: TcpListener::bind(any).unwrap(),
                udp: UdpSocket::bind(any).unwrap(),
            }
        })
    }

    /// Who the server thinks has come, if the calling thread's namespace reaches it from `own` and hears the answer.
    pub fn reached(
        &self,
        proto: Proto,
        own: Option<IpAddr>,
        to: SocketAddr,
        wait: Duration,
    ) -> Option<IpAddr> {
        let peer = match proto {
            Proto::Tcp => self.by_tcp(own, to, wait),
            _ => self.by_udp(own, to, wait),
        };
        peer.map(|peer| peer.to_canonical())
    }

    fn by_tcp(&self, own: Option<IpAddr>, to: SocketAddr, wait: Duration) -> Option<IpAddr> {
        let mut client = connect(own, to, wait)?;
        let (mut accepted, peer) = self.tcp.accept().unwrap();
        for stream in [&client, &accepted] {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let mut byte = [0];
        client.write_all(b"?").unwrap();
        accepted.read_exact(&mut byte).unwrap();
        accepted.write_all(b"!").unwrap();
        client.read_exact(&mut byte).unwrap();
        Some(peer.ip())
    }

    /// A single datagram must do.
    fn by_udp(&self, own: Option<IpAddr>, to: SocketAddr, wait: Duration) -> Option<IpAddr> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let client = UdpSocket::bind((own.unwrap_or(any), 0)).unwrap();
        client.connect(to).unwrap(); // so that only this address may answer
        self.udp.set_read_timeout(Some(wait)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let question = client.local_addr().unwrap().port().to_be_bytes();
        client.send(&question).unwrap();
        let mut bytes = [0; 2];
        let (_, peer) = self.udp.recv_from(&mut bytes).ok()?;
        assert_eq!(bytes, question);
        self.udp.send_to(b"!", peer).unwrap();
        let answer = client.recv(&mut bytes);
        assert!(answer.is_ok(), "{peer} → {to}: the answer is lost");
        Some(peer.ip())
    }
}

/// Connects from an address of one's own.
pub fn connect(own: Option<IpAddr>, to: SocketAddr, wait: Duration) -> Option<TcpStream> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
    let family = match to {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(wait)).unwrap();
    if let Some(own) = own {
        rustix::net::bind(&socket, &SocketAddr::new(own, 0)).unwrap();
    }
    rustix::net::connect(&socket, &to).ok()?;
    Some(TcpStream::from(socket))
}

pub fn published(host_ip: Option<IpAddr>, port: u16) -> impl Iterator<Item = PortRequest> {
    BOTH.into_iter().map(move |proto| PortRequest {
        proto,
        ..tcp(host_ip, HostPort::Fixed(port), 80)
    })
}

/// A host with an outside world, two networks, and a container that publishes.
pub struct Scene {
    pub outside: OwnedFd,
    pub networks: Networks,
    pub server: Server,
    pub lease: Lease,
    pub netns: OwnedFd,
    pub neighbour: OwnedFd,
    pub stranger: OwnedFd,
}

impl Scene {
    pub fn set_up(config: PlaneConfig) -> Self {
        let outside = outside_world();
        inside(&outside, || {
            run(&format!("ip addr add {GUEST}/24 dev up0"));
            // Not what answers of others come from.
            run(&format!("ip addr add {GUEST6}/64 dev up0 nodad preferred_lft 0"));
        });
        let networks = Networks::open(config).unwrap();
        let make = |name| -> NetworkSpec { bridge(&networks, name, &[], |spec, _| spec.ipv6 = true) };
        let (one, two) = (make("one"), make("two"));
        let mut ports: Vec<PortRequest> = [DENIED, ALLOWED, FOR_GUEST]
            .into_iter()
            .flat_map(|port| published(None, port))
            .collect();
        ports.extend(published(Some(LOCALHOST.into()), LOCAL));
        ports.extend(published(Some(LOCALHOST6.into()), LOCAL));
        let (lease, netns) = container_on(&networks, &one.id, &ports);
        let (_, neighbour) = container_on(&networks, &one.id, &[]);
        let (_, stranger) = container_on(&networks, &two.id, &[]);
        let server = Server::start(&netns, 80);
        Self {
            outside,
            networks,
            server,
            lease,
            netns,
            neighbour,
            stranger,
        }
    }

    /// From outside.
    pub fn from(
        &self,
        own: impl Into<IpAddr>,
        proto: Proto,
        to: impl Into<IpAddr>,
        port: u16,
        wait: Duration,
    ) -> Option<IpAddr> {
        let (own, to) = (own.into(), SocketAddr::new(to.into(), port));
        inside(&self.outside, || self.server.reached(proto, Some(own), to, wait))
    }

    /// Whether a client from outside is seen under its own address, or is kept out.
    pub fn outside(&self, own: impl Into<IpAddr>, port: u16, comes_in: bool) {
        let own = own.into();
        let to: IpAddr = if own.is_ipv6() { HOST6.into() } else { HOST.into() };
        let (wait, expected) = if comes_in {
            (PATIENCE, Some(own))
        } else {
            (DOUBT, None)
        };
        for proto in BOTH {
            assert_eq!(
                self.from(own, proto, to, port, wait),
                expected,
                "{proto} {own} → {to}:{port}"
            );
        }
    }

    /// The rows of the table.
    pub fn all_cases(&self, denies: bool) {
        let (lease, server) = (&self.lease, &self.server);
        for own in [IpAddr::from(OUTSIDE), OUTSIDE6.into()] {
            self.outside(own, DENIED, !denies);
            self.outside(own, ALLOWED, true);
            self.outside(own, FOR_GUEST, !denies);
            self.outside(own, LOCAL, false);
        }
        for guest in [IpAddr::from(GUEST), GUEST6.into()] {
            self.outside(guest, FOR_GUEST, true);
        }
        for own in lease.addresses() {
            let from: IpAddr = if own.addr().is_ipv6() {
                OUTSIDE6.into()
            } else {
                OUTSIDE.into()
            };
            assert_eq!(
                self.from(from, Proto::Tcp, own.addr(), 80, DOUBT),
                None,
                "its own address"
            );
        }
        for proto in BOTH {
            // From the host.
            let host = |to: IpAddr, port| server.reached(proto, None, SocketAddr::new(to, port), PATIENCE);
            assert_eq!(host(HOST.into(), DENIED), Some(HOST.into()), "{proto}");
            assert_eq!(host(HOST6.into(), DENIED), Some(HOST6.into()), "{proto}");
            for port in [DENIED, LOCAL] {
                assert_eq!(
                    host(LOCALHOST.into(), port),
                    lease.gateway.map(Into::into),
                    "{proto} {port}"
                );
                assert_eq!(
                    host(LOCALHOST6.into(), port),
                    lease.gateway6.map(Into::into),
                    "{proto} {port}"
                );
            }
            assert!(host(Ipv4Addr::new(127, 1, 2, 3).into(), DENIED).is_some());
            // From containers, by the host's address: its own, one of the same network, one of another.
            for (name, from) in [
                ("own", &self.netns),
                ("neighbour", &self.neighbour),
                ("stranger", &self.stranger),
            ] {
                for to in [IpAddr::from(HOST), HOST6.into()] {
                    let reaches = |port, wait| {
                        inside(from, || {
                            server.reached(proto, None, SocketAddr::new(to, port), wait)
                        })
                        .is_some()
                    };
                    assert!(reaches(ALLOWED, PATIENCE), "{proto} {name} → {to}:{ALLOWED}");
                    let wait = if denies { DOUBT } else { PATIENCE };
                    assert_eq!(reaches(DENIED, wait), !denies, "{proto} {name} → {to}:{DENIED}");
                }
            }
            // From containers, by the container's own address.
            for own in lease.addresses() {
                let to = SocketAddr::new(own.addr(), 80);
                let by = |from, wait| inside(from, || server.reached(proto, None, to, wait));
                assert!(
                    by(&self.neighbour, PATIENCE).is_some(),
                    "{proto} neighbour → {to}"
                );
                assert_eq!(by(&self.stranger, DOUBT), None, "{proto} stranger → {to}");
            }
        }
        // Outwards.
        let beyond = Server::start(&self.outside, 81);
        for (to, seen) in [
            (IpAddr::from(OUTSIDE), IpAddr::from(HOST)),
            (OUTSIDE6.into(), HOST6.into()),
        ] {
            for proto in BOTH {
                let to = SocketAddr::new(to, 81);
                let peer = inside(&self.neighbour, || beyond.reached(proto, None, to, PATIENCE));
                assert_eq!(peer, Some(seen), "{proto} container → {to}");
            }
        }
    }
}

/// Sets whether frames on bridges pass the filters, too; false if this kernel has no such thing.
pub fn bridges_call(value: bool) -> bool {
    ["iptables", "ip6tables"].iter().all(|name| {
        let knob = format!("/proc/sys/net/bridge/bridge-nf-call-{name}");
        std::fs::write(knob, if value { "1" } else { "0" }).is_ok()
    })
}

/// What nft prints, but for counters.
pub fn without_counts(rules: &str) -> String {
    let mut words = rules.split_whitespace();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        kept.push(word);
        if matches!(word, "packets" | "bytes") {
            words.next();
        }
    }
    kept.join(" ")
}
