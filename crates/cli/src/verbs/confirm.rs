//! The question before something is removed for good, and what all prunes have in common.

use std::io::{self, BufRead};

use tokio::signal::unix::{SignalKind, signal};

use super::template_help::check_filter;
use crate::error::Error;
use crate::flags::Flag;
use crate::output;

/// `--filter` of a prune.
pub(super) const fn filter_flag(help: &'static str) -> Flag {
    Flag::list("filter", help).of("filter").check(check_filter)
}

/// `--force` of a prune.
pub(super) const FORCE: Flag = Flag::switch("force", "Do not prompt for confirmation").short('f');

/// Asks; only `y` is a yes, the end of the input is a no. Ctrl-C ends the verb, which is no failure.
pub(super) async fn confirmed(question: &str) -> Result<bool, Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    output::print(&format!("{question} [y/N] "))?;
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        biased;
        _ = interrupt.recv() => {
            output::print("\n")?;
            Err(Error::Reported(0))
        }
        answer = answer => {
            let answer = answer.map_err(io::Error::other)??;
            Ok(answer.trim().eq_ignore_ascii_case("y"))
        }
    }
}

/// What a prune removed: a title and a line for each, and an empty line. Nothing when there is nothing.
pub(super) fn deleted(title: &str, lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("{title}:\n{}\n\n", lines.join("\n"))
}

/// The line that ends a prune's output.
pub(super) fn total(bytes: u64) -> String {
    format!(
        "Total reclaimed space: {}\n",
        corten_types::precise_size(bytes as f64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_as_docker() {
        assert_eq!(deleted("Deleted Volumes", []), "");
        let names = ["a", "b"].map(str::to_owned);
        assert_eq!(deleted("Deleted Volumes", names), "Deleted Volumes:\na\nb\n\n");
        assert_eq!(total(1_982_000), "Total reclaimed space: 1.982MB\n");
    }
}
