//! Speaks SCTP, which common programs do not: `sctp serve PORT` greets whoever comes, `sctp ask ADDRESS PORT` prints the greeting.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketType, bind, connect, ipproto, listen, socket};

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", port] => serve(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, number(port))),
        ["ask", address, port] => {
            let address = address
                .parse()
                .unwrap_or_else(|_| panic!("{address} is no address"));
            ask(SocketAddrV4::new(address, number(port)))
        }
        _ => panic!("serve or ask? {words:?}"),
    }
}

fn serve(at: SocketAddrV4) -> io::Result<()> {
    let socket = one_to_one()?;
    bind(&socket, &at)?;
    listen(&socket, 5)?;
    // One-to-one sockets are used as those of TCP are.
    for stream in TcpListener::from(socket).incoming() {
        stream?.write_all(b"hello by sctp\n")?;
    }
    Ok(())
}

fn ask(address: SocketAddrV4) -> io::Result<()> {
    let socket = one_to_one()?;
    connect(&socket, &address)?;
    let mut greeting = String::new();
    TcpStream::from(socket).read_to_string(&mut greeting)?;
    print!("{greeting}");
    Ok(())
}

fn one_to_one() -> io::Result<OwnedFd> {
    Ok(socket(
        AddressFamily::INET,
        SocketType::STREAM,
        Some(ipproto::SCTP),
    )?)
}

fn number(text: &str) -> u16 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no port"))
}
