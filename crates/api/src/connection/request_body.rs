//! A request's body that is read away when its handler does not want it (any more), so that a client who is still sending,
//! and reads no answer before it has sent all, gets to read why it was refused.
//!
//! The answer goes out at once: a client that does look up from its sending (Go's, curl) need not send the rest.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::Request;
use http::header::EXPECT;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::hijack::Turn;

/// How long an unwanted body is read away. By time, not by size: reading costs next to nothing, the largest image comes
/// over a local socket in less, and a client that never ends is cut off.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body of a request. Dropped before its end, what is left of it is read away in the background.
struct RequestBody {
    /// Gone when it has ended or failed.
    incoming: Option<Incoming>,
    /// Until then.
    turn: Option<Arc<Turn>>,
    /// The client asked whether to send it at all, and has not been told yet.
    awaited: bool,
    runtime: Handle,
    closing: CancellationToken,
}

/// The request as handlers get it. `closing` is ready when the daemon shuts down. To be called within the runtime.
pub(super) fn with_body(
    request: Request<Incoming>,
    closing: &CancellationToken,
    turn: &Arc<Turn>,
) -> Request<Body> {
    let awaited = request.headers().contains_key(EXPECT);
    request.map(|incoming| {
        if incoming.is_end_stream() {
            return Body::empty();
        }
        Body::new(RequestBody {
            incoming: Some(incoming),
            turn: Some(turn.clone()),
            awaited,
            runtime: Handle::current(),
            closing: closing.clone(),
        })
    })
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.awaited = false;
        let Some(incoming) = self.incoming.as_mut() else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(incoming).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            (self.incoming, self.turn) = (None, None);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // A client that waits to be told to send is told the answer instead.
        if self.is_end_stream() || self.awaited {
            return;
        }
        let Some(mut incoming) = self.incoming.take() else {
            return;
        };
        let closing = self.closing.clone();
        let turn = self.turn.take();
        self.runtime.spawn(async move {
            let _not_over = turn;
            let read_away = async { while let Some(Ok(_)) = incoming.frame().await {} };
            tokio::select! {
                () = read_away => {}
                () = tokio::time::sleep(PATIENCE) => {}
                () = closing.cancelled() => {}
            }
        });
    }
}
