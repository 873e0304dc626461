//! The entries of one file, found in large blocks.

use std::fs::File;
use std::io::{self, Read, Seek};

use corten_sandbox::LogFormat;
use flate2::read::MultiGzDecoder;
use memchr::memchr;

use super::LogFile;

const BLOCK: usize = 256 << 10;
/// Longest entry that is one, in bytes: a line of 16 KiB, escaped, with attributes. Longer is damage.
const LONGEST: usize = 16 << 20;

/// Whole entries, one after the other.
pub(crate) struct Entries {
    source: Source,
    format: LogFormat,
    buffer: Vec<u8>,
    /// What of the buffer is not given out yet.
    start: usize,
    end: usize,
    /// Where in the file reading ends although it may go on.
    limit: u64,
}

enum Source {
    Plain(File),
    Compressed(Box<MultiGzDecoder<File>>),
}

impl Entries {
    /// The entries from where the file is read now.
    pub(crate) fn new(log: LogFile, format: LogFormat) -> Self {
        Self {
            source: if log.compressed {
                Source::Compressed(Box::new(MultiGzDecoder::new(log.file)))
            } else {
                Source::Plain(log.file)
            },
            format,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            limit: u64::MAX,
        }
    }

    /// Reads no further than the file is long now: who only looks at the past must come to an end however fast more is written.
    pub(crate) fn limit_to_present(&mut self) -> io::Result<()> {
        if let Source::Plain(file) = &self.source {
            self.limit = file.metadata()?.len();
        }
        Ok(())
    }

    /// Reads on as the file grows.
    pub(crate) fn lift_limit(&mut self) {
        self.limit = u64::MAX;
    }

    /// Begins anew if the file has become shorter than what was read: somebody emptied it, or it is the log's only one and was
    /// begun again.
    pub(crate) fn start_over_if_cut(&mut self) -> io::Result<()> {
        if let Source::Plain(file) = &mut self.source
            && file.metadata()?.len() < file.stream_position()?
        {
            file.rewind()?;
            (self.start, self.end) = (0, 0);
        }
        Ok(())
    }

    /// The file, as long as it can still grow.
    pub(crate) fn file(&self) -> Option<&File> {
        match &self.source {
            Source::Plain(file) => Some(file),
            Source::Compressed(_) => None,
        }
    }

    /// The next entry that is complete; what is there of an incomplete one is kept for later.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = 0;
        loop {
            let pending = &self.buffer[self.start..self.end];
            match frame(pending, self.format, searched) {
                Frame::Whole { text, used } => {
                    let (from, to) = (self.start + text.0, self.start + text.1);
                    self.start += used;
                    return Ok(Some(&self.buffer[from..to]));
                }
                // The next entry begins somewhere behind; a line's end will tell.
                Frame::Damaged => {
                    self.start = match self.format {
                        LogFormat::JsonFile => self.end,
                        LogFormat::Local => self.start + 1,
                    };
                    searched = 0;
                    continue;
                }
                Frame::More => searched = pending.len(),
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads on; false when there is nothing more now.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < BLOCK / 2 {
            self.buffer.resize(self.end + BLOCK, 0);
        }
        let room = &mut self.buffer[self.end..];
        let read = match &mut self.source {
            Source::Plain(file) if self.limit < u64::MAX => {
                let left = self.limit.saturating_sub(file.stream_position()?);
                file.take(left).read(room)
            }
            Source::Plain(file) => file.read(room),
            Source::Compressed(decoder) => match decoder.read(room) {
                // It is being written, or was cut off: what could be read of it has been.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
                    ) =>
                {
                    Ok(0)
                }
                other => other,
            },
        };
        let read = match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return self.fill(),
            other => other?,
        };
        self.end += read;
        Ok(read > 0)
    }
}

enum Frame {
    /// An entry from … to, and how much it takes up.
    Whole {
        text: (usize, usize),
        used: usize,
    },
    More,
    Damaged,
}

