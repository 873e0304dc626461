//! The files of a log: the current one, and rotated ones, compressed or not.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// One file of a log, open.
#[derive(Debug)]
pub(crate) struct LogFile {
    pub(crate) file: File,
    /// With gzip.
    pub(crate) compressed: bool,
    /// It may still grow.
    pub(crate) current: bool,
}

/// Opens all files of a log, oldest first.
///
/// The newest is opened first: a rotation in between then makes a file be met twice, which is noticed, and never missed.
pub(crate) fn open_all(path: &Path) -> io::Result<Vec<LogFile>> {
    let mut found: Vec<LogFile> = Vec::new();
    // Whoever renames or replaces some of them holds this lock meanwhile.
    let Some(directory) = open(path.parent().unwrap_or(path))? else {
        return Ok(found);
    };
    flock(&directory, FlockOperation::LockShared)?;
    let mut met = HashSet::new();
    for number in 0.. {
        let plain = rotated(path, number);
        let opened = match open(&plain)? {
            Some(file) => Some((file, false)),
            None if number == 0 => {
                // Not written yet, or in the middle of a rotation.
                continue;
            }
            // Compressed meanwhile: then it is looked for under the other name, and once more under the first.
            None => match open(&with_suffix(&plain, ".gz"))? {
                Some(file) => Some((file, true)),
                None => open(&plain)?.map(|file| (file, false)),
            },
        };
        let Some((file, compressed)) = opened else { break };
        let metadata = file.metadata()?;
        if met.insert((metadata.dev(), metadata.ino())) {
            found.push(LogFile {
                file,
                compressed,
                current: number == 0,
            });
        }
    }
    found.reverse();
    Ok(found)
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn rotated(path: &Path, number: u32) -> PathBuf {
    match number {
        0 => path.to_owned(),
        number => with_suffix(path, &format!(".{number}")),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert!(open_all(&path).unwrap().is_empty());
        for name in ["log", "log.1", "log.2.gz", "log.3", "log.5", "log.1.gz.tmp"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let all = open_all(&path).unwrap();
        let kinds: Vec<_> = all.iter().map(|file| (file.compressed, file.current)).collect();
        assert_eq!(
            kinds,
            [(false, false), (true, false), (false, false), (false, true)]
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(open_all(&path).unwrap().len(), 3, "in the middle of a rotation");
    }

    #[test]
    fn a_file_met_twice_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "").unwrap();
        std::fs::hard_link(&path, dir.path().join("log.1")).unwrap();
        let all = open_all(&path).unwrap();
        assert_eq!(all.len(), 1);
        assert!(all[0].current);
    }
}
