//! Queries for names, asked from inside a container's network.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::Duration;

use corten_dns::{Host, Settings, Upstream, write_zone};
use corten_shim_api::{RESOLVER_FILE_NAME, Request, ResolverSockets, Response};
use harness::{Container, PATIENCE};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};

const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// Does something in the network namespace of a process.
fn inside<T: Send>(pid: u32, act: impl FnOnce() -> T + Send) -> T {
    let namespace = fs::File::open(format!("/proc/{pid}/ns/net")).unwrap();
    std::thread::scope(|scope| {
        let acting = scope.spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            act()
        });
        acting.join().unwrap()
    })
}

fn query(name: &str) -> Vec<u8> {
    let mut packet = Packet::new_query(4711);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let question = Question::new(
        Name::new(name).unwrap(),
        QTYPE::TYPE(TYPE::A),
        QCLASS::CLASS(CLASS::IN),
        false,
    );
    packet.questions.push(question);
    packet.build_bytes_vec().unwrap()
}

/// The addresses in an answer, or its code.
fn told(answer: &[u8]) -> String {
    let packet = Packet::parse(answer).unwrap();
    assert_eq!(packet.id(), 4711);
    if packet.rcode() != RCODE::NoError {
        return format!("{:?}", packet.rcode());
    }
    let addresses = packet.answers.iter().map(|record| match &record.rdata {
        RData::A(a) => Ipv4Addr::from(a.address).to_string(),
        other => format!("{other:?}"),
    });
    addresses.collect::<Vec<_>>().join(" ")
}

/// A server that answers everything with `address`, or refuses to, by UDP and TCP, until the test ends.
fn server(at: SocketAddr, address: Option<Ipv4Addr>) {
    let answer = move |query: &[u8]| {
        let query = Packet::parse(query).unwrap();
        let mut packet = Packet::new_reply(query.id());
        packet.questions.clone_from(&query.questions);
        let name = query.questions[0].qname.clone();
        match address {
            Some(address) => {
                let record = ResourceRecord::new(name, CLASS::IN, 5, RData::A(A::from(address)));
                packet.answers.push(record);
            }
            None => *packet.rcode_mut() = RCODE::Refused,
        }
        packet.build_bytes_vec().unwrap()
    };
    let datagrams = UdpSocket::bind(at).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, asker)) = datagrams.recv_from(&mut buffer) {
            datagrams.send_to(&answer(&buffer[..length]), asker).unwrap();
        }
    });
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let asked = receive(&mut stream);
            send(&mut stream, &answer(&asked));
        }
    });
}

fn send(stream: &mut TcpStream, message: &[u8]) {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, message].concat()).unwrap();
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

/// Puts a file in its place as a daemon does.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

fn host(name: &str, addresses: &[&str]) -> Host {
    Host {
        name: name.to_owned(),
        aliases: vec!["app".to_owned()],
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

/// A running container whose shim answers queries; where to ask it.
fn resolving(settings: &Settings) -> (Container, SocketAddr) {
    let mut container = Container::script("sleep 1000");
    container.start();
    replace(
        &container.launch.run_dir.join(RESOLVER_FILE_NAME),
        &settings.to_string(),
    );
    let (udp, tcp) = inside(container.pid, || {
        let udp = UdpSocket::bind((SERVER, 0)).unwrap();
        let tcp = TcpListener::bind(udp.local_addr().unwrap()).unwrap();
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        (udp, tcp)
    });
    let sockets = ResolverSockets {
        pid: std::process::id(),
        udp: udp.as_raw_fd(),
        tcp: tcp.as_raw_fd(),
    };
    assert_eq!(container.ask(&Request::Resolve(sockets)), Response::Ok);
    let at = udp.local_addr().unwrap();
    (container, at)
}

fn ask(container: &Container, at: SocketAddr, name: &str) -> String {
    inside(container.pid, || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&query(name), at).unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        told(&buffer[..length])
    })
}

