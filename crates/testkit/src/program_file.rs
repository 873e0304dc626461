//! Programs that tests write themselves.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable file. Another process writes it: while this one had it open, every process it starts on another thread
/// would have it open for writing, too, and until that executes its own program nobody could execute this one.
///
/// # Panics
/// When it cannot be written.
pub fn program_file(path: &Path, content: &str) {
    let mut writer = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install is there");
    let mut input = writer.stdin.take().expect("it was asked for");
    input.write_all(content.as_bytes()).expect("install reads");
    drop(input);
    assert!(
        writer.wait().expect("install ends").success(),
        "{}",
        path.display()
    );
}
