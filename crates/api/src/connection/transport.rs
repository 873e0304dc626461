//! The socket as hyper sees it.
//!
//! hyper takes the end of the client's bytes for the end of the client, which is right for everything but requests that
//! may end HTTP: there it only means that no standard input will follow. While such a request is being handled, the end
//! is kept from hyper.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Socket;
use super::hijack::Link;

/// A socket whose end of input can be held back.
pub(super) struct Transport {
    stream: Socket,
    link: Link,
    input_ended: bool,
}

impl Transport {
    pub(super) fn new(stream: Socket, link: Link) -> Self {
        Self {
            stream,
            link,
            input_ended: false,
        }
    }

    /// The socket, and whether its input has ended.
    pub(super) fn into_stream(self) -> (Socket, bool) {
        (self.stream, self.input_ended)
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.input_ended {
            let before = buffer.filled().len();
            let room = buffer.remaining() > 0;
            match Pin::new(&mut self.stream).poll_read(context, buffer) {
                Poll::Ready(Ok(())) if room && buffer.filled().len() == before => self.input_ended = true,
                other => return other,
            }
        }
        self.link.poll_not_hijackable(context).map(Ok)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
