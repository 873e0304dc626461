//! Timing one command on both engines in turn.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use corten_testkit::{Daemon, Dockerd};

use super::table::Row;

/// Counted pairs of each command.
const PAIRS: usize = 21;
/// Pause before each run: people do not start containers back to back, and an idle kernel is slower to answer.
const PAUSE: Duration = Duration::from_millis(100);

/// Both engines, each with its own command line.
pub(super) struct Pairs<'a> {
    pub(super) ours: &'a Daemon,
    pub(super) theirs: &'a Dockerd,
}

impl Pairs<'_> {
    /// Runs `args` on both in turn and compares the medians; `target` is how many times faster ours shall be.
    pub(super) fn row(&mut self, what: &str, target: f64, args: &[&str]) -> Row {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=PAIRS {
            let pair = (
                time(self.ours.corten_command(args)),
                time(self.theirs.docker_command(args)),
            );
            // The first pair warms caches.
            if round > 0 {
                ours.push(pair.0);
                theirs.push(pair.1);
            }
        }
        Row::times(what, target, median(&ours), median(&theirs))
    }
}

/// Milliseconds of the whole process.
fn time(mut command: Command) -> f64 {
    std::thread::sleep(PAUSE);
    let begun = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status();
    let elapsed = begun.elapsed();
    match status {
        Ok(status) if status.success() => elapsed.as_secs_f64() * 1e3,
        other => panic!("{command:?} failed: {other:?}"),
    }
}

/// The middle of the values; 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
