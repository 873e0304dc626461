//! Work that waits for a client: each has a thread of its own.
//!
//! A client may stop reading or sending for as long as it likes. On the runtime's threads for blocking work, of which there are only so
//! many, a few such clients would keep everybody's containers from starting. Nor does the end of the daemon wait for them.

use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Packing and unpacking go through trees without recursion.
const STACK: usize = 1 << 20;

/// Runs `work` on a thread of its own, within the runtime of the caller. It goes on to its end when nobody waits for it any more.
///
/// # Errors
/// When there can be no further thread, or the work panicked.
pub async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<T> {
    let (sender, outcome) = oneshot::channel();
    let runtime = Handle::current();
    thread::Builder::new()
        .name("transfer".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let _within = runtime.enter();
            // Whoever asked may have gone.
            let _told = sender.send(work());
        })?;
    outcome
        .await
        .map_err(|_| std::io::Error::other("a thread ended before its work was done"))
}
