//! What an attacker runs inside a container: each word is one attack, really carried out. It prints how each ended, in the
//! kernel's words, and the tests say what must have been refused.
//!
//! It is a program of its own because a shell can neither make these calls nor be fast enough for the races.

mod calls;
mod races;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["calls"] => calls::all(),
        ["descriptors"] => descriptors(),
        ["overwrite", seconds] => races::overwrite(number(seconds)),
        ["reach", seconds, file] => races::reach(number(seconds), file),
        ["swap", one, other] => races::swap(one, other),
        ["ambush", directory, target] => races::ambush(directory, target),
        ["join", path] => report("setns", calls::join(path)),
        ["trace", pid] => report("ptrace", calls::trace(number(pid))),
        ["add-key"] => report("add_key", calls::add_key()),
        ["find-key"] => report("keyctl", calls::find_key()),
        ["open", path] => report("open", calls::open(path)),
        _ => {
            eprintln!("which attack? {words:?}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is no number of that kind"))
}

/// Prints `name: done` or what the kernel said.
fn report(name: &str, result: std::io::Result<()>) {
    match result {
        Ok(()) => println!("{name}: done"),
        Err(error) => println!("{name}: {}", error.raw_os_error().unwrap_or(0)),
    }
}

/// Prints every open descriptor from 3 on, but for the one this listing takes.
fn descriptors() {
    let entries = std::fs::read_dir("/proc/self/fd").expect("a proc file system");
    for entry in entries.flatten() {
        let leads_to = std::fs::read_link(entry.path()).unwrap_or_default();
        let name = entry.file_name().to_string_lossy().into_owned();
        let own = leads_to.starts_with("/proc") && leads_to.ends_with("fd");
        if number::<u32>(&name) > 2 && !own {
            println!("{name} -> {}", leads_to.display());
        }
    }
}
