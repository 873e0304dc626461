//! Takes a connection over from HTTP: the client's bytes become standard input, output becomes the client's bytes.
//!
//! The answer is written by hand, the way dockerd does it: `101 UPGRADED` to clients that asked for an upgrade, `200 OK`
//! without length to those (older ones) that did not, and in both cases nothing of HTTP after the empty line.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes};
use corten_types::ErrorKind;
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::idle::{Busy, Place};
use super::peer::Peer;
use super::service::SERVER_HEADERS;
use super::stdcopy;
use super::{DetachKeys, Socket, WebSocket};
use crate::backend::Attached;
use crate::{ApiError, ApiResult};

/// Input is moved in pieces of at most this size.
const INPUT_BUFFER: usize = 16 * 1024;
/// How long a client may take to close its half after the output ended.
const LINGER: Duration = Duration::from_secs(1);

/// Ties a connection to the handler of the request it is on.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

struct Shared {
    hijackable: AtomicBool,
    turns: AtomicUsize,
    /// Whoever wants to read on once the request is answered.
    held_back: Mutex<Option<Waker>>,
    hijack: Mutex<Option<Hijack>>,
    closing: CancellationToken,
    peer: Option<Peer>,
    place: Arc<Place>,
}

/// Held while a request is being answered, and while its body has not been read to its end: when nobody holds it any more, what
/// the client sends next is another request.
pub(super) struct Turn {
    link: Link,
    _busy: Busy,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.link.0.turns.fetch_add(1, Ordering::Relaxed);
    }
}

impl Link {
    pub(super) fn new(closing: CancellationToken, peer: Option<Peer>, place: Arc<Place>) -> Self {
        Self(Arc::new(Shared {
            hijackable: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
            held_back: Mutex::new(None),
            hijack: Mutex::new(None),
            closing,
            peer,
            place,
        }))
    }

    /// Says whether the request being handled may end HTTP.
    pub(super) fn set_hijackable(&self, hijackable: bool) {
        self.0.hijackable.store(hijackable, Ordering::Relaxed);
        if !hijackable && let Some(waker) = locked(&self.0.held_back).take() {
            waker.wake();
        }
    }

    /// A turn for the request that begins now; `None` when the connection is about to be closed.
    pub(super) fn turn(&self) -> Option<Arc<Turn>> {
        let link = self.clone();
        self.busy().map(|busy| Arc::new(Turn { link, _busy: busy }))
    }

    /// Keeps the connection from counting as idle; `None` when it is about to be closed.
    pub(super) fn busy(&self) -> Option<Busy> {
        self.0.place.busy()
    }

    /// Requests that are over.
    pub(super) fn turns(&self) -> usize {
        self.0.turns.load(Ordering::Relaxed)
    }

    /// Ready unless the request being handled may end HTTP.
    pub(super) fn poll_not_hijackable(&self, context: &mut Context<'_>) -> Poll<()> {
        // One task does it all, so the answer cannot change between the two steps.
        if !self.0.hijackable.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        *locked(&self.0.held_back) = Some(context.waker().clone());
        Poll::Pending
    }

