//! A connection taken over: after the answer's head both sides send bytes of a container's streams.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};

const MULTIPLEXED: &str = "application/vnd.docker.multiplexed-stream";

/// Both directions of a hijacked connection, to be used by different tasks.
pub struct Hijacked {
    /// What the container writes.
    pub reader: HijackReader,
    /// What the container reads; shutting it down is the end of its input.
    pub writer: HijackWriter,
    /// What the engine says the bytes are, if it says so (since API 1.42): frames for [`crate::Demultiplexer`], or not.
    pub multiplexed: Option<bool>,
}

/// What the container writes.
pub struct HijackReader(ReadHalf<TokioIo<Upgraded>>);

/// What the container reads.
pub struct HijackWriter(WriteHalf<TokioIo<Upgraded>>);

impl Hijacked {
    pub(crate) fn new(upgraded: Upgraded, content_type: &str) -> Self {
        let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
        Self {
            reader: HijackReader(reader),
            writer: HijackWriter(writer),
            multiplexed: (!content_type.is_empty()).then(|| content_type == MULTIPLEXED),
        }
    }
}

impl AsyncRead for HijackReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for HijackWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
