//! The place of a container's name server.

mod lab;

use corten_network::{NAME_SERVER, NameServer, isolated};
use lab::inside;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
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

    // One that is opened later takes over at once, from clients that are there already, too.
    let later = NameServer::open(container.as_fd()).unwrap();
    later.udp.set_nonblocking(false).unwrap();
    later.udp.set_read_timeout(patience).unwrap();
    client.send_to(b"again", (NAME_SERVER, 53)).unwrap();
    let length = later.udp.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"again");
}

#[test]
fn a_namespace_is_not_made_to_track_connections() {
    let container = isolated().unwrap();
    let _server = NameServer::open(container.as_fd()).unwrap();
    let listed = inside(&container, || {
        let listed = Command::new("nft").args(["list", "ruleset"]).output().unwrap();
        String::from_utf8(listed.stdout).unwrap()
    });
    // Whatever translates addresses has the kernel track all that passes.
    assert!(listed.contains("udp dport 53 notrack udp dport set"), "{listed}");
    assert!(!listed.contains("type nat"), "{listed}");
}
