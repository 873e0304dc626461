//! Accepts connections and sees them off at shutdown.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection;

/// How long requests under way may take to finish after shutdown began.
pub const GRACE: Duration = Duration::from_secs(3);

/// Pause after a failed accept, which is for want of file descriptors or memory: without it the loop would spin until
/// some are given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` to whoever connects to `listener`, until `shutdown` is ready.
///
/// Then no connection is accepted any more, idle ones are closed, endless answers (events, followed logs, waiting) and
/// hijacked streams are cut, and other requests have [`GRACE`] to finish.
pub async fn serve(listener: UnixListener, router: Router, shutdown: impl Future<Output = ()>) {
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::run(stream, router.clone(), closing.clone()));
                }
                Err(cause) => {
                    tracing::warn!(%cause, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
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
