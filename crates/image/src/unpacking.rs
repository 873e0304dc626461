//! Layers being unpacked, several at a time, on threads that end with it.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use corten_archive::{Cancel, Unpacked};
use corten_content::Follower;
use corten_snapshot::{LayerStage, Snapshotter};
use corten_types::Digest;

use crate::layer::unpack_blob;
use crate::{Error, Result};

/// Threads, and the layers that wait for one. Dropped, it ends what is still at work.
pub(crate) struct Unpacking {
    work: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
}

/// What threads share.
struct Work {
    snapshots: Arc<dyn Snapshotter>,
    cancel: Cancel,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    idle: usize,
    closed: bool,
}

struct Job {
    blob: Follower,
    cancel: Cancel,
    outcome: Sender<Result<UnpackedLayer>>,
}

/// A layer that is being unpacked, or waits for it. Dropped, it is given up.
pub(crate) struct Begun {
    outcome: Receiver<Result<UnpackedLayer>>,
    cancel: Cancel,
}

/// A layer's files, in no place yet.
pub(crate) struct UnpackedLayer {
    pub(crate) stage: LayerStage,
    pub(crate) unpacked: Unpacked,
    /// Digest of the uncompressed bytes; none if it is the blob's, which was not compressed.
    pub(crate) diff_id: Option<Digest>,
}

impl Unpacking {
    /// No threads yet. All work ends with `cancel`.
    pub(crate) fn new(snapshots: Arc<dyn Snapshotter>, cancel: &Cancel) -> Self {
        let work = Work {
            snapshots,
            cancel: cancel.part(),
            queue: Mutex::default(),
            changed: Condvar::new(),
        };
        Self {
            work: Arc::new(work),
            threads: Vec::new(),
        }
    }

    /// Has a layer unpacked, which may still be on its way.
    pub(crate) fn begin(&mut self, blob: Follower) -> Begun {
        let cancel = self.work.cancel.part();
        let (sender, outcome) = channel();
        let job = Job {
            blob,
            cancel: cancel.clone(),
            outcome: sender,
        };
        let short_of_threads = {
            let mut queue = self.work.queue();
            queue.jobs.push_back(job);
            queue.idle < queue.jobs.len()
        };
        self.work.changed.notify_one();
        let most = std::thread::available_parallelism().map_or(1, NonZero::get);
        if short_of_threads && self.threads.len() < most {
            let work = Arc::clone(&self.work);
            let spawned = std::thread::Builder::new()
                .name("unpack".to_owned())
                .spawn(move || work.run());
            // Without threads, whoever waits for a layer unpacks it.
            self.threads.extend(spawned);
        }
        Begun { outcome, cancel }
    }

    /// How many layers wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.work.queue().jobs.len()
    }

    /// Waits for a layer, and unpacks some meanwhile.
    pub(crate) fn finish(&self, begun: &Begun) -> Result<UnpackedLayer> {
        loop {
            if let Ok(outcome) = begun.outcome.try_recv() {
                return outcome;
            }
            let Some(job) = self.work.queue().jobs.pop_front() else {
                break;
            };
            self.work.carry_out(job);
        }
        let lost = |_| Error::Damaged("a layer was not unpacked".to_owned());
        begun.outcome.recv().map_err(lost)?
    }
}

impl Drop for Unpacking {
    fn drop(&mut self) {
        self.work.cancel.cancel();
        {
            let mut queue = self.work.queue();
            queue.closed = true;
            queue.jobs.clear();
        }
        self.work.changed.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that unpacks layers has panicked");
            }
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Work {
    fn run(&self) {
        while let Some(job) = self.next() {
            self.carry_out(job);
        }
    }

    /// The next layer, none once there will be no more.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue.idle += 1;
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn carry_out(&self, job: Job) {
        let Job {
            blob,
            cancel,
            outcome,
        } = job;
        // Whoever does not want it any more lets it vanish.
        let _unwanted = outcome.send(self.unpack(blob, &cancel));
    }

    fn unpack(&self, blob: Follower, cancel: &Cancel) -> Result<UnpackedLayer> {
        cancel.check().map_err(Error::Read)?;
        let stage = self.snapshots.begin_layer()?;
        let (diff_id, unpacked) = unpack_blob(blob, cancel, stage.dir()).map_err(Error::layer)?;
        Ok(UnpackedLayer {
            stage,
            unpacked,
            diff_id,
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
