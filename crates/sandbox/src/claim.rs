//! The claim of a shim on its container: a lock in the run directory that ends with the shim, however that ends.
//!
//! Whoever holds it may make and remove the container's cgroup, socket and mounts. A daemon that finds a container whose shim
//! does not answer cannot know whether there still is one: it may not have come far enough to listen. The lock is the shim's
//! from before its first instruction on, so waiting for it is waiting for the shim.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use corten_shim_api::CLAIM_FILE_NAME;

/// How long a shim without a daemon may take to undo what it has made.
const PATIENCE: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(5);

/// Takes the claim in a fresh run directory, to be handed to the shim.
///
/// # Errors
/// When the file cannot be made or locked.
pub(crate) fn take(run_dir: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600);
    let file = file.open(run_dir.join(CLAIM_FILE_NAME))?;
    file.try_lock()?;
    Ok(file)
}

/// Waits until no shim has a claim any more. A shim whose daemon is gone undoes what was not started yet, and ends.
///
/// # Errors
/// When it does not end in time.
pub(crate) fn wait_released(run_dir: &Path) -> io::Result<()> {
    let file = match File::open(run_dir.join(CLAIM_FILE_NAME)) {
        Ok(file) => file,
        // Never begun, or by a shim from before there were claims.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            // Given up at once: closing does not do that while a process just being started has a copy of the descriptor.
            Ok(()) => return file.unlock(),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the container's former shim does not end",
                ));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_ends_with_its_last_holder() {
        let dir = tempfile::tempdir().unwrap();
        wait_released(dir.path()).unwrap();
        let claim = take(dir.path()).unwrap();
        assert!(take(dir.path()).is_err());
        let holder = claim.try_clone().unwrap();
        drop(claim);
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait_released(dir.path()));
            assert!(take(dir.path()).is_err(), "still the other holder's");
            drop(holder);
            waiting.join().unwrap()
        });
        waiting.unwrap();
        take(dir.path()).unwrap();
    }

    #[test]
    fn one_who_has_waited_keeps_no_claim_while_others_start_processes() {
        let dir = tempfile::tempdir().unwrap();
        let starting = std::thread::spawn(|| {
            // Each has copies of all descriptors until it executes its program.
            for _ in 0..200 {
                std::process::Command::new("true").status().unwrap();
            }
        });
        while !starting.is_finished() {
            wait_released(dir.path()).unwrap();
            take(dir.path()).unwrap();
        }
        starting.join().unwrap();
    }
}
