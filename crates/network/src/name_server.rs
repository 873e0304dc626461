//! The place of a container's name server: sockets in the container's namespace, for whoever answers on them.

use crate::NetworkError;
use crate::netlink::{Protocol, Socket};
use crate::netns::{STACK, finish, inside};
use crate::nft::detour;
use rustix::fd::BorrowedFd;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::thread::Builder;

/// Where containers ask: Docker's address.
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const PORT: u16 = 53;
/// Ports to try until one is free for both protocols.
const ATTEMPTS: usize = 16;

/// Sockets in a container's namespace on which what is sent to port 53 of [`NAME_SERVER`] comes in. They do not wait.
#[derive(Debug)]
pub struct NameServer {
    /// For queries by UDP.
    pub udp: UdpSocket,
    /// For askers by TCP.
    pub tcp: TcpListener,
}

impl NameServer {
    /// Makes them. They are bound to a port of their own, so that port 53 of that address is free for programs of the container.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn open(netns: BorrowedFd<'_>) -> Result<Self, NetworkError> {
        std::thread::scope(|scope| {
            let made = inside(scope, netns, |_| {
                let server = bind().map_err(NetworkError::system("open a container's name server"))?;
                let port = server.udp.local_addr().map(|address| address.port());
                let port = port.map_err(NetworkError::system("open a container's name server"))?;
                let mut socket = Socket::open(Protocol::Netfilter)
                    .map_err(NetworkError::system("open a netlink socket"))?;
                detour(&mut socket, SocketAddrV4::new(NAME_SERVER, PORT), port)?;
                close_aside(socket);
                Ok(server)
            })?;
            finish(made)
        })
    }
}

/// Closes a socket on a thread of its own. The kernel waits at that for what the last transaction has put off, a grace period of RCU
/// that takes some ten milliseconds (Linux, `nft_rcv_nl_event`), and everybody who starts a container would wait with it.
fn close_aside(socket: Socket) {
    let builder = Builder::new().name("close".to_owned()).stack_size(STACK);
    // Where there can be no further thread, it has been closed here.
    drop(builder.spawn(move || drop(socket)));
}

fn bind() -> io::Result<NameServer> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let udp = UdpSocket::bind((NAME_SERVER, 0))?;
        match TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => {
                udp.set_nonblocking(true)?;
                tcp.set_nonblocking(true)?;
                return Ok(NameServer { udp, tcp });
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}
