//! Tells the program which commit it is built from: `CORTEN_COMMIT` if that is set, else what git says of this directory.

use std::path::Path;
use std::process::Command;

/// What is said where there is no repository.
const UNKNOWN: &str = "unknown";

fn main() {
    println!("cargo:rerun-if-env-changed=CORTEN_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    // A commit, a checkout: each leaves a line there.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]).filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let given = std::env::var("CORTEN_COMMIT")
        .ok()
        .filter(|text| !text.is_empty());
    let commit = given.or_else(of_repository).unwrap_or_else(|| UNKNOWN.to_owned());
    println!("cargo:rustc-env=CORTEN_COMMIT={commit}");
}

/// The commit checked out. Sources unpacked within somebody else's repository are not of its commits.
fn of_repository() -> Option<String> {
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    git(&["rev-parse", "--short=7", "HEAD"])
}

fn git(args: &[&str]) -> Option<String> {
    // Under sudo the repository is another user's.
    let answer = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(args)
        .output()
        .ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    (answer.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
