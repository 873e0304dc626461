//! The place of a container's name server.

mod lab;

use corten_network::{NAME_SERVER, NameServer, isolated};
use lab::inside;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

#[test]
fn what_is_sent_to_it_comes_in_and_is_answered_from_there() {
    let container = isolated().unwrap();
    let server = NameServer::open(container.as_fd()).unwrap();
    server.udp.set_nonblocking(false).unwrap();
    server.tcp.set_nonblocking(false).unwrap();
    // A program of the container may serve names itself.
    let own = inside(&container, || {
        (
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 53)).unwrap(),
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, 53)).unwrap(),
        )
    });
    let patience = Some(Duration::from_secs(10));
    let client = inside(&container, || {
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()
    });
    client.set_read_timeout(patience).unwrap();
    client.send_to(b"query", (NAME_SERVER, 53)).unwrap();
    let mut buffer = [0; 16];
    server.udp.set_read_timeout(patience).unwrap();
    let (length, asker) = server.udp.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"query");
    server.udp.send_to(b"answer", asker).unwrap();
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"answer");
    assert_eq!(from, (NAME_SERVER, 53).into(), "clients look at who answers");

    let mut stream = inside(&container, || TcpStream::connect((NAME_SERVER, 53)).unwrap());
    let (mut accepted, _) = server.tcp.accept().unwrap();
    accepted.write_all(b"hello").unwrap();
    stream.set_read_timeout(patience).unwrap();
    stream.read_exact(&mut buffer[..5]).unwrap();
    assert_eq!(&buffer[..5], b"hello");

    // Other addresses are the container's own.
    client.send_to(b"other", (Ipv4Addr::LOCALHOST, 53)).unwrap();
    own.0.set_read_timeout(patience).unwrap();
    let length = own.0.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"other");

    // One that is opened later takes over.
    let later = NameServer::open(container.as_fd()).unwrap();
    client.send_to(b"again", (NAME_SERVER, 53)).unwrap();
    later.udp.set_nonblocking(false).unwrap();
    later.udp.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let fresh = inside(&container, || {
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()
    });
    fresh.send_to(b"fresh", (NAME_SERVER, 53)).unwrap();
    let length = later.udp.recv(&mut buffer).unwrap();
    assert_eq!(
        &buffer[..length],
        b"fresh",
        "the former client's connection is known to the old one"
    );
}
