//! The house's own tools: `tidy` (its rules), `licences` (of dependencies, and known-bad versions), `bench` (its speed).
//!
//! Run by `make lint` and `make bench`; the rules are tests, too. Nothing here is part of what is installed.
#![forbid(unsafe_code)]

mod bench;
mod licences;
mod tidy;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: xtask COMMAND

  tidy        check layers, file lengths, module docs and the like
  licences    check licences and known-bad versions of dependencies, offline
  bench CORTEN [PAIRS [PART ...]]
              measure this corten against the dockerd in PATH (needs root): all parts, or of
              thin, crowd, bulk, networks, traffic those named
  lookups NAME SECONDS
              ask this namespace's 127.0.0.11 for a name that long, as `bench` does in containers
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["tidy"] => tidy::check(),
        ["licences"] => licences::check(),
        ["bench", corten] => measure(corten, bench::PAIRS, &[]),
        ["bench", corten, pairs, ref parts @ ..] => match pairs.parse() {
            Ok(pairs) => measure(corten, pairs, parts),
            Err(error) => Err(format!("{pairs} is no number of pairs: {error}")),
        },
        ["lookups", name, seconds] => bench::lookups::ask(name, seconds).map(|()| Vec::new()),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let problems = outcome.unwrap_or_else(|error| vec![error]);
    for problem in &problems {
        eprintln!("{problem}");
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn measure(corten: &str, pairs: usize, parts: &[&str]) -> Result<Vec<String>, String> {
    bench::run(Path::new(corten), pairs, parts).map(|()| Vec::new())
}
