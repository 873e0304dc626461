//! Rules about source files: how long they are, how they begin, what they must not hold.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::Package;

/// Lines a file may have.
const LONGEST: usize = 800;
/// Lines from which on a file is worth a look.
const LONG: usize = 400;

/// Crates that need the kernel in ways the safe libraries have no words for. Each block has its SAFETY line (clippy sees
/// to it); all other crates forbid unsafe code.
const MAY_BE_UNSAFE: [&str; 7] = [
    "corten-shim",
    "corten-sandbox",
    "corten-network",
    "corten-cgroup",
    "guest-whoami",
    "corten-daemon",
    "corten-e2e",
];

/// What never lands. Written in two parts, or this file would hold them.
const FORBIDDEN: [&str; 3] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];

pub(super) fn check_unsafe(package: &Package) -> Result<Vec<String>, String> {
    if MAY_BE_UNSAFE.contains(&package.name.as_str()) {
        return Ok(Vec::new());
    }
    let mut problems = Vec::new();
    for root in &package.roots {
        if !read(root)?.lines().any(|line| line == "#![forbid(unsafe_code)]") {
            problems.push(format!("{}: does not forbid unsafe code", root.display()));
        }
    }
    Ok(problems)
}

pub(super) fn check_files(root: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for dir in ["crates", "guests"] {
        find(&root.join(dir), &mut files)?;
    }
    files.sort();
    let mut problems = Vec::new();
    let mut lengths = Vec::new();
    for path in files {
        let text = read(&path)?;
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        problems.extend(check_text(&name, &text));
        lengths.push((text.lines().count(), name));
    }
    report(&mut lengths);
    Ok(problems)
}

fn check_text(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let length = text.lines().count();
    if length > LONGEST {
        problems.push(format!("{name}: {length} lines, more than {LONGEST}"));
    }
    if !text.starts_with("//! ") {
        problems.push(format!("{name}: does not begin by saying why it exists (`//!`)"));
    }
    for (number, line) in text.lines().enumerate() {
        for word in FORBIDDEN.iter().filter(|word| line.contains(*word)) {
            problems.push(format!("{name}:{}: {word}…)", number + 1));
        }
    }
    problems
}

/// Says which files grow long, before they are too long.
fn report(lengths: &mut [(usize, String)]) {
    lengths.sort_unstable_by(|one, other| other.cmp(one));
    for (length, name) in lengths.iter().filter(|(length, _)| *length > LONG) {
        println!("{length:4} lines: {name}");
    }
    if let Some((median, _)) = lengths.get(lengths.len() / 2) {
        println!("{} files, median {median} lines", lengths.len());
    }
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_kept_apart() {
        assert!(check_text("good.rs", "//! Why.\nfn f() {}\n").is_empty());
        assert_eq!(
            check_text("bare.rs", "fn f() {}\n"),
            ["bare.rs: does not begin by saying why it exists (`//!`)"]
        );
        let unfinished = format!("//! Why.\nfn f() {{ {} }}\n", FORBIDDEN[0]);
        assert_eq!(check_text("new.rs", &unfinished).len(), 1);
        let long = format!("//! Why.\n{}", "\n".repeat(LONGEST));
        assert_eq!(
            check_text("long.rs", &long),
            ["long.rs: 801 lines, more than 800"]
        );
    }
}
