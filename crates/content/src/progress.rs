//! How far a blob has been written, for those who read it meanwhile.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Shared by a [`crate::Writer`] and its [`crate::Follower`]s.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

/// What is known of the blob.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct State {
    /// Bytes in the file.
    pub(crate) written: u64,
    /// Whether there will be no more.
    pub(crate) end: Option<End>,
}

/// How writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The blob is whole.
    Whole,
    /// It never will be.
    GivenUp,
}

impl Progress {
    /// Of a blob of this many bytes that is whole.
    pub(crate) fn whole(size: u64) -> Self {
        let progress = Self::default();
        progress.advance(size);
        progress.end(End::Whole);
        progress
    }

    pub(crate) fn advance(&self, written: u64) {
        self.state().written = written;
        self.changed.notify_all();
    }

    /// The first end told is the one that counts.
    pub(crate) fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.changed.notify_all();
    }

    /// Waits until there are more than `seen` bytes, or no more to come.
    pub(crate) fn beyond(&self, seen: u64) -> State {
        let mut state = self.state();
        while state.written <= seen && state.end.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