#[test]
fn what_is_written_down_is_answered_and_changes_are_seen() {
    let dir = tempfile::tempdir().unwrap();
    let zone = dir.path().join("names");
    replace(&zone, &write_zone("net", &[host("web", &["10.9.0.2"])]));
    let settings = Settings {
        zones: vec![zone.clone()],
        ..Settings::default()
    };
    let (mut container, at) = resolving(&settings);
    assert_eq!(ask(&container, at, "web"), "10.9.0.2");
    assert_eq!(ask(&container, at, "WEB.net"), "10.9.0.2");
    assert_eq!(ask(&container, at, "other"), "ServerFailure");
    let hosts = [host("web", &["10.9.0.2"]), host("other", &["10.9.0.3"])];
    replace(&zone, &write_zone("net", &hosts));
    assert_eq!(ask(&container, at, "other"), "10.9.0.3");
    let mut first: Vec<String> = (0..8)
        .map(|_| ask(&container, at, "app").split(' ').next().unwrap().to_owned())
        .collect();
    first.sort();
    first.dedup();
    assert_eq!(first, ["10.9.0.2", "10.9.0.3"], "in turn");
    container.hang_up();
    assert_eq!(ask(&container, at, "web"), "10.9.0.2", "without a daemon");
    let by_stream = inside(container.pid, || {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        send(&mut stream, &query("web"));
        send(&mut stream, &query("other"));
        [0; 2].map(|_| told(&receive(&mut stream)))
    });
    assert_eq!(by_stream, ["10.9.0.2", "10.9.0.3"]);
    let end = Request::Signal {
        exec: None,
        signal: 9,
        group: false,
    };
    assert_eq!(container.ask(&end), Response::Ok);
    assert_eq!(container.shim_status(), Some(0));
}

#[test]
fn others_are_asked_from_where_they_can_be_reached() {
    let own = |last| IpAddr::V4(Ipv4Addr::new(127, 0, 53, last));
    let from_host = IpAddr::V4(Ipv4Addr::new(
        127,
        53,
        std::process::id().to_le_bytes()[0],
        std::process::id().to_le_bytes()[1].max(1),
    ));
    server(SocketAddr::new(from_host, 53), Some(Ipv4Addr::new(192, 0, 2, 1)));
    let upstream = |address, from_host| Upstream { address, from_host };
    let settings = |upstreams| Settings {
        upstreams,
        forward: true,
        ..Settings::default()
    };
    let (mut container, at) = resolving(&settings(vec![upstream(own(1), false), upstream(own(2), false)]));
    inside(container.pid, || {
        server(SocketAddr::new(own(1), 53), None);
        server(SocketAddr::new(own(2), 53), Some(Ipv4Addr::new(192, 0, 2, 2)));
    });
    assert_eq!(
        ask(&container, at, "far.example"),
        "192.0.2.2",
        "the first one refuses"
    );
    let by_stream = inside(container.pid, || {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        send(&mut stream, &query("far.example"));
        // It has asked all it had to, and waits.
        stream.shutdown(Shutdown::Write).unwrap();
        let told = told(&receive(&mut stream));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it is let go then");
        told
    });
    assert_eq!(by_stream, "192.0.2.2");

    let path = container.launch.run_dir.join(RESOLVER_FILE_NAME);
    replace(&path, &settings(vec![upstream(from_host, true)]).to_string());
    assert_eq!(ask(&container, at, "far.example"), "192.0.2.1");
    replace(&path, &settings(vec![upstream(from_host, false)]).to_string());
    assert_eq!(
        ask(&container, at, "far.example"),
        "ServerFailure",
        "the host's loopback is not the container's"
    );
    container.kill();
}

#[test]
fn askers_who_stand_still_cost_nothing_but_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let zone = dir.path().join("names");
    replace(&zone, &write_zone("net", &[host("web", &["10.9.0.2"])]));
    let settings = Settings {
        zones: vec![zone],
        ..Settings::default()
    };
    let (mut container, at) = resolving(&settings);
    inside(container.pid, || {
        let idle: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(at).unwrap()).collect();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 512];
        for round in 0..2_000 {
            let mut asked = query("web");
            if round % 3 == 0 {
                asked.truncate(round % 20);
                socket.send_to(&asked, at).unwrap();
                continue;
            }
            socket.send_to(&asked, at).unwrap();
        }
        // Answers that found no room were lost, as datagrams are; the server itself is well.
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        while socket.recv(&mut buffer).is_ok() {}
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        send(&mut stream, &query("web"));
        assert_eq!(told(&receive(&mut stream)), "10.9.0.2");
        // What cannot be a query is not received, and whoever announces it is let go.
        for announced in [0_u16, 11, 4097, u16::MAX] {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(&announced.to_be_bytes()).unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{announced}");
        }
        drop(idle);
    });
    container.kill();
}
