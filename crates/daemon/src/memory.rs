//! Keeping the idle daemon small.
#![allow(unsafe_code)]

/// Limits the C allocator to few arenas: with one per thread, memory freed by a burst of requests stays scattered.
pub(crate) fn use_few_arenas() {
    // SAFETY: mallopt only sets allocator parameters; called before any thread is started.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 20);
        // The buffers of uploads are below this: mapped and unmapped for each, their pages would cost more than what is in them.
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
    }
}

/// Gives back what was kept for reuse, after work that used much.
pub(crate) fn give_back() {
    // SAFETY: it only releases memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
