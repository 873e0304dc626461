//! A client's socket of any kind. One type, so that there is one copy of the HTTP code for all of them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::server::TlsStream;

use crate::Tls;
use crate::serve::Untaken;

/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What dockerd takes to start a process after its answer, and clients that read ahead have come to rely on.
const HEAD_START: Duration = Duration::from_millis(50);
/// How long a client is waited for that takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what a client has not taken yet.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// First byte of every TLS connection (a handshake record).
const TLS_HANDSHAKE: u8 = 0x16;
/// What Go's server says to clients that do not speak TLS; clients recognise it.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// A client's socket.
pub(crate) enum Socket {
    /// On this machine.
    Unix(UnixStream, Untaken),
    /// Unprotected.
    Tcp(TcpStream),
    /// Protected.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// The socket of a TCP client, once TLS, if wanted, is agreed upon.
    pub(crate) async fn tcp(mut stream: TcpStream, tls: Option<Tls>) -> io::Result<Self> {
        // Answers and keystrokes are small: waiting for more to send would only delay them.
        stream.set_nodelay(true)?;
        let Some(Tls(acceptor)) = tls else {
            return Ok(Self::Tcp(stream));
        };
        let agreed = timeout(HANDSHAKE, async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
                stream.write_all(NOT_TLS).await?;
                stream.shutdown().await?;
                return Err(io::Error::other("the client does not speak TLS"));
            }
            acceptor.accept(stream).await
        });
        match agreed.await {
            Ok(agreed) => Ok(Self::Tls(Box::new(agreed?))),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Waits until the client has taken all that was written to it. Where that cannot be known, for as long as dockerd takes
    /// to start a process.
    pub(crate) async fn taken(&self) {
        let Self::Unix(stream, untaken) = self else {
            return sleep(HEAD_START).await;
        };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && untaken(stream.as_fd()).is_ok_and(|count| count > 0) {
            // The kernel tells nobody when a queue is empty.
            sleep(LOOK_AGAIN).await;
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream, _) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
            Self::Tls(stream) => stream.get_ref().0.as_fd(),
        }
    }
}

/// Does the same to whichever socket it is.
macro_rules! each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Unix($stream, _) => $call,
            Self::Tcp($stream) => $call,
            Self::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Unix(stream, _) => stream.is_write_vectored(),
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(context))
    }
}
