//! Docker's `json-file` log format, read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use corten_sandbox::StreamKind;
use jiff::Timestamp;
use serde::Deserialize;

/// One line of a log file.
#[derive(Debug, Deserialize)]
struct Line {
    log: String,
    stream: String,
    time: String,
    #[serde(default)]
    attrs: BTreeMap<String, String>,
}

/// Which lines are wanted, and how they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// Lines of standard output.
    pub stdout: bool,
    /// Lines of standard error.
    pub stderr: bool,
    /// Go on with what is written until the container ends.
    pub follow: bool,
    /// Not before this, in nanoseconds since the Unix epoch.
    pub since_ns: Option<i64>,
    /// Not after this, in nanoseconds since the Unix epoch.
    pub until_ns: Option<i64>,
    /// Put the time before each line.
    pub timestamps: bool,
    /// Put the log attributes before each line.
    pub details: bool,
    /// Only that many lines from the end.
    pub tail: Option<u64>,
}

/// What a line comes to.
pub(crate) enum Entry {
    /// To be shown.
    Show(StreamKind, Bytes),
    /// Not asked for.
    Skip,
    /// Later than asked for; nothing after it will be shown either.
    Past,
}

/// Decides on one raw line (without its newline). A damaged line is skipped: a machine that lost power may have left one.
pub(crate) fn entry(raw: &[u8], query: &LogQuery) -> Entry {
    let Ok(line) = serde_json::from_slice::<Line>(raw) else {
        return Entry::Skip;
    };
    let (kind, wanted) = match line.stream.as_str() {
        "stderr" => (StreamKind::Stderr, query.stderr),
        _ => (StreamKind::Stdout, query.stdout),
    };
    if !wanted {
        return Entry::Skip;
    }
    let mut text = String::new();
    if query.since_ns.is_some() || query.until_ns.is_some() || query.timestamps {
        let Ok(time) = line.time.parse::<Timestamp>() else {
            return Entry::Skip;
        };
        let ns = time.as_nanosecond();
        if query.since_ns.is_some_and(|since| ns < i128::from(since)) {
            return Entry::Skip;
        }
        if query.until_ns.is_some_and(|until| ns > i128::from(until)) {
            return Entry::Past;
        }
        if query.timestamps {
            text = format!("{time:.9} ");
        }
    }
    if query.details {
        let attributes: Vec<String> = line
            .attrs
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        text.push_str(&attributes.join(","));
        text.push(' ');
    }
    text.push_str(&line.log);
    Entry::Show(kind, text.into())
}

/// The files of a log, oldest first: `path.N` … `path.1`, `path`.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let rotated = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    };
    let mut files: Vec<PathBuf> = (1..).map(rotated).take_while(|file| file.exists()).collect();
    files.reverse();
    files.push(path.to_owned());
    files
}

/// Where to begin in each file so that `tail` lines remain in all (all of them when `None`).
pub(crate) fn starts(files: &[PathBuf], tail: Option<u64>) -> io::Result<Vec<(PathBuf, u64)>> {
    let Some(mut wanted) = tail else {
        return Ok(files.iter().map(|file| (file.clone(), 0)).collect());
    };
    let mut starts = Vec::new();
    for path in files.iter().rev() {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let (offset, found) = line_start_from_end(&mut file, wanted)?;
        starts.push((path.clone(), offset));
        wanted -= found;
        if wanted == 0 {
            break;
        }
    }
    starts.reverse();
    Ok(starts)
}

/// Offset at which the last `wanted` lines begin, and how many there are from there (at most `wanted`).
fn line_start_from_end(file: &mut File, wanted: u64) -> io::Result<(u64, u64)> {
    const CHUNK: u64 = 64 << 10;
    let end = file.seek(SeekFrom::End(0))?;
    if wanted == 0 {
        return Ok((end, 0));
    }
    let (mut position, mut newlines) = (end, 0);
    let mut buffer = Vec::new();
    while position > 0 {
        let size = CHUNK.min(position);
        position -= size;
        file.seek(SeekFrom::Start(position))?;
        buffer.clear();
        file.by_ref().take(size).read_to_end(&mut buffer)?;
        for (index, byte) in buffer.iter().enumerate().rev() {
            if *byte != b'\n' {
                continue;
            }
            // The newline before the wanted lines is one more than the lines themselves have.
            if newlines == wanted {
                return Ok((position + index as u64 + 1, wanted));
            }
            newlines += 1;
        }
    }
    Ok((0, newlines))
}

/// Whole lines of a file, from some offset on.
pub(crate) struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    pub(crate) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self {
            reader: BufReader::with_capacity(64 << 10, file),
            line: Vec::new(),
        })
    }

    /// The next line that is complete; what is there of an incomplete one is kept for later.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.reader.read_until(b'\n', &mut self.line)?;
        if self.line.last() == Some(&b'\n') {
            let mut line = std::mem::take(&mut self.line);
            line.pop();
            Ok(Some(line))
        } else {
            Ok(None)
        }
    }

    pub(crate) fn file(&self) -> &File {
        self.reader.get_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: LogQuery = LogQuery {
        stdout: true,
        stderr: true,
        follow: false,
        since_ns: None,
        until_ns: None,
        timestamps: false,
        details: false,
        tail: None,
    };

    fn shown(raw: &str, query: LogQuery) -> Option<String> {
        match entry(raw.as_bytes(), &query) {
            Entry::Show(_, text) => Some(String::from_utf8_lossy(&text).into_owned()),
            _ => None,
        }
    }

    #[test]
    fn times_are_shown_with_nine_digits() {
        let raw = r#"{"log":"a\u003cb\n","stream":"stdout","time":"2026-01-02T03:04:05.5Z"}"#;
        assert_eq!(shown(raw, ALL).unwrap(), "a<b\n");
        assert_eq!(
            shown(
                raw,
                LogQuery {
                    timestamps: true,
                    ..ALL
                }
            )
            .unwrap(),
            "2026-01-02T03:04:05.500000000Z a<b\n"
        );
        assert_eq!(shown(raw, LogQuery { stdout: false, ..ALL }), None);
        assert_eq!(
            shown(
                raw,
                LogQuery {
                    since_ns: Some(i64::MAX),
                    ..ALL
                }
            ),
            None
        );
        assert_eq!(shown("{broken", ALL), None);
    }

    #[test]
    fn tails_reach_into_rotated_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "4\n5\n").unwrap();
        std::fs::write(dir.path().join("log.1"), "2\n3\n").unwrap();
        std::fs::write(dir.path().join("log.2"), "0\n1\n").unwrap();
        let read = |tail| {
            let mut all = Vec::new();
            for (file, offset) in starts(&files(&path), tail).unwrap() {
                let mut lines = Lines::open(&file, offset).unwrap();
                while let Some(line) = lines.next().unwrap() {
                    all.push(String::from_utf8(line).unwrap());
                }
            }
            all.join("")
        };
        assert_eq!(read(None), "012345");
        assert_eq!(read(Some(0)), "");
        assert_eq!(read(Some(1)), "5");
        assert_eq!(read(Some(3)), "345");
        assert_eq!(read(Some(99)), "012345");
    }
}
