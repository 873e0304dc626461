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
    let theirs = program(&pid.to_string())?;
    let ours = program("self")?;
    (pid != std::process::id() && theirs == ours).then_some(pid)
}

/// The name of the program a process runs, also when an upgrade has replaced its file.
fn program(process: &str) -> Option<String> {
    let path = fs::read_link(format!("/proc/{process}/exe")).ok()?;
    let name = path.file_name()?.to_str()?;
    Some(name.strip_suffix(" (deleted)").unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_daemon_whose_program_was_replaced_still_holds_its_file() {
        let dir = tempfile::tempdir().unwrap();
        // Something that runs on, under this program's name.
        let copy = dir.path().join(program("self").unwrap());
        fs::copy("/bin/sleep", &copy).unwrap();
        let mut other = Command::new(&copy).arg("60").spawn().unwrap();
        fs::remove_file(&copy).unwrap();
        let path = dir.path().join("pid");
        fs::write(&path, other.id().to_string()).unwrap();
        let refused = PidFile::write(&path);
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(
            refused.unwrap_err(),
            format!("process with PID {} is still running", other.id())
        );
    }
}
