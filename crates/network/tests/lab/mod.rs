//! A throwaway host: a network namespace of the test's own, with an outside world behind a link. Nothing in it
//! touches the machine, and nothing of it is left when its descriptors are closed.

#![allow(dead_code)] // each test program uses its part
#![allow(clippy::unwrap_used)] // a lab that cannot be built fails its test

pub mod filters;

use corten_network::{
    BridgeOptions, DefaultBridge, Driver, EndpointRequest, HostPort, Lease, NetworkError, NetworkSpec,
    Networks, PlaneConfig, PoolRequest, PortRequest, Proto, isolated,
};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The host's address on the link to the outside, and the outside's.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);

/// Runs the test on a thread that is a host of its own.
pub fn on_own_host(test: impl FnOnce() + Send) {
    let host = isolated().unwrap();
    inside(&host, test);
}

/// Runs on a thread inside the namespace and waits.
pub fn inside<T: Send>(netns: &OwnedFd, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        });
        match thread.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Connects the calling thread's host to a new namespace that routes everything back to it.
pub fn outside_world() -> OwnedFd {
    let outside = isolated().unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), outside.as_raw_fd());
    run(&format!("ip link add up0 type veth peer name up0 netns {path}"));
    run(&format!("ip addr add {HOST}/24 dev up0"));
    run(&format!("ip addr add {HOST6}/64 dev up0 nodad"));
    run("ip link set up0 up");
    inside(&outside, || {
        run(&format!("ip addr add {OUTSIDE6}/64 dev up0 nodad"));
        run(&format!("ip addr add {OUTSIDE}/24 dev up0"));
        run("ip link set up0 up");
        run(&format!("ip route add default via {HOST}"));
        run(&format!("ip -6 route add default via {HOST6}"));
    });
    outside
}

/// Runs a command in the calling thread's namespace and returns what it printed.
pub fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(
        output.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command in the calling thread's namespace, with this to read.
pub fn feed(command: &str, text: &str) {
    let mut words = command.split_whitespace();
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command}: {}\n{text}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The daemon's tables.
pub fn tables() -> String {
    run("nft list table ip lab") + &run("nft list table ip6 lab")
}

pub fn plane() -> PlaneConfig {
    PlaneConfig {
        table: "lab".to_owned(),
        ..PlaneConfig::default()
    }
}

pub fn config() -> DefaultBridge {
    DefaultBridge {
        bridge: "lab0".to_owned(),
        ..DefaultBridge::default()
    }
}

/// A daemon's networks, with nothing but the default bridge.
pub fn open() -> Networks {
    open_with(config()).unwrap()
}

pub fn open_with(config: DefaultBridge) -> Result<Networks, NetworkError> {
    let networks = Networks::open(plane())?;
    let spec = networks.default_spec(&"d".repeat(64), &config, &[])?;
    networks.create(&spec)?;
    Ok(networks)
}

/// The default bridge's subnet and gateway.
pub fn subnet(networks: &Networks) -> String {
    networks.default_bridge().unwrap().pools[0].subnet.to_string()
}

pub fn gateway(networks: &Networks) -> Ipv4Addr {
    match networks.default_bridge().unwrap().pools[0].gateway {
        Some(IpAddr::V4(gateway)) => gateway,
        other => panic!("{other:?}"),
    }
}

pub fn tcp(host_ip: Option<IpAddr>, host_port: HostPort, container_port: u16) -> PortRequest {
    PortRequest {
        proto: Proto::Tcp,
        container_port,
        host_ip,
        host_port,
    }
}

pub fn request(ports: &[PortRequest]) -> EndpointRequest {
    EndpointRequest {
        container_id: "c".repeat(64),
        container_name: "lab".to_owned(),
        ports: ports.to_vec(),
        ..EndpointRequest::default()
    }
}

/// A container on the default bridge: its lease and its namespace.
pub fn container(networks: &Networks, ports: &[PortRequest]) -> (Lease, OwnedFd) {
    container_on(networks, "", ports)
}

/// A container on a network.
pub fn container_on(networks: &Networks, id: &str, ports: &[PortRequest]) -> (Lease, OwnedFd) {
    let lease = networks.reserve(id, &request(ports)).unwrap();
    let netns = networks.plumb(std::slice::from_ref(&lease)).unwrap();
    (lease, netns)
}

/// A TCP server in the namespace.
pub fn listen(netns: &OwnedFd, port: u16) -> TcpListener {
    inside(netns, || {
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap()
    })
}

/// A TCP server in the namespace, for IPv6.
pub fn listen6(netns: &OwnedFd, port: u16) -> TcpListener {
    inside(netns, || {
        TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap()
    })
}

/// Connects from the calling thread's namespace; the address the server sees, once a byte went both ways.
pub fn reach(to: (impl Into<IpAddr>, u16), server: &TcpListener) -> io::Result<IpAddr> {
    let timeout = Duration::from_secs(2);
    let mut client = TcpStream::connect_timeout(&SocketAddr::new(to.0.into(), to.1), timeout)?;
    client.set_read_timeout(Some(timeout))?;
    server.set_nonblocking(true)?;
    let deadline = Instant::now() + timeout;
    let (mut accepted, peer) = loop {
        match server.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                std::thread::yield_now();
            }
            other => break other?,
        }
    };
    accepted.set_nonblocking(false)?;
    accepted.set_read_timeout(Some(timeout))?;
    let mut byte = [0];
    client.write_all(b"?")?;
    accepted.read_exact(&mut byte)?;
    accepted.write_all(b"!")?;
    client.read_exact(&mut byte)?;
    Ok(peer.ip())
}

/// Waits for something that another thread does.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The same over IPv6.
pub const HOST6: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1);
pub const OUTSIDE6: Ipv6Addr = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 2);

/// A bridge network, with what the test changes about it, created.
pub fn bridge(
    networks: &Networks,
    name: &str,
    wanted: &[PoolRequest],
    change: impl FnOnce(&mut NetworkSpec, &mut BridgeOptions),
) -> NetworkSpec {
    let spec = described(name, change);
    let spec = NetworkSpec {
        pools: networks.choose_pools(&spec, wanted).unwrap(),
        ..spec
    };
    networks.create(&spec).unwrap();
    spec
}

/// A bridge network that is not there yet.
pub fn described(name: &str, change: impl FnOnce(&mut NetworkSpec, &mut BridgeOptions)) -> NetworkSpec {
    let mut bridge = BridgeOptions::new(&format!("br-{name}"));
    let id = format!("{name}{}", "0".repeat(64 - name.len()));
    let mut spec = NetworkSpec::new(&id, name, Driver::Bridge(bridge.clone()));
    change(&mut spec, &mut bridge);
    spec.driver = Driver::Bridge(bridge);
    spec
}

/// A subnet asked for.
pub fn subnet_of(text: &str) -> PoolRequest {
    PoolRequest {
        subnet: Some(text.parse().unwrap()),
        ..PoolRequest::default()
    }
}
