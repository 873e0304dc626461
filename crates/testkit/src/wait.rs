//! Waiting for a condition with a deadline, never for a time.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(5);

/// Waits until `probe` gives something, at most `deadline`.
pub fn eventually<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if begin.elapsed() > deadline {
            return None;
        }
        std::thread::sleep(STEP);
    }
}

/// Waits until `condition` holds; panics naming `what` after `deadline`.
pub fn until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    if eventually(deadline, || condition().then_some(())).is_none() {
        panic!("after {deadline:?} still not: {what}");
    }
}

/// The end of a text, for messages.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
