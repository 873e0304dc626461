//! The PID file: one daemon for one file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file, removed when dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes this process's PID, unless a daemon named there still runs.
    pub(crate) fn write(path: &Path) -> Result<Self, String> {
        if let Some(pid) = running(path) {
            return Err(format!("process with PID {pid} is still running"));
        }
        let put = || -> io::Result<()> {
            if let Some(dir) = path.parent() {
                fs::create_dir_all(dir)?;
            }
            fs::write(path, std::process::id().to_string())
        };
        put().map_err(|error| format!("cannot write the PID file {}: {error}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Someone may have cleared the directory; then there is nothing to remove.
        let _removed = fs::remove_file(&self.path);
    }
}

/// The daemon the file names, if that process exists, is not this one, and is a daemon of ours (PIDs are used again).
fn running(path: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    let theirs = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let ours = fs::read_link("/proc/self/exe").ok()?;
    (pid != std::process::id() && theirs.file_name() == ours.file_name()).then_some(pid)
}
