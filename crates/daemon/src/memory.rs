//! Keeping the idle daemon small.
#![allow(unsafe_code)]

/// Limits the C allocator to few arenas: with one per thread, memory freed by a burst of requests stays scattered.
pub(crate) fn use_few_arenas() {
    // SAFETY: mallopt only sets allocator parameters; called before any thread is started.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 << 10);
    }
}
