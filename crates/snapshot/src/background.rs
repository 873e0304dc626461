//! One thread for what nobody waits for: removing files, and making directories that will be needed.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

/// Niceness of the thread: containers that start at the same moment come first.
const NICE: i32 = 5;

/// Something to do.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The thread. Dropped, it finishes the job it is at; jobs must be such that the rest can be left undone.
pub(crate) struct Background {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closing: bool,
}

impl Background {
    pub(crate) fn start() -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let jobs = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || jobs.work())?;
        Ok(Self {
            queue,
            thread: Some(thread),
        })
    }

    /// Queues a job behind all others.
    pub(crate) fn run(&self, job: Job) {
        self.queue.lock().jobs.push_back(job);
        self.queue.changed.notify_one();
    }

    /// Queues a job before all others.
    pub(crate) fn run_next(&self, job: Job) {
        self.queue.lock().jobs.push_front(job);
        self.queue.changed.notify_one();
    }

    /// Waits until everything queued so far is done.
    pub(crate) fn settle(&self) {
        let (done, wait) = mpsc::sync_channel::<()>(1);
        self.run(Box::new(move || drop(done)));
        // Nothing is ever sent: the end of the sender is the answer.
        wait.iter().for_each(drop);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does jobs until closed.
    fn work(&self) {
        // On Linux this concerns the calling thread only.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot lower priority");
        }
        let mut state = self.lock();
        while !state.closing {
            match state.jobs.pop_front() {
                Some(job) => {
                    drop(state);
                    job();
                    state = self.lock();
                }
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.queue.lock().closing = true;
        self.queue.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("snapshot background thread panicked");
        }
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Background").finish_non_exhaustive()
    }
}
