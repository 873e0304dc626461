//! Only the last entries of a log: files are looked through from their end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use corten_sandbox::LogFormat;
use flate2::read::MultiGzDecoder;

use super::LogFile;

/// Leaves of all files (oldest first) those that hold the last `wanted` entries, the first of them at its first wanted one.
/// Compressed files that are needed are unpacked to unnamed files in the system's directory for such.
pub(crate) fn skip_to_tail(files: Vec<LogFile>, wanted: u64, format: LogFormat) -> io::Result<Vec<LogFile>> {
    let mut left = wanted;
    let mut kept = Vec::new();
    for mut log in files.into_iter().rev() {
        if left == 0 && !log.current {
            break;
        }
        if log.compressed {
            log.file = unpacked(log.file)?;
            log.compressed = false;
        }
        let (offset, found) = match format {
            LogFormat::JsonFile => last_lines(&mut log.file, left)?,
            LogFormat::Local => last_framed(&mut log.file, left)?,
        };
        log.file.seek(SeekFrom::Start(offset))?;
        left -= found;
        kept.push(log);
    }
    kept.reverse();
    Ok(kept)
}

fn unpacked(file: File) -> io::Result<File> {
    let mut plain = tempfile::tempfile()?;
    match io::copy(&mut MultiGzDecoder::new(file), &mut plain) {
        // Cut off: what could be read of it is there.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        other => drop(other?),
    }
    Ok(plain)
}

/// Offset at which the last `wanted` lines begin, and how many there are from there (at most `wanted`).
fn last_lines(file: &mut File, wanted: u64) -> io::Result<(u64, u64)> {
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
        for index in memchr::memrchr_iter(b'\n', &buffer) {
            // The newline before the wanted lines is one more than the lines themselves have.
            if newlines == wanted {
                return Ok((position + index as u64 + 1, wanted));
            }
            newlines += 1;
        }
    }
    Ok((0, newlines))
}

/// The same for framed entries, whose length stands behind them, too.
fn last_framed(file: &mut File, wanted: u64) -> io::Result<(u64, u64)> {
    let mut position = file.seek(SeekFrom::End(0))?;
    let mut found = 0;
    let mut length = [0; 4];
    while found < wanted && position > 8 {
        file.seek(SeekFrom::Start(position - 4))?;
        file.read_exact(&mut length)?;
        let whole = u64::from(u32::from_be_bytes(length)) + 8;
        let Some(start) = position.checked_sub(whole) else {
            break;
        };
        position = start;
        found += 1;
    }
    Ok((position, found))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn log(text: &[u8], compressed: bool, current: bool) -> LogFile {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        LogFile {
            file,
            compressed,
            current,
        }
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn rest(files: Vec<LogFile>) -> Vec<String> {
        let text = |mut log: LogFile| {
            let mut text = String::new();
            log.file.read_to_string(&mut text).unwrap();
            text
        };
        files.into_iter().map(text).collect()
    }

    #[test]
    fn the_tail_reaches_back_over_files() {
        let files = || {
            vec![
                log(&packed(b"a\nb\n"), true, false),
                log(b"c\n", false, false),
                log(b"d\ne\n", false, true),
            ]
        };
        let tail = |wanted| rest(skip_to_tail(files(), wanted, LogFormat::JsonFile).unwrap());
        assert_eq!(tail(0), [""]);
        assert_eq!(tail(1), ["e\n"]);
        assert_eq!(tail(3), ["c\n", "d\ne\n"]);
        assert_eq!(tail(4), ["b\n", "c\n", "d\ne\n"]);
        assert_eq!(tail(9), ["a\nb\n", "c\n", "d\ne\n"]);
    }

    #[test]
    fn framed_entries_are_counted_from_behind() {
        let framed = |text: &str| {
            let length = (text.len() as u32).to_be_bytes();
            [&length[..], text.as_bytes(), &length[..]].concat()
        };
        let text = [framed("one"), framed("three")].concat();
        let mut file = log(&text, false, true).file;
        assert_eq!(last_framed(&mut file, 1).unwrap(), (11, 1));
        assert_eq!(last_framed(&mut file, 5).unwrap(), (0, 2));
        assert_eq!(last_framed(&mut file, 0).unwrap(), (text.len() as u64, 0));
    }
}
