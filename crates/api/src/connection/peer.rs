//! Whether a client is still there, seen without reading what it sends.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Socket;

/// How often a client is looked after that does not make itself felt.
const INTERVAL: Duration = Duration::from_millis(500);

/// Another view of a client's socket, which stays the connection's own.
#[derive(Clone)]
pub(crate) struct Peer {
    socket: Weak<OwnedFd>,
    signs: PollFlags,
}

/// Keeps a [`Peer`] able to look; to be dropped with the connection.
pub(super) struct PeerSocket(Arc<OwnedFd>, PollFlags);

impl PeerSocket {
    pub(super) fn of(socket: &Socket) -> io::Result<Self> {
        // A local socket says when its other end is closed for good. Over TCP there is no more than the end of what the client sends,
        // which HTTP takes for the same anyway.
        let signs = match socket {
            Socket::Unix(..) => PollFlags::HUP,
            Socket::Tcp(_) | Socket::Tls(_) => PollFlags::HUP | PollFlags::RDHUP,
        };
        Ok(Self(Arc::new(socket.as_fd().try_clone_to_owned()?), signs))
    }

    pub(super) fn peer(&self) -> Peer {
        Peer {
            socket: Arc::downgrade(&self.0),
            signs: self.1,
        }
    }
}

impl Peer {
    /// Ready soon after the client has gone. Whoever reads from it learns that, too; this is for those who are busy with what they
    /// have read.
    pub(crate) async fn gone(&self) {
        // Not by waiting for an event: tokio offers only those of sockets that are read from or written to.
        while !self.has_gone() {
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn has_gone(&self) -> bool {
        let Some(socket) = self.socket.upgrade() else {
            return true;
        };
        let mut watched = [PollFd::new(&*socket, self.signs)];
        let looked = poll(&mut watched, Some(&Timespec::default()));
        looked.is_ok() && watched[0].revents().intersects(self.signs | PollFlags::ERR)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream, UnixStream};

    use super::*;

    #[tokio::test]
    async fn clients_are_seen_to_go_whatever_they_have_sent() {
        let (mut client, server) = UnixStream::pair().unwrap();
        let socket = PeerSocket::of(&Socket::Unix(server, |_| Ok(0))).unwrap();
        let peer = socket.peer();
        client.write_all(b"unread").await.unwrap();
        client.shutdown().await.unwrap();
        assert!(!peer.has_gone(), "it may still read");
        drop(client);
        peer.gone().await;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = Socket::Tcp(listener.accept().await.unwrap().0);
        let socket = PeerSocket::of(&server).unwrap();
        client.write_all(b"unread").await.unwrap();
        drop(client);
        socket.peer().gone().await;
    }
}
