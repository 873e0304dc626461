//! Volumes that containers in the making are about to use, so that nobody removes them before the container is there to be
//! counted among their users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Which volumes are about to be used, and which are just being removed.
#[derive(Debug, Default)]
pub(crate) struct VolumeClaims {
    now: Mutex<Now>,
    removed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    /// How many creates are about to use each volume.
    claimed: BTreeMap<String, usize>,
    /// A plugin may take its time with a removal: it keeps others from that volume alone.
    in_removal: BTreeSet<String>,
}

/// The claims of one create, given up when dropped.
#[derive(Debug)]
pub(crate) struct VolumeClaim {
    all: Arc<VolumeClaims>,
    names: Vec<String>,
}

impl VolumeClaims {
    /// Nothing claimed yet.
    pub(crate) fn begin(self: &Arc<Self>) -> VolumeClaim {
        VolumeClaim {
            all: self.clone(),
            names: Vec::new(),
        }
    }

    /// Does `removal` unless the volume is claimed; nobody can claim it meanwhile. `None` when it was claimed.
    pub(crate) fn unless_claimed<T>(&self, name: &str, removal: impl FnOnce() -> T) -> Option<T> {
        let mut now = self.when_not_in_removal(name);
        if now.claimed.contains_key(name) {
            return None;
        }
        now.in_removal.insert(name.to_owned());
        drop(now);
        let _end = Removal { all: self, name };
        Some(removal())
    }

    fn when_not_in_removal(&self, name: &str) -> MutexGuard<'_, Now> {
        let now = self.lock();
        self.removed
            .wait_while(now, |now| now.in_removal.contains(name))
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A removal that is under way, over when dropped.
struct Removal<'a> {
    all: &'a VolumeClaims,
    name: &'a str,
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        self.all.lock().in_removal.remove(self.name);
        self.all.removed.notify_all();
    }
}

impl VolumeClaim {
    /// Claims one more volume, which need not exist yet. Waits for the end of its removal.
    pub(crate) fn add(&mut self, name: &str) {
        let mut now = self.all.when_not_in_removal(name);
        *now.claimed.entry(name.to_owned()).or_default() += 1;
        self.names.push(name.to_owned());
    }
}

impl Drop for VolumeClaim {
    fn drop(&mut self) {
        let mut now = self.all.lock();
        for name in &self.names {
            if let Some(count) = now.claimed.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    now.claimed.remove(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_claim_is_free_when_the_last_has_gone() {
        let claims = Arc::new(VolumeClaims::default());
        let free = || claims.unless_claimed("v", || ()).is_some();
        let (mut one, mut other) = (claims.begin(), claims.begin());
        assert!(free());
        one.add("v");
        other.add("v");
        drop(one);
        assert!(!free());
        drop(other);
        assert!(free());
    }

    #[test]
    fn a_removal_keeps_others_from_its_volume_alone() {
        let claims = Arc::new(VolumeClaims::default());
        let (started, go) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        let removed = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                claims.unless_claimed("slow", || {
                    started.wait();
                    go.wait();
                    removed.store(true, std::sync::atomic::Ordering::SeqCst);
                })
            });
            started.wait();
            claims.begin().add("other");
            assert!(claims.unless_claimed("third", || ()).is_some());
            go.wait();
            claims.begin().add("slow");
            assert!(removed.load(std::sync::atomic::Ordering::SeqCst));
        });
    }
}
