//! The log file: whole entries in single writes, rotation and compression, and no harm done when the disk is full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use corten_shim_api::{Event, LogFormat, LogTarget};
use rustix::fs::{FlockOperation, flock};

use super::compress::{Compressor, compressed};
use super::encode::{append_end, append_entry, append_escaped};
use super::local;
use super::splitter::{Entry, Splitter};
use super::timestamp::now_ns;
use crate::task::Stream;

/// A log that is being written. A write that fails is dropped and counted: the container's life does not depend on it.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    /// Bytes in the current file. This process is the only writer.
    size: u64,
    max_size: Option<u64>,
    max_files: u32,
    format: LogFormat,
    compress: bool,
    /// At work on the file rotated last.
    compressor: Option<Compressor>,
    /// Ready JSON object, or empty.
    attributes: Vec<u8>,
    out: Splitter,
    err: Splitter,
    dropped: u64,
    /// Entries lost since writing began to fail; `None` while it works.
    lost: Option<u64>,
    news: Option<Event>,
}

/// Entries are written as soon as they come to this many bytes together.
const BATCH: usize = 64 << 10;

impl LogFile {
    /// Opens the log for appending, making it if needed.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(target: &LogTarget) -> io::Result<Self> {
        let file = open(&target.path)?;
        let mut attributes = Vec::new();
        for (index, (key, value)) in target.attributes.iter().enumerate() {
            attributes.extend_from_slice(if index == 0 { b"{\"" } else { b",\"" });
            append_escaped(&mut attributes, key.as_bytes());
            attributes.extend_from_slice(b"\":\"");
            append_escaped(&mut attributes, value.as_bytes());
            attributes.push(b'"');
        }
        if !attributes.is_empty() {
            attributes.push(b'}');
        }
        Ok(Self {
            path: target.path.clone(),
            size: file.metadata()?.len(),
            file,
            max_size: target.max_size,
            max_files: target.max_files.max(1),
            format: target.format,
            compress: target.compress,
            compressor: None,
            attributes,
            out: Splitter::default(),
            err: Splitter::default(),
            dropped: 0,
            lost: None,
            news: None,
        })
    }

    /// Records output. Lines without an end yet are held back.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) {
        self.record(stream, |splitter, now_ns, entry| {
            splitter.push(bytes, now_ns, entry)
        });
    }

    /// A stream has ended.
    pub fn finish(&mut self, stream: Stream) {
        self.record(stream, |splitter, now_ns, entry| splitter.finish(now_ns, entry));
    }

    /// Entries lost to failing writes since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// What has changed about whether entries can be written, since the last call.
    pub fn take_news(&mut self) -> Option<Event> {
        self.news.take()
    }

    fn record(&mut self, stream: Stream, split: impl FnOnce(&mut Splitter, i64, &mut dyn FnMut(Entry<'_>))) {
        let (mut splitter, name) = match stream {
            Stream::Out => (std::mem::take(&mut self.out), "stdout"),
            Stream::Err => (std::mem::take(&mut self.err), "stderr"),
        };
        let mut batch = Batch::default();
        // What follows the text is the same for all entries of one time.
        let (mut end, mut end_at_ns) = (Vec::new(), None);
        split(&mut splitter, now_ns(), &mut |Entry { text, newline, at_ns }| {
            let start = batch.bytes.len();
            match self.format {
                LogFormat::JsonFile => {
                    if end_at_ns.replace(at_ns) != Some(at_ns) {
                        end.clear();
                        append_end(&mut end, name, &self.attributes, at_ns);
                    }
                    append_entry(&mut batch.bytes, text, newline, &end);
                }
                LogFormat::Local => local::append_entry(&mut batch.bytes, text, newline, name, at_ns),
            }
            if self.is_full(batch.bytes.len() as u64) && self.size + start as u64 > 0 {
                let entry = batch.bytes.split_off(start);
                self.append(&mut batch);
                self.rotate();
                batch.bytes = entry;
            }
            batch.entries += 1;
            if batch.bytes.len() >= BATCH {
                self.append(&mut batch);
            }
        });
        self.append(&mut batch);
        match stream {
            Stream::Out => self.out = splitter,
            Stream::Err => self.err = splitter,
        }
        if let Some(compressor) = &mut self.compressor
            && compressor.is_done()
        {
            self.compressor = None;
        }
    }

    fn is_full(&self, more: u64) -> bool {
        self.max_size.is_some_and(|max| self.size + more > max)
    }

    /// Writes a batch and empties it.
    fn append(&mut self, batch: &mut Batch) {
        let entries = std::mem::take(&mut batch.entries);
        if batch.bytes.is_empty() {
            return;
        }
        match write_once(&mut self.file, &batch.bytes) {
            Ok(written) if written == batch.bytes.len() => {
                self.size += written as u64;
                if let Some(lost) = self.lost.take() {
                    self.news = Some(Event::LogResumed { lost });
                }
            }
            Ok(written) => {
                // The disk filled up on the way. Half an entry would spoil the next one. Somebody may have shortened the file
                // meanwhile, so its size is asked for.
                if let Ok(metadata) = self.file.metadata() {
                    self.size = metadata.len().saturating_sub(written as u64);
                    let _left_as_it_is = self.file.set_len(self.size);
                }
                self.lose(entries, &rustix::io::Errno::NOSPC.into());
            }
            Err(error) => self.lose(entries, &error),
        }
        batch.bytes.clear();
    }

    fn lose(&mut self, entries: u64, error: &io::Error) {
        self.dropped += entries;
        match &mut self.lost {
            Some(lost) => *lost += entries,
            None => {
                self.lost = Some(entries);
                self.news = Some(Event::LogFailed {
                    reason: error.to_string(),
                });
            }
        }
    }

    /// Moves the files on by one name and begins a new one. If that fails the current one just grows on.
    fn rotate(&mut self) {
        if self.max_files == 1 {
            if self.file.set_len(0).is_ok() {
                self.size = 0;
            }
            return;
        }
        if let Some(compressor) = self.compressor.take() {
            compressor.finish();
        }
        // Whoever holds it is done in no time, but the container shall not wait even for that.
        let Ok(_locked) = lock_directory(&self.path, FlockOperation::NonBlockingLockExclusive) else {
            return;
        };
        // If somebody has removed the current file there is nothing to move on.
        let moves = fs::symlink_metadata(&self.path).is_ok();
        if moves {
            self.move_on();
        }
        match open(&self.path) {
            Ok(file) => {
                self.size = file.metadata().map_or(0, |metadata| metadata.len());
                self.file = file;
            }
            Err(_) => {
                if moves {
                    let _where_it_was = fs::rename(self.name(1), &self.path);
                }
                return;
            }
        }
        if moves && self.compress {
            // Without it the file stays as it is, which readers understand.
            self.compressor = Compressor::start(&self.name(1)).ok();
        }
    }

    fn move_on(&self) {
        // The oldest goes first: a rename over a file has ext4 write out what is moved there, which takes milliseconds.
        let oldest = self.name(self.max_files - 1);
        let _missing = fs::remove_file(compressed(&oldest));
        let _missing = fs::remove_file(&oldest);
        for number in (1..self.max_files).rev() {
            // Most of them do not exist yet. A file is either there or compressed; whichever takes its place, both go.
            let (from, to) = (self.name(number - 1), self.name(number));
            let plain = fs::rename(&from, &to).is_ok();
            let packed = number > 1 && fs::rename(compressed(&from), compressed(&to)).is_ok();
            if plain && !packed {
                let _missing = fs::remove_file(compressed(&to));
            } else if packed && !plain {
                let _missing = fs::remove_file(&to);
            }
        }
    }

    /// The file rotated `number` times.
    fn name(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

/// Entries on their way into the file.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    entries: u64,
}

/// Locks the directory of a log's files: whoever renames or removes some of them, or opens several, keeps others from that.
pub(super) fn lock_directory(path: &Path, operation: FlockOperation) -> io::Result<File> {
    let directory = File::open(path.parent().unwrap_or(Path::new("/")))?;
    flock(&directory, operation)?;
    Ok(directory)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}

fn write_once(file: &mut File, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(directory: &Path, max_size: Option<u64>, max_files: u32) -> LogFile {
        let path = directory.join("log");
        LogFile::open(&LogTarget {
            path,
            max_size,
            max_files,
            attributes: vec![],
            format: Default::default(),
            compress: false,
            buffer: None,
        })
        .unwrap()
    }

    #[test]
    fn rotates_by_renaming() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(directory.path(), Some(120), 3);
        log.write(Stream::Out, b"one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap_or_default();
        assert!(read("log").contains("seven"));
        assert!(read("log.1").contains("six") && read("log.2").contains("five"));
        assert!(!directory.path().join("log.3").exists());
        for name in ["log", "log.1", "log.2"] {
            assert!(read(name).len() <= 120 && read(name).ends_with("}\n"));
        }
    }

    #[test]
    fn a_single_file_starts_over() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(directory.path(), Some(100), 1);
        log.write(Stream::Err, b"one\ntwo\n");
        let text = fs::read_to_string(directory.path().join("log")).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("two"));
    }

    #[test]
    fn a_full_disk_loses_entries_and_nothing_else() {
        let mut log = LogFile::open(&LogTarget {
            path: "/dev/full".into(),
            max_size: None,
            max_files: 1,
            attributes: vec![],
            format: Default::default(),
            compress: false,
            buffer: None,
        })
        .unwrap();
        log.write(Stream::Out, b"lost\nlost, too\n");
        assert_eq!((log.take_dropped(), log.take_dropped()), (2, 0));
        assert!(
            matches!(log.take_news(), Some(Event::LogFailed { reason }) if reason.contains("No space left"))
        );
        log.write(Stream::Out, b"again\n");
        assert_eq!(log.take_news(), None, "told once");
        let directory = tempfile::tempdir().unwrap();
        log.file = open(&directory.path().join("log")).unwrap();
        log.write(Stream::Out, b"back\n");
        assert_eq!(log.take_news(), Some(Event::LogResumed { lost: 3 }));
    }

    #[test]
    fn a_removed_file_is_begun_anew_and_others_stay() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(directory.path(), Some(120), 3);
        log.write(Stream::Out, b"one\ntwo\n");
        fs::remove_file(directory.path().join("log")).unwrap();
        log.write(Stream::Out, b"three\nfour\n");
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap_or_default();
        assert!(
            read("log").contains("four") && read("log.1").contains("three") && read("log.2").contains("one")
        );
    }

    #[test]
    fn who_holds_the_directory_puts_a_rotation_off() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log(directory.path(), Some(120), 3);
        let locked = lock_directory(&log.path, FlockOperation::LockShared).unwrap();
        log.write(Stream::Out, b"one\ntwo\nthree\n");
        let text = fs::read_to_string(directory.path().join("log")).unwrap();
        assert_eq!(text.lines().count(), 3);
        drop(locked);
        log.write(Stream::Out, b"four\n");
        let text = fs::read_to_string(directory.path().join("log")).unwrap();
        assert_eq!(text.lines().count(), 1);
    }
}
