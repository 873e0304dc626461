//! The socket as hyper sees it.
//!
//! hyper takes the end of the client's bytes for the end of the client, which is right for everything but requests that
//! may end HTTP: there it only means that no standard input will follow. While such a request is being handled, the end
//! is kept from hyper.
//!
//! The first line of a request is mended on its way, see [`RequestLine`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Socket;
use super::hijack::Link;
use super::request_line::RequestLine;

/// A socket whose end of input can be held back.
pub(super) struct Transport {
    stream: Socket,
    link: Link,
    input_ended: bool,
    line: RequestLine,
    /// Requests that were over when `line` began.
    turns: usize,
    /// Mended bytes for which there was no room.
    left: Bytes,
}

impl Transport {
    pub(super) fn new(stream: Socket, link: Link) -> Self {
        Self {
            stream,
            link,
            input_ended: false,
            line: RequestLine::new(),
            turns: 0,
            left: Bytes::new(),
        }
    }

    /// The socket, what was read from it and not passed on, and whether its input has ended.
    pub(super) fn into_stream(self) -> (Socket, Bytes, bool) {
        (self.stream, self.left, self.input_ended)
    }

    /// Mends what was read into `buffer` behind its first `before` bytes.
    fn mend(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let turns = self.link.turns();
        if self.turns != turns {
            self.turns = turns;
            self.line = RequestLine::new();
        }
        if let Some(mended) = self.line.mend(&buffer.filled()[before..]) {
            buffer.set_filled(before);
            self.left = mended.into();
            self.pass_on(buffer);
        }
    }

    fn pass_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let fits = buffer.remaining().min(self.left.len());
        buffer.put_slice(&self.left[..fits]);
        self.left.advance(fits);
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.left.is_empty() {
            self.pass_on(buffer);
            return Poll::Ready(Ok(()));
        }
        if !self.input_ended {
            let before = buffer.filled().len();
            let room = buffer.remaining() > 0;
            match Pin::new(&mut self.stream).poll_read(context, buffer) {
                Poll::Ready(Ok(())) if room && buffer.filled().len() == before => self.input_ended = true,
                Poll::Ready(Ok(())) => {
                    self.mend(buffer, before);
                    return Poll::Ready(Ok(()));
                }
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
