//! The process of `ssh`: what it complains of, and how it ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long it may take to end once its output has.
const END_DEADLINE: Duration = Duration::from_secs(10);
/// How long its last words may take to arrive after its end: a connection that it shares with later ones may keep them open.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Bytes kept of what it complains of: the newest.
const KEPT: usize = 4096;

/// A running `ssh`, killed when dropped.
#[derive(Debug)]
pub(crate) struct SshProcess {
    /// As messages name it.
    command: String,
    child: Child,
    complaints: Arc<Mutex<Vec<u8>>>,
    listening: JoinHandle<()>,
}

impl SshProcess {
    /// Begins to listen to what it complains of.
    pub(crate) fn new(command: String, child: Child, mut complaints: ChildStderr) -> Self {
        let kept = Arc::<Mutex<Vec<u8>>>::default();
        let keep = kept.clone();
        let listening = tokio::spawn(async move {
            let mut piece = [0; KEPT];
            while let Ok(count @ 1..) = complaints.read(&mut piece).await {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&piece[..count]);
                let old = kept.len().saturating_sub(KEPT);
                kept.drain(..old);
            }
        });
        Self {
            command,
            child,
            complaints: kept,
            listening,
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// In Docker's words, when it failed or does not end.
    pub(crate) async fn end(mut self) -> io::Result<()> {
        let Ok(ended) = timeout(END_DEADLINE, self.child.wait()).await else {
            let after = END_DEADLINE.as_secs();
            let said = self.said().await;
            return Err(io::Error::other(format!(
                "{} did not exit after {after}s: stderr={said:?}",
                self.command
            )));
        };
        let status = ended?;
        if status.success() {
            return Ok(());
        }
        let said = self.said().await;
        Err(io::Error::other(format!(
            "{} has exited with {}, make sure the URL is valid, and Docker 18.09 or later is installed on the remote host: \
             stderr={said}",
            self.command,
            in_words(status)
        )))
    }

    async fn said(&mut self) -> String {
        // Late or not: what has come is told.
        let _all = timeout(LAST_WORDS, &mut self.listening).await;
        let kept = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Drop for SshProcess {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// An end as Go names it.
fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal: {}", signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::process::Command;

    use super::*;

    async fn ended(script: &str) -> String {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let complaints = child.stderr.take().unwrap();
        let process = SshProcess::new("command [ssh]".to_owned(), child, complaints);
        process
            .end()
            .await
            .map_or_else(|error| error.to_string(), |()| "well".to_owned())
    }

    #[tokio::test]
    async fn a_failure_is_told_with_the_last_it_said() {
        assert_eq!(ended("echo warned >&2").await, "well");
        let hint = "make sure the URL is valid, and Docker 18.09 or later is installed on the remote host";
        assert_eq!(
            ended("echo no such host >&2; exit 255").await,
            format!("command [ssh] has exited with exit status 255, {hint}: stderr=no such host\n")
        );
        let much = ended("yes | head -c 100000 >&2; echo last >&2; exit 1").await;
        assert!(much.len() < 2 * KEPT && much.ends_with("y\nlast\n"), "{much}");
        assert_eq!(
            ended("kill -9 $$").await,
            format!("command [ssh] has exited with signal: 9, {hint}: stderr=")
        );
    }

    #[tokio::test]
    async fn a_master_left_behind_that_holds_on_to_its_words_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let script = format!("mkfifo {0}; cat {0} & echo no >&2; exit 2", fifo.display());
        let said = ended(&script).await;
        assert!(said.ends_with("stderr=no\n"), "{said}");
        // Lets it end.
        std::fs::File::options().write(true).open(&fifo).unwrap();
    }
}
