//! The writing thread: groups queued batches into one transaction and one sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::batch::Change;
use crate::database::DatabaseFile;
use crate::unwritten::Unwritten;
use crate::{Batch, Durability, Error, Result};

/// Longest time an eventual batch stays in memory only.
const EVENTUAL_DELAY: Duration = Duration::from_secs(1);

/// How long eventual batches that found no space wait for it before they are tried again.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Handle to the writing thread; dropping it writes what is queued and ends the thread.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Work>>,
    /// Eventual batches queued and not yet written.
    eventual: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// One queued batch and who waits for it; eventual ones nobody waits for.
struct Work {
    batch: Batch,
    waiter: Option<SyncSender<Result<()>>>,
}

impl Writer {
    pub(crate) fn start(file: Arc<DatabaseFile>) -> Result<Self> {
        let (queue, works) = mpsc::channel();
        let eventual = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&eventual);
        let thread = thread::Builder::new()
            .name("metadata".to_owned())
            .spawn(move || run(&works, &file, &counter))?;
        Ok(Self {
            queue: Some(queue),
            eventual,
            thread: Some(thread),
        })
    }

    pub(crate) fn commit(&self, batch: Batch, durability: Durability) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        match durability {
            Durability::Durable => self.commit_and_wait(batch),
            Durability::Eventual => {
                self.eventual.fetch_add(1, Ordering::AcqRel);
                self.send(Work { batch, waiter: None })
            }
        }
    }

    /// Writes eventual batches out now, if there are any, so that a reader sees them.
    pub(crate) fn flush_eventual(&self) -> Result<()> {
        if self.eventual.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        match self.commit_and_wait(Batch::new()) {
            // A full disk must not keep anyone from reading; eventual batches wait for space.
            Ok(()) | Err(Error::NoSpace) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn commit_and_wait(&self, batch: Batch) -> Result<()> {
        let (waiter, answer) = mpsc::sync_channel(1);
        self.send(Work {
            batch,
            waiter: Some(waiter),
        })?;
        answer.recv().map_err(|_| Error::Closed)?
    }

    fn send(&self, work: Work) -> Result<()> {
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        queue.send(work).map_err(|_| Error::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("metadata writer panicked");
        }
    }
}

/// Takes works off the queue until all senders are gone.
fn run(works: &Receiver<Work>, file: &DatabaseFile, eventual: &AtomicUsize) {
    let mut pending: Vec<Work> = Vec::new();
    // When the oldest pending work, all eventual, has to be written.
    let mut deadline: Option<Instant> = None;
    let mut unwritten = Unwritten::default();
    loop {
        let next = match deadline {
            None => works.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => works.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        let ended = matches!(next, Err(RecvTimeoutError::Disconnected));
        let late = matches!(next, Err(RecvTimeoutError::Timeout));
        pending.extend(next);
        pending.extend(works.try_iter());
        if ended || late || pending.iter().any(|work| work.waiter.is_some()) {
            deadline = None;
            write(std::mem::take(&mut pending), file, eventual, &mut unwritten);
            if !unwritten.is_empty() {
                deadline = Some(Instant::now() + RETRY_DELAY);
            }
        } else if deadline.is_none() {
            deadline = Some(Instant::now() + EVENTUAL_DELAY);
        }
        if ended {
            if !unwritten.is_empty() {
                tracing::warn!(records = unwritten.len(), "no space for eventual metadata: lost");
            }
            return;
        }
    }
}

/// Writes all works, and what is left over of earlier ones, with one sync; if that fails, each by itself, so that no caller
/// fails for another's batch.
fn write(works: Vec<Work>, file: &DatabaseFile, eventual: &AtomicUsize, unwritten: &mut Unwritten) {
    let without_waiter = works.iter().filter(|work| work.waiter.is_none()).count();
    let together = works.len() + usize::from(!unwritten.is_empty());
    let new = works.iter().flat_map(|work| &work.batch.changes);
    let result = apply(file, unwritten.changes().chain(new));
    if result.is_ok() {
        unwritten.clear();
    }
    for work in works {
        let result = match &result {
            Err(_) if together > 1 => apply(file, work.batch.changes.iter()),
            all => all.clone(),
        };
        if result.is_ok() {
            unwritten.supersede(&work.batch.changes);
        }
        answer(work, result, unwritten);
    }
    // Only now: whoever reads zero must find the batches written.
    eventual.fetch_sub(without_waiter, Ordering::AcqRel);
}

fn apply<'a>(file: &DatabaseFile, changes: impl Iterator<Item = &'a Change>) -> Result<()> {
    let changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        return Ok(());
    }
    file.apply(&changes)
}

fn answer(work: Work, result: Result<()>, unwritten: &mut Unwritten) {
    match (work.waiter, result) {
        // A waiter that is gone does not matter: the batch is written all the same.
        (Some(waiter), result) => drop(waiter.send(result)),
        (None, Err(Error::NoSpace)) => {
            if unwritten.is_empty() {
                tracing::warn!("no space for eventual metadata: it is kept and tried again");
            }
            unwritten.keep(work.batch.changes);
        }
        (None, Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "eventual metadata batch lost"
            );
        }
        (None, Ok(())) => {}
    }
}
