//! The PID file: one daemon for one file.
//!
//! The daemon keeps its file locked, so that what counts is whether it runs, not whether some process has its number by now: a
//! lock ends with the process, however that ends.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::claim::{is_claimed, once_released};

/// The file, removed when dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    _locked: File,
}

impl PidFile {
    /// Writes this process's PID, unless another daemon has the file. One that has just been killed is waited for.
    pub(crate) async fn write(path: &Path) -> Result<Self, String> {
        let failed = |error| format!("cannot write the PID file {}: {error}", path.display());
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(failed)?;
        }
        match once_released(|| take(path)).await {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                _locked: file,
            }),
            Err(error) if is_claimed(&error) => {
                let pid = fs::read_to_string(path).unwrap_or_default();
                Err(format!("process with PID {} is still running", pid.trim()))
            }
            Err(error) => Err(failed(error)),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Someone may have cleared the directory; then there is nothing to remove.
        let _removed = fs::remove_file(&self.path);
    }
}

/// Locks the file and writes to it.
fn take(path: &Path) -> io::Result<File> {
    loop {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            // A pipe's other end would be waited for.
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        // Who had it may have removed it meanwhile, on its orderly end.
        let (ours, there) = (file.metadata()?, fs::metadata(path));
        if !there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            continue;
        }
        file.set_len(0)?;
        file.write_all(std::process::id().to_string().as_bytes())?;
        return Ok(file);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_daemon_that_runs_keeps_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/pid");
        let file = PidFile::write(&path).await.unwrap();
        let own = std::process::id();
        assert_eq!(
            PidFile::write(&path).await.unwrap_err(),
            format!("process with PID {own} is still running")
        );
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_process_that_has_the_number_of_one_that_was_killed_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        // Something that runs on, under this program's name.
        let program = std::env::current_exe().unwrap();
        let copy = dir.path().join(program.file_name().unwrap());
        std::os::unix::fs::symlink("/bin/sleep", &copy).unwrap();
        let mut other = Command::new(&copy).arg("60").spawn().unwrap();
        let path = dir.path().join("pid");
        fs::write(&path, other.id().to_string()).unwrap();
        let taken = PidFile::write(&path).await;
        let text = fs::read_to_string(&path).unwrap();
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(taken.is_ok(), "{taken:?}");
        assert_eq!(text, std::process::id().to_string());
    }

    #[tokio::test]
    async fn pipes_and_devices_are_no_pid_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        // With nobody at the other end, and with somebody.
        PidFile::write(&path).await.unwrap_err();
        let _reader = File::options().read(true).write(true).open(&path).unwrap();
        let refused = PidFile::write(&path).await.unwrap_err();
        assert!(refused.ends_with("not a regular file"), "{refused}");
        assert!(path.exists());
    }

    #[tokio::test]
    async fn one_that_is_just_ending_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let first = PidFile::write(&path).await.unwrap();
        let mut second = Box::pin(PidFile::write(&path));
        let early = tokio::time::timeout(std::time::Duration::from_millis(30), &mut second).await;
        assert!(early.is_err(), "it must wait");
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        drop(second);
    }
}
