//! The thread that deletes interfaces of ended containers, so that nobody waits for it: the kernel takes a while.

use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::{io, mem};

/// A thread that does jobs one after the other. Dropping it waits for those queued, and for what the thread holds.
pub(crate) struct Reaper<J> {
    jobs: Option<Sender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J> Reaper<J> {
    /// Starts the thread, in the caller's network namespace.
    pub(crate) fn start(mut work: impl FnMut(J) + Send + 'static) -> io::Result<Self>
    where
        J: Send + 'static,
    {
        let (jobs, queue) = channel();
        let thread = Builder::new()
            .name("veth-reaper".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || queue.into_iter().for_each(&mut work))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Queues a job; gives it back once finished.
    pub(crate) fn push(&self, job: J) -> Result<(), J> {
        match &self.jobs {
            Some(jobs) => jobs.send(job).map_err(|refused| refused.0),
            None => Err(job),
        }
    }

    /// Returns when all that was queued is done; nothing more is taken.
    pub(crate) fn finish(&mut self) {
        mem::take(&mut self.jobs);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that deletes interfaces panicked");
        }
    }
}

impl<J> Drop for Reaper<J> {
    fn drop(&mut self) {
        self.finish();
    }
}
