//! Accepts connections and sees them off at shutdown.

use std::future::Future;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Tls;
use crate::accept_failures::AcceptFailures;
use crate::connection::{self, IdleConnections, Socket};

/// How long requests under way may take to finish after shutdown began.
pub const GRACE: Duration = Duration::from_secs(3);

/// Tells how many bytes written to a unix socket its peer has not taken yet.
pub type Untaken = fn(BorrowedFd<'_>) -> io::Result<usize>;

/// Where clients come from.
pub enum Listener {
    /// This machine; what a client has not taken yet is asked of the function.
    Unix(UnixListener, Untaken),
    /// Anywhere, protected by TLS or not.
    Tcp(TcpListener, Option<Tls>),
}

impl Listener {
    /// The next client, to be served by the future.
    async fn accept(&self) -> io::Result<Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>> {
        match self {
            Self::Unix(listener, untaken) => {
                let (stream, _) = listener.accept().await?;
                Ok(Box::pin(std::future::ready(Ok(Socket::Unix(stream, *untaken)))))
            }
            Self::Tcp(listener, tls) => {
                let (stream, _) = listener.accept().await?;
                Ok(Box::pin(Socket::tcp(stream, tls.clone())))
            }
        }
    }
}

/// Serves `router` to whoever connects to `listener`, until `shutdown` is ready. Of connections that do nothing, `idle` says how many
/// there are at most.
///
/// Then no connection is accepted any more, idle ones are closed, endless answers (events, followed logs, waiting) and
/// hijacked streams are cut, and other requests have [`GRACE`] to finish.
pub async fn serve(
    listener: Listener,
    router: Router,
    idle: IdleConnections,
    shutdown: impl Future<Output = ()>,
) {
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut failures = AcceptFailures::default();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok(client) => {
                    let (router, closing, idle) = (router.clone(), closing.clone(), idle.clone());
                    connections.spawn(async move {
                        // Not before its first request can be read: who comes with one is not idle.
                        let place = idle.place();
                        let served = async {
                            match client.await {
                                Ok(socket) => connection::run(socket, router, closing, place.clone()).await,
                                // In the words of Go's server, which people search logs for.
                                Err(cause) => tracing::info!("http: TLS handshake error: {cause}"),
                            }
                        };
                        tokio::select! {
                            // Looked at first, so that no request is begun any more.
                            biased;
                            () = place.displaced() => tracing::debug!("closed an idle connection to make room"),
                            () = served => {}
                        }
                    });
                    // So that whoever comes is seen to before the next is let in.
                    tokio::task::yield_now().await;
                }
                Err(cause) => failures.pause(&cause).await,
            },
            // Reaps, so that ended connections do not pile up.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    closing.cancel();
    let finished = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(
            cut = connections.len(),
            "requests did not finish in time for the shutdown"
        );
        connections.shutdown().await;
    }
}
