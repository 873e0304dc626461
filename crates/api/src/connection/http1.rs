//! Drives hyper on a connection until the client leaves, the daemon shuts down or a handler takes the connection over.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::hijack::Link;
use super::peer::PeerSocket;
use super::service::ConnectionService;
use super::transport::Transport;
use super::{Place, Socket};

/// How long a client may take for the head of a request, dockerd's: one that sends a byte now and then must not hold on to
/// its connection for ever. An idle connection is closed after the same time.
const HEAD_DEADLINE: Duration = Duration::from_secs(300);

/// How driving hyper ended.
enum Outcome {
    Ended(hyper::Result<()>),
    Hijacked(super::Hijack),
}

/// Serves one connection to its end.
pub(crate) async fn run(stream: Socket, router: Router, closing: CancellationToken, place: Arc<Place>) {
    run_with(stream, router, closing, place, HEAD_DEADLINE).await;
}

async fn run_with(
    stream: Socket,
    router: Router,
    closing: CancellationToken,
    place: Arc<Place>,
    head_deadline: Duration,
) {
    let watched = PeerSocket::of(&stream)
        .inspect_err(|error| tracing::warn!(%error, "cannot watch a client"))
        .ok();
    let peer = watched.as_ref().map(PeerSocket::peer);
    let link = Link::new(closing.clone(), peer.clone(), place);
    let transport = TokioIo::new(Transport::new(stream, link.clone()));
    let service = ConnectionService::new(router, link.clone());
    let mut http = http1::Builder::new()
        // Go writes names that way, and there are clients that compare them letter by letter.
        .title_case_headers(true)
        // A client that has said all it has to say may still wait for the answer (`docker system dial-stdio`).
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(head_deadline)
        .serve_connection(transport, service);
    // So it takes the other end's going to tell that nobody waits for an answer that has nothing to say.
    let mut gone = std::pin::pin!(async {
        match peer {
            Some(peer) => peer.gone().await,
            None => std::future::pending().await,
        }
    });
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
            (None, Poll::Pending) => gone.as_mut().poll(context).map(|()| Outcome::Ended(Ok(()))),
        }
    })
    .await;
    drop(watched);
    match outcome {
        Outcome::Hijacked(hijack) => {
            let _busy = link.busy();
            let parts = http.into_parts();
            let (stream, left, input_ended) = parts.io.into_inner().into_stream();
            let early = match left.is_empty() {
                true => parts.read_buf,
                false => [parts.read_buf, left].concat().into(),
            };
            hijack.run(stream, early, input_ended, &closing).await;
        }
        Outcome::Ended(Ok(())) => {}
        // A client that left in the middle of an answer is everyday life.
        Outcome::Ended(Err(cause)) => tracing::debug!(%cause, "connection ended early"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::super::IdleConnections;
    use super::*;

    #[tokio::test]
    async fn a_client_that_has_said_all_is_answered_and_one_that_has_gone_is_not_waited_for() {
        let slow = axum::routing::get(|| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            "late"
        });
        let never = axum::routing::get(std::future::pending::<()>);
        let router = Router::new().route("/slow", slow).route("/never", never);
        let serve = |server| {
            let socket = Socket::Unix(server, |_| Ok(0));
            let place = IdleConnections::new(9).place();
            tokio::spawn(run(socket, router.clone(), CancellationToken::new(), place))
        };
        let (mut client, server) = UnixStream::pair().unwrap();
        let served = serve(server);
        client
            .write_all(b"GET /slow HTTP/1.1\r\nHost: d\r\n\r\n")
            .await
            .unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("late"), "{answer:?}");
        served.await.unwrap();

        let (mut client, server) = UnixStream::pair().unwrap();
        let served = serve(server);
        client
            .write_all(b"GET /never HTTP/1.1\r\nHost: d\r\n\r\n")
            .await
            .unwrap();
        drop(client);
        served.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_never_finishes_the_head_of_its_request_is_let_go() {
        let (mut client, server) = UnixStream::pair().unwrap();
        let deadline = Duration::from_millis(50);
        let served = tokio::spawn(run_with(
            Socket::Unix(server, |_| Ok(0)),
            Router::new(),
            CancellationToken::new(),
            IdleConnections::new(9).place(),
            deadline,
        ));
        client.write_all(b"GET /_ping HTTP/1.1\r\nHost: ").await.unwrap();
        // It closes, whatever it says before.
        client.read_to_end(&mut Vec::new()).await.unwrap();
        served.await.unwrap();
    }
}
