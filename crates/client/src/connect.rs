//! Opens one HTTP connection to an engine.

use std::io;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::body::Body;
use crate::{Address, Error, Tls};

/// Bytes on their way over a unix socket; the kernel allows no more than twice `net.core.wmem_max`.
const SEND_BUFFER: usize = 1 << 20;

/// The sending side of a connection.
pub(crate) type Sender = SendRequest<Body>;

/// Both directions of a connection, whatever carries it.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Connects and leaves the connection to a task of its own, which ends with it.
pub(crate) async fn open(address: &Address, tls: Option<&Tls>) -> Result<Sender, Error> {
    let (sender, connection) = http1::handshake(TokioIo::new(dial(address, tls).await?)).await?;
    tokio::spawn(async move {
        // An error of the connection is also the error of the request that waits on it: nothing is lost here.
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}

/// Connects, over TLS only where an address is TCP.
pub(crate) async fn dial(address: &Address, tls: Option<&Tls>) -> Result<Box<dyn Duplex>, Error> {
    match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)
                .await
                .map_err(|source| refused(address, source))?;
            // A hint: with less, sender and receiver of an archive take turns instead of working at the same time.
            let _less = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER);
            Ok(Box::new(stream))
        }
        Address::Tcp(authority) => {
            let stream = TcpStream::connect(authority)
                .await
                .map_err(|source| refused(address, source))?;
            // Requests and keystrokes are small: waiting for more to send would only delay them.
            stream.set_nodelay(true)?;
            match tls {
                Some(tls) => Ok(Box::new(tls.connect(authority, stream).await?)),
                None => Ok(Box::new(stream)),
            }
        }
        Address::Ssh(ssh) => match ssh.dial() {
            Ok(stream) => Ok(Box::new(stream)),
            Err(cause) => Err(Error::Address(format!(
                "error during connect: exec: \"ssh\": {cause}"
            ))),
        },
    }
}

fn refused(address: &Address, source: io::Error) -> Error {
    let address = address.clone();
    if source.kind() == io::ErrorKind::PermissionDenied {
        Error::Permission { address, source }
    } else {
        Error::Connect { address, source }
    }
}
