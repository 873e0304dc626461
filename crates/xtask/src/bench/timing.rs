//! Takes times of whole processes, two command lines in turn.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Pause before each run: people do not start containers back to back, and an idle kernel is slower to answer.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes the command to be timed.
pub(super) type Line = Box<dyn Fn() -> Command>;

/// Times of one command line.
#[derive(Debug, Clone)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    /// Times that were taken elsewhere.
    pub(super) fn of(times: Vec<Duration>) -> Self {
        Self(times)
    }

    /// The middle one, in milliseconds.
    pub(super) fn median(&self) -> f64 {
        self.at(1, 2)
    }

    /// A quarter is faster than the first and a quarter slower than the second, in milliseconds.
    pub(super) fn quartiles(&self) -> (f64, f64) {
        (self.at(1, 4), self.at(3, 4))
    }

    fn at(&self, numerator: usize, denominator: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (sorted.len().saturating_sub(1) * numerator) / denominator;
        sorted
            .get(index)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

/// Runs both command lines `pairs` times in turn, each going first in every other pair; the first pair is not counted.
pub(super) fn interleaved(lines: [Line; 2], pairs: usize) -> [Times; 2] {
    let mut times = [const { Vec::new() }; 2];
    for pair in 0..=pairs {
        for side in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
            let time = once(&mut lines[side]());
            if pair > 0 {
                times[side].push(time);
            }
        }
    }
    times.map(Times)
}

/// Runs one command line `count` times; a run before is not counted.
pub(super) fn repeated(line: &Line, count: usize) -> Times {
    once(&mut line());
    Times((0..count).map(|_| once(&mut line())).collect())
}

/// Runs a command, which must succeed; gives how long it took.
pub(super) fn once(command: &mut Command) -> Duration {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    std::thread::sleep(PAUSE);
    let begin = Instant::now();
    let status = command.status();
    let took = begin.elapsed();
    match status {
        Ok(status) if status.success() => took,
        Ok(status) => panic!("{command:?}: {status}"),
        Err(error) => panic!("{command:?}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        let times = Times([9, 1, 5, 3, 7].map(Duration::from_millis).to_vec());
        assert_eq!((times.median(), times.quartiles()), (5.0, (3.0, 7.0)));
    }

    #[test]
    fn both_lines_are_run_as_often() {
        let make = |script: &'static str| -> Line {
            Box::new(move || {
                let mut command = Command::new("sh");
                command.args(["-c", script]);
                command
            })
        };
        let [fast, slow] = interleaved([make("true"), make("sleep 0.05")], 3);
        assert_eq!((fast.0.len(), slow.0.len()), (3, 3));
        assert!(slow.median() >= 50.0 && fast.median() < slow.median());
    }
}
