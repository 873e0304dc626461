//! A throwaway host: a network namespace of the test's own, with an outside world behind a link. Nothing in it
//! touches the machine, and nothing of it is left when its descriptors are closed.

#![allow(dead_code)] // each test program uses its part
#![allow(clippy::unwrap_used)] // a lab that cannot be built fails its test

use corten_network::{
    BridgeNetwork, EndpointRequest, HostPort, Lease, NetworkConfig, PortRequest, Proto, isolated,
};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
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
    run("ip link set up0 up");
    inside(&outside, || {
        run(&format!("ip addr add {OUTSIDE}/24 dev up0"));
        run("ip link set up0 up");
        run(&format!("ip route add default via {HOST}"));
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

pub fn config() -> NetworkConfig {
    NetworkConfig {
        bridge: "lab0".to_owned(),
        table: "lab".to_owned(),
        ..NetworkConfig::default()
    }
}

pub fn open() -> BridgeNetwork {
    BridgeNetwork::open(config()).unwrap()
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

/// A container: its lease and its namespace.
pub fn container(network: &BridgeNetwork, ports: &[PortRequest]) -> (Lease, OwnedFd) {
    let lease = network.reserve(&request(ports)).unwrap();
    let netns = network.plumb(&lease).unwrap();
    (lease, netns)
}

/// A TCP server in the namespace.
pub fn listen(netns: &OwnedFd, port: u16) -> TcpListener {
    inside(netns, || {
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap()
    })
}

/// Connects from the calling thread's namespace; the address the server sees, once a byte went both ways.
pub fn reach(to: (Ipv4Addr, u16), server: &TcpListener) -> io::Result<IpAddr> {
    let timeout = Duration::from_secs(2);
    let mut client = TcpStream::connect_timeout(&SocketAddr::from(to), timeout)?;
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
