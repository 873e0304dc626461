//! Drives hyper on a connection until the client leaves, the daemon shuts down or a handler takes the connection over.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::Socket;
use super::hijack::Link;
use super::service::ConnectionService;
use super::transport::Transport;

/// How driving hyper ended.
enum Outcome {
    Ended(hyper::Result<()>),
    Hijacked(super::Hijack),
}

/// Serves one connection to its end.
pub(crate) async fn run(stream: Socket, router: Router, closing: CancellationToken) {
    let link = Link::new(closing.clone());
    let transport = TokioIo::new(Transport::new(stream, link.clone()));
    let service = ConnectionService::new(router, link.clone());
    let mut http = http1::Builder::new()
        // Go writes names that way, and there are clients that compare them letter by letter.
        .title_case_headers(true)
        .serve_connection(transport, service);
    let mut asked_to_close = std::pin::pin!(closing.cancelled());
    let mut close_asked = false;
    let outcome = poll_fn(|context| {
        if !close_asked && asked_to_close.as_mut().poll(context).is_ready() {
            close_asked = true;
            Pin::new(&mut http).graceful_shutdown();
        }
        let polled = http.poll_without_shutdown(context);
        // A handler that takes over never answers, so hyper is still waiting for it; whatever it has read beyond the
        // request comes back with `into_parts`.
        match (link.take(), polled) {
            (Some(hijack), _) => Poll::Ready(Outcome::Hijacked(hijack)),
            (None, Poll::Ready(ended)) => Poll::Ready(Outcome::Ended(ended)),
            (None, Poll::Pending) => Poll::Pending,
        }
    })
    .await;
    match outcome {
        Outcome::Hijacked(hijack) => {
            let parts = http.into_parts();
            let (stream, input_ended) = parts.io.into_inner().into_stream();
            hijack.run(stream, parts.read_buf, input_ended, &closing).await;
        }
        Outcome::Ended(Ok(())) => {}
        // A client that left in the middle of an answer is everyday life.
        Outcome::Ended(Err(cause)) => tracing::debug!(%cause, "connection ended early"),
    }
}