    pub(super) fn take(&self) -> Option<Hijack> {
        self.0
            .hijack
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Ends HTTP on this connection. Never returns: the connection drops the handler.
    pub(crate) async fn take_over<T>(&self, hijack: Hijack) -> T {
        *locked(&self.0.hijack) = Some(hijack);
        pending().await
    }

    /// Does work for the client as long as it is there.
    pub(crate) async fn while_there<T>(&self, work: impl Future<Output = ApiResult<T>>) -> ApiResult<T> {
        let Some(peer) = &self.0.peer else {
            return work.await;
        };
        tokio::select! {
            done = work => done,
            () = peer.gone() => Err(ApiError::new(ErrorKind::System, "the client has gone")),
        }
    }

    /// Ready when the daemon shuts down.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a handler wants the connection to become.
pub(crate) struct Hijack {
    /// The process at the other end.
    pub(crate) attached: Attached,
    /// Parsed [`Attached::detach_keys`].
    pub(crate) detach_keys: DetachKeys,
    /// What is agreed on.
    pub(crate) answered: Answered,
}

/// How a request that ends HTTP is answered.
pub(crate) enum Answered {
    /// The bare stream follows.
    Stream {
        /// The client asked for `Upgrade: tcp`.
        upgrade: bool,
        /// The client loses output that arrives together with the answer's head: it needs a moment to read that.
        reads_ahead: bool,
        /// `Content-Type` of the answer.
        content_type: &'static str,
    },
    /// A websocket follows.
    WebSocket(WebSocket),
}

impl Hijack {
    /// Answers the request and moves bytes both ways until the output ends, the client goes or detaches, or `closing`.
    ///
    /// `early` is what the client sent behind its request; `input_ended` that nothing will follow it.
    pub(super) async fn run(
        self,
        mut stream: Socket,
        early: Bytes,
        input_ended: bool,
        closing: &CancellationToken,
    ) {
        let Self {
            attached,
            detach_keys,
            answered,
        } = self;
        let (upgrade, reads_ahead, content_type) = match answered {
            Answered::Stream {
                upgrade,
                reads_ahead,
                content_type,
            } => (upgrade, reads_ahead, content_type),
            Answered::WebSocket(socket) => {
                return socket.run(stream, early, attached, detach_keys, closing).await;
            }
        };
        let Attached {
            tty, stdin, output, ..
        } = attached;
        if stream.write_all(&head(upgrade, content_type)).await.is_err() {
            return;
        }
        if reads_ahead {
            stream.taken().await;
        }
        let (read, write) = tokio::io::split(&mut stream);
        let keys = tty.then_some(detach_keys);
        let outcome = tokio::select! {
            done = send_output(write, output, tty) => done,
            done = send_input(read, early, input_ended, stdin, keys) => done,
            () = closing.cancelled() => Ok(()),
        };
        if outcome.is_ok() {
            linger(stream).await;
        }
    }
}

fn head(upgrade: bool, content_type: &str) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(if upgrade {
        b"HTTP/1.1 101 UPGRADED\r\n"
    } else {
        b"HTTP/1.1 200 OK\r\n"
    });
    head.extend_from_slice(b"Content-Type: ");
    head.extend_from_slice(content_type.as_bytes());
    head.extend_from_slice(b"\r\n");
    if upgrade {
        head.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: tcp\r\n");
    }
    for (name, _, value) in &SERVER_HEADERS {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Ready when the output has ended or the client cannot be reached any more.
async fn send_output(
    mut client: impl AsyncWrite + Unpin,
    mut output: crate::backend::OutputStream,
    tty: bool,
) -> io::Result<()> {
    while let Some(piece) = output.next().await {
        let (source, mut bytes) = piece?;
        if tty {
            client.write_all_buf(&mut bytes).await?;
        } else {
            for (header, part) in stdcopy::frames(source, bytes) {
                client
                    .write_all_buf(&mut Buf::chain(header.as_slice(), part))
                    .await?;
            }
        }
    }
    Ok(())
}

/// Ready when the client detached or is gone for certain; never when it merely closed its half.
async fn send_input(
    mut client: impl AsyncRead + Unpin,
    mut early: Bytes,
    input_ended: bool,
    stdin: Option<std::pin::Pin<Box<dyn AsyncWrite + Send>>>,
    mut keys: Option<DetachKeys>,
) -> io::Result<()> {
    let mut stdin = stdin;
    let mut buffer = Vec::new();
    let mut passed = Vec::new();
    loop {
        let piece = if !early.is_empty() {
            buffer.clear();
            buffer.extend_from_slice(&early);
            early.clear();
            buffer.len()
        } else if input_ended {
            0
        } else {
            buffer.resize(INPUT_BUFFER, 0);
            client.read(&mut buffer).await?
        };
        if piece == 0 {
            if let Some(mut stdin) = stdin.take() {
                // A process that closed its standard input by itself is no concern of the client's.
                let _ = stdin.shutdown().await;
            }
            return pending().await;
        }
        let Some(target) = &mut stdin else { continue };
        let bytes = match &mut keys {
            None => &buffer[..piece],
            Some(keys) => {
                passed.clear();
                let detached = keys.pass(&buffer[..piece], &mut passed);
                if detached {
                    // What was typed before the keys still counts.
                    let _ = target.write_all(&passed).await;
                    return Ok(());
                }
                &passed
            }
        };
        let written = match target.write_all(bytes).await {
            Ok(()) => target.flush().await,
            failed => failed,
        };
        if written.is_err() {
            // Nobody reads it any more. The client's input is still read, and dropped, so that it does not stall.
            stdin = None;
        }
    }
}

/// Closes without losing output: a socket closed over unread input resets its peer, so what the client still sends is
/// read away until it has closed its half, too.
async fn linger(mut stream: Socket) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut scrap = vec![0; 4096];
    let _ = timeout(LINGER, async {
        while stream.read(&mut scrap).await.is_ok_and(|n| n > 0) {}
    })
    .await;
}