/// Looks for an entry at the beginning of `pending`, of which the first `searched` bytes have been looked at.
fn frame(pending: &[u8], format: LogFormat, searched: usize) -> Frame {
    match format {
        LogFormat::JsonFile => match memchr(b'\n', &pending[searched..]) {
            Some(at) => Frame::Whole {
                text: (0, searched + at),
                used: searched + at + 1,
            },
            None if pending.len() > LONGEST => Frame::Damaged,
            None => Frame::More,
        },
        LogFormat::Local => {
            let Some((length, _)) = pending.split_first_chunk::<4>() else {
                return Frame::More;
            };
            let length = u32::from_be_bytes(*length) as usize;
            if length == 0 || length > LONGEST {
                return Frame::Damaged;
            }
            if pending.len() < length + 8 {
                return Frame::More;
            }
            if pending[4 + length..8 + length] != pending[..4] {
                return Frame::Damaged;
            }
            Frame::Whole {
                text: (4, 4 + length),
                used: length + 8,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn all(entries: &mut Entries) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(entry) = entries.next().unwrap() {
            found.push(String::from_utf8_lossy(entry).into_owned());
        }
        found
    }

    fn entries(text: &[u8], compressed: bool, format: LogFormat) -> (Entries, File) {
        let mut writer = tempfile::NamedTempFile::new().unwrap();
        writer.write_all(text).unwrap();
        let file = File::open(writer.path()).unwrap();
        let log = LogFile {
            file,
            compressed,
            current: true,
        };
        (Entries::new(log, format), writer.reopen().unwrap())
    }

    #[test]
    fn lines_are_given_when_they_are_whole() {
        let (mut read, _) = entries(b"one\ntwo\nthr", false, LogFormat::JsonFile);
        assert_eq!(all(&mut read), ["one", "two"]);
    }

    #[test]
    fn a_file_that_grows_is_read_on() {
        use std::io::SeekFrom;
        let (mut read, mut writer) = entries(b"one\ntw", false, LogFormat::JsonFile);
        assert_eq!(all(&mut read), ["one"]);
        writer.seek(SeekFrom::End(0)).unwrap();
        let long = "x".repeat(BLOCK * 2);
        writer.write_all(format!("o\n{long}\n").as_bytes()).unwrap();
        assert_eq!(all(&mut read), ["two".to_owned(), long]);
    }

    #[test]
    fn framed_and_compressed_entries_are_found() {
        let mut framed = Vec::new();
        for text in ["a", "bcd"] {
            let length = (text.len() as u32).to_be_bytes();
            framed.extend_from_slice(&length);
            framed.extend_from_slice(text.as_bytes());
            framed.extend_from_slice(&length);
        }
        let (mut read, _) = entries(&framed, false, LogFormat::Local);
        assert_eq!(all(&mut read), ["a", "bcd"]);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&framed).unwrap();
        let packed = encoder.finish().unwrap();
        let (mut read, _) = entries(&packed, true, LogFormat::Local);
        assert_eq!(all(&mut read), ["a", "bcd"]);
        let (mut cut, _) = entries(&packed[..packed.len() - 12], true, LogFormat::Local);
        assert!(all(&mut cut).len() <= 2, "a cut file is no error");
    }

    #[test]
    fn damage_is_passed_over() {
        let (mut read, _) = entries(&[0xff; 64], false, LogFormat::Local);
        assert!(all(&mut read).is_empty());
        let damaged = [&b"\0\0\0\x01a\0\0\0\x01"[..], &[0; 64], b"\0\0\0\x02bc\0\0\0\x02"].concat();
        let (mut read, _) = entries(&damaged, false, LogFormat::Local);
        assert_eq!(all(&mut read), ["a", "bc"]);
    }

    #[test]
    fn the_past_ends_and_an_emptied_file_begins_anew() {
        let (mut read, mut writer) = entries(b"one\ntwo\n", false, LogFormat::JsonFile);
        read.limit_to_present().unwrap();
        writer.seek(std::io::SeekFrom::End(0)).unwrap();
        writer.write_all(b"three\n").unwrap();
        assert_eq!(all(&mut read), ["one", "two"]);
        read.lift_limit();
        assert_eq!(all(&mut read), ["three"]);
        writer.set_len(0).unwrap();
        writer.rewind().unwrap();
        writer.write_all(b"four\n").unwrap();
        read.start_over_if_cut().unwrap();
        assert_eq!(all(&mut read), ["four"]);
    }
}
