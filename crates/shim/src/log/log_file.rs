//! The log file: whole entries in single writes, rotation and compression, and no harm done when the disk is full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use corten_shim_api::{LogFormat, LogTarget};

use super::compress::{Compressor, compressed};
use super::encode::{append_entry, append_escaped};
use super::local;
use super::splitter::Splitter;
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
}

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
        })
    }

    /// Records output. Lines without an end yet are held back.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) {
        self.record(stream, |splitter, entry| splitter.push(bytes, entry));
    }

    /// A stream has ended.
    pub fn finish(&mut self, stream: Stream) {
        self.record(stream, |splitter, entry| splitter.finish(entry));
    }

    /// Entries lost to failing writes since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn record(&mut self, stream: Stream, split: impl FnOnce(&mut Splitter, &mut dyn FnMut(&[u8], bool))) {
        let (mut splitter, name) = match stream {
            Stream::Out => (std::mem::take(&mut self.out), "stdout"),
            Stream::Err => (std::mem::take(&mut self.err), "stderr"),
        };
        let at_ns = now_ns();
        let (mut batch, mut entries) = (Vec::new(), 0);
        split(&mut splitter, &mut |text, newline| {
            let start = batch.len();
            match self.format {
                LogFormat::JsonFile => append_entry(&mut batch, text, newline, name, &self.attributes, at_ns),
                LogFormat::Local => local::append_entry(&mut batch, text, newline, name, at_ns),
            }
            if self.is_full(batch.len() as u64) && self.size + start as u64 > 0 {
                let entry = batch.split_off(start);
                self.append(&batch, entries);
                self.rotate();
                (batch, entries) = (entry, 0);
            }
            entries += 1;
        });
        self.append(&batch, entries);
        match stream {
            Stream::Out => self.out = splitter,
            Stream::Err => self.err = splitter,
        }
    }

    fn is_full(&self, more: u64) -> bool {
        self.max_size.is_some_and(|max| self.size + more > max)
    }

    fn append(&mut self, batch: &[u8], entries: u64) {
        if batch.is_empty() {
            return;
        }
        match write_once(&mut self.file, batch) {
            Ok(written) if written == batch.len() => self.size += written as u64,
            Ok(_) => {
                // The disk filled up on the way. Half an entry would spoil the next one.
                if self.file.set_len(self.size).is_err() {
                    self.size = self.file.metadata().map_or(self.size, |metadata| metadata.len());
                }
                self.dropped += entries;
            }
            Err(_) => self.dropped += entries,
        }
    }

    /// Moves the files on by one name and begins a new one. If that fails the current one just grows on.
    fn rotate(&mut self) {
        let name = |number: u32| {
            if number == 0 {
                return self.path.clone();
            }
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.max_files == 1 {
            if self.file.set_len(0).is_ok() {
                self.size = 0;
            }
            return;
        }
        if let Some(compressor) = self.compressor.take() {
            compressor.finish();
        }
        for number in (1..self.max_files).rev() {
            // Most of them do not exist yet. A file is either there or compressed; whichever takes its place, both go.
            let (from, to) = (name(number - 1), name(number));
            let plain = fs::rename(&from, &to).is_ok();
            let packed = number > 1 && fs::rename(compressed(&from), compressed(&to)).is_ok();
            if plain && !packed {
                let _missing = fs::remove_file(compressed(&to));
            } else if packed && !plain {
                let _missing = fs::remove_file(&to);
            }
        }
        if self.compress {
            // Without it the file stays as it is, which readers understand.
            self.compressor = Compressor::start(&name(1)).ok();
        }
        if let Ok(file) = open(&self.path) {
            self.size = file.metadata().map_or(0, |metadata| metadata.len());
            self.file = file;
        }
    }
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
    }
}
