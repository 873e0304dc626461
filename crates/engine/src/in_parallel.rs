//! Slow looks at many things at once: `ps -s` and `system df` walk the files of every container and volume.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Most walks at the same time: beyond that disks get slower, not faster.
const MOST: usize = 8;

/// What `look` says of each item, in their order. Blocks; returns when all are done.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() < 2 {
        return items.iter().map(look).collect();
    }
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            let result = look(item);
            found
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, result));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() * 2);
    std::thread::scope(|scope| {
        for _ in 1..workers.min(MOST).min(items.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::in_parallel;

    #[test]
    fn answers_come_in_order() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled: Vec<u32> = items.iter().map(|n| n * 2).collect();
        assert_eq!(in_parallel(&items, |n| n * 2), doubled);
        assert_eq!(in_parallel(&[] as &[u32], |n| n * 2), [0; 0]);
    }
}
