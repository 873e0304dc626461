//! Access to control files: one open and one write or read each, with errors that name the file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::{Error, Result};

/// Reads a whole control file.
pub(crate) fn read(path: &Path) -> Result<String> {
    try_read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// Reads a control file that this kernel may not have.
pub(crate) fn read_if_exists(path: &Path) -> Result<Option<String>> {
    match try_read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Reads a control file that holds one number; `max` reads as `u64::MAX`.
pub(crate) fn read_number(path: &Path) -> Result<u64> {
    let text = read(path)?;
    parse_number(&text).ok_or_else(|| Error::Content {
        path: path.to_owned(),
    })
}

/// One number, or `max`.
pub(crate) fn parse_number(text: &str) -> Option<u64> {
    match text.trim() {
        "max" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// The value after `key` in a "key value" per line file.
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Writes a value with a single write(2): control files take each write as one command.
pub(crate) fn try_write(path: &Path, value: &str) -> io::Result<()> {
    // No O_CREAT and no O_TRUNC: the file is the kernel's or it is not there.
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(value.as_bytes())
}

/// [`try_write`] with an error that names file and value.
pub(crate) fn write(path: &Path, value: &str) -> Result<()> {
    try_write(path, value).map_err(|source| Error::Write {
        path: path.to_owned(),
        value: value.to_owned(),
        source,
    })
}

fn try_read(path: &Path) -> io::Result<String> {
    // Control files claim to have a size of 0 or 4096: most fit into the first page, so read with room for one.
    let mut text = String::with_capacity(4096);
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_keys() {
        assert_eq!(parse_number("max\n"), Some(u64::MAX));
        assert_eq!(parse_number("42\n"), Some(42));
        assert_eq!(parse_number("x"), None);
        let text = "oom 1\noom_kill 3\noom_group_kill 7\n";
        assert_eq!(keyed(text, "oom_kill"), Some(3));
        assert_eq!(keyed(text, "oom_ki"), None);
    }
}
