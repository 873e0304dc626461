//! Compressing a rotated log file, in a process of its own: the container's output must not wait for it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::FlockOperation;

use super::log_file::lock_directory;
use crate::COMPRESS_VERB;

/// A process that compresses a file.
#[derive(Debug)]
pub(super) struct Compressor(Child);

impl Compressor {
    /// Begins to compress `path` to `path.gz`.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let child = own_program(COMPRESS_VERB)
            .arg(path)
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// Whether it has ended.
    pub(super) fn is_done(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Waits until it is done: files must not be renamed under it.
    pub(super) fn finish(mut self) {
        // It fails when the disk is full; the file stays as it was then.
        let _ended = self.0.wait();
    }
}

/// This very program, to be run as another process with nothing of this one's but what it is given.
pub(super) fn own_program(verb: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("corten-shim")
        .arg(verb)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The compressed file's name.
pub(super) fn compressed(path: &Path) -> PathBuf {
    with_suffix(path, ".gz")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Compresses a file and removes it. At no time is there neither, and what is there is whole.
///
/// # Errors
/// The file system's.
pub fn compress(path: &Path) -> io::Result<()> {
    // What runs in containers comes first.
    let _as_it_is = rustix::process::nice(10);
    let staged = with_suffix(path, ".gz.tmp");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(&staged)?;
    let mut encoder = GzEncoder::new(file, Compression::fast());
    let mut original = File::open(path)?;
    // As old as what it holds: readers tell by that what they have read already.
    let modified = original.metadata()?.modified()?;
    let done = io::copy(&mut original, &mut encoder)
        .and_then(|_| encoder.finish())
        .and_then(|packed| packed.set_modified(modified));
    match done.and_then(|()| lock_directory(path, FlockOperation::LockExclusive)) {
        // The container may have been started again, and its new log rotated, meanwhile.
        Ok(_locked) if fs::metadata(path)?.ino() == original.metadata()?.ino() => {
            fs::rename(&staged, compressed(path))?;
            fs::remove_file(path)
        }
        Ok(_) => fs::remove_file(&staged),
        Err(error) => {
            let _removed = fs::remove_file(&staged);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_file_is_replaced_by_its_compressed_form() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.1");
        fs::write(&path, "line\n".repeat(1000)).unwrap();
        compress(&path).unwrap();
        assert!(!path.exists());
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(compressed(&path)).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "line\n".repeat(1000));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
