//! Ending work on an archive that nobody waits for any more.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether to go on. Clones speak of the same work.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    cancelled: Arc<AtomicBool>,
    /// The work this is a part of.
    whole: Option<Arc<Cancel>>,
}

impl Cancel {
    /// Work that goes on until [`Cancel::cancel`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of the work, which ends with it or earlier.
    pub fn part(&self) -> Self {
        Self {
            cancelled: Arc::default(),
            whole: Some(Arc::new(self.clone())),
        }
    }

    /// Asks to end: reading fails from now on.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Cancels when it is dropped, be it because nobody waits any more: for who holds it while waiting.
    pub fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    /// Whether to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
            || self.whole.as_ref().is_some_and(|whole| whole.is_cancelled())
    }

    /// Goes on, or fails.
    ///
    /// # Errors
    /// Once it is cancelled.
    pub fn check(&self) -> io::Result<()> {
        if self.is_cancelled() {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "nobody waits for it any more",
            ));
        }
        Ok(())
    }

    /// The bytes of `inner`, as long as the work goes on.
    pub fn reading<R: Read>(&self, inner: R) -> CancellableReader<R> {
        CancellableReader {
            inner,
            cancel: self.clone(),
        }
    }
}

/// See [`Cancel::on_drop`].
#[derive(Debug)]
pub struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Reads until the work is cancelled; see [`Cancel::reading`].
#[derive(Debug)]
pub struct CancellableReader<R> {
    inner: R,
    cancel: Cancel,
}

impl<R: Read> Read for CancellableReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancel.check()?;
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_with_the_whole_and_not_the_other_way_round() {
        let whole = Cancel::new();
        let (one, other) = (whole.part(), whole.part());
        let mut buffer = [0; 2];
        let mut reader = other.reading(&b"abcd"[..]);
        one.cancel();
        assert!(one.check().is_err() && whole.check().is_ok());
        assert_eq!(reader.read(&mut buffer).unwrap(), 2);
        whole.cancel();
        assert!(reader.read(&mut buffer).is_err());
    }
}
