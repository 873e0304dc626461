//! The `/etc/hosts` of a container that is there: changed line by line, and otherwise left as it is.
//!
//! Who is inside may have written anything into it, of any length: it is read up to a limit, byte by byte, and a change is made
//! whole or not at all.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::PoisonError;

use corten_types::ContainerId;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::engine::Engine;

/// Bytes of the longest file that is read.
const LONGEST: u64 = 1 << 20;

impl Engine {
    /// Replaces the text of a container's `/etc/hosts`, where it is: the container has this very file mounted.
    pub(crate) fn rewrite_hosts(&self, id: &ContainerId, change: impl FnOnce(&[u8]) -> Vec<u8>) {
        let _one = self.hosts_files.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.container_dir(id).join("hosts");
        let rewritten = read(&path).and_then(|text| overwrite(&path, &change(&text)));
        if let Err(error) = rewritten {
            tracing::warn!(%error, %id, "cannot bring a container's hosts file up to date");
        }
    }
}

/// The contents of a file that a container can write.
///
/// # Errors
/// When it is absurdly long, too.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut text)?;
    match text.len() as u64 > LONGEST {
        true => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {LONGEST} bytes"),
        )),
        false => Ok(text),
    }
}

/// Writes over a file what it shall hold. It is never empty meanwhile, and what fits in its blocks needs no space on a full disk;
/// where there is none for the rest, all stays as it was.
fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    if !text.is_empty() {
        match fallocate(&file, FallocateFlags::KEEP_SIZE, 0, text.len() as u64) {
            // Such a file system may run out of space half way.
            Ok(()) | Err(Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    file.write_all_at(text, 0)?;
    file.set_len(text.len() as u64)
}

/// A text with these lines, which it may have already.
pub(crate) fn with_lines(mut text: Vec<u8>, lines: &str) -> Vec<u8> {
    let has = |line: &str| {
        text.split_inclusive(|byte| *byte == b'\n')
            .any(|own| own == line.as_bytes())
    };
    if lines.split_inclusive('\n').all(has) {
        return text;
    }
    if text.last().is_some_and(|byte| *byte != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(lines.as_bytes());
    text
}

/// A text without these lines.
pub(crate) fn without_lines(text: &[u8], lines: &str) -> Vec<u8> {
    let is_gone = |line: &&[u8]| lines.split_inclusive('\n').any(|own| own.as_bytes() == *line);
    retained(text, |line| !is_gone(&line))
}

/// A hosts file without the lines about this alias.
pub(crate) fn without_alias(text: &[u8], alias: &str) -> Vec<u8> {
    retained(text, |line| !names_alias(line.trim_ascii_end(), alias))
}

fn retained(text: &[u8], is_kept: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| is_kept(line)).flatten().copied().collect()
}

/// Whether a line of a hosts file is about this alias: it is the first name, or the first label of it.
fn names_alias(line: &[u8], alias: &str) -> bool {
    let mut parts = line.splitn(2, |byte| *byte == b'\t').skip(1);
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'.');
    parts
        .next()
        .and_then(|names| names.split(ends).next())
        .is_some_and(|first| first == alias.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine_with_hosts(text: &[u8]) -> (std::sync::Arc<Engine>, tempfile::TempDir, ContainerId) {
        let root = tempfile::tempdir().unwrap();
        let engine = crate::fixture::engine(root.path());
        let id: ContainerId = "ab".repeat(32).parse().unwrap();
        let dir = engine.container_dir(&id);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("hosts"), text).unwrap();
        (engine, root, id)
    }

    #[test]
    fn changes_at_once_lose_nothing() {
        let (engine, _root, id) = engine_with_hosts(b"127.0.0.1\tlocalhost\n");
        std::thread::scope(|scope| {
            for one in 0..8 {
                let (engine, id) = (&engine, &id);
                scope.spawn(move || {
                    for round in 0..50 {
                        let line = format!("10.0.{one}.{round}\tname\n");
                        engine.rewrite_hosts(id, |text| with_lines(text.to_vec(), &line));
                    }
                });
            }
        });
        let path = engine.container_dir(&id).join("hosts");
        assert_eq!(
            read(&path).unwrap().iter().filter(|byte| **byte == b'\n').count(),
            401
        );
        engine.rewrite_hosts(&id, |_| b"127.0.0.1\tlocalhost\n".to_vec());
        assert_eq!(read(&path).unwrap(), b"127.0.0.1\tlocalhost\n");
    }

    #[test]
    fn an_absurdly_long_file_is_left_alone() {
        let (engine, _root, id) = engine_with_hosts(b"127.0.0.1\tlocalhost\n");
        let path = engine.container_dir(&id).join("hosts");
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(8 << 30)
            .unwrap();
        engine.rewrite_hosts(&id, |_| panic!("8 GiB were read"));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 8 << 30);
    }

    #[test]
    fn any_bytes_survive() {
        let text = with_lines(b"\xff\xfe".to_vec(), "10.0.0.2\tbox\n");
        assert_eq!(text, b"\xff\xfe\n10.0.0.2\tbox\n");
        assert_eq!(with_lines(text.clone(), "10.0.0.2\tbox\n"), text);
        assert_eq!(without_lines(&text, "10.0.0.2\tbox\n"), b"\xff\xfe\n");
        assert_eq!(without_alias(&text, "box"), b"\xff\xfe\n");
    }

    #[test]
    fn lines_are_told_apart() {
        assert!(names_alias(b"172.17.0.2\tdb 0123 store", "db"));
        assert!(names_alias(b"172.17.0.2\tdb.example.org", "db"));
        assert!(!names_alias(b"172.17.0.2\tdb2", "db"));
        assert!(!names_alias(b"172.17.0.2\tstore db", "db"));
    }
}
