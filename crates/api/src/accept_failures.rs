//! What to do when a client cannot be let in.

use std::io;
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Pause after a failed accept, which is for want of file descriptors or memory: without it the loop would spin until
/// some are given back.
const PAUSE: Duration = Duration::from_millis(50);

/// How often it is told at most that clients cannot be let in: a log that grows by each attempt fills the disk, too.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The failures of one loop that accepts connections.
#[derive(Debug, Default)]
pub struct AcceptFailures {
    told: Option<Instant>,
}

impl AcceptFailures {
    /// Tells of a failure in the log, unless the last one was told a moment ago, and waits before the next attempt.
    pub async fn pause(&mut self, cause: &io::Error) {
        if self.told.is_none_or(|time| time.elapsed() >= TOLD_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(%cause, "cannot accept connections");
        }
        sleep(PAUSE).await;
    }
}
