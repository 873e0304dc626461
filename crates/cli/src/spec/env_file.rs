//! What surrounds the command line: environment, working directory, and files of variables.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What surrounds the command line, apart so that tests can make it up.
pub(crate) struct Surroundings {
    /// Working directory.
    pub(crate) directory: PathBuf,
    /// A variable of the environment.
    pub(crate) variable: fn(&str) -> Option<String>,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn real() -> io::Result<Self> {
        Ok(Self {
            directory: std::env::current_dir()?,
            variable: |name| std::env::var(name).ok(),
        })
    }

    /// `NAME=value` from a flag: as it is; `NAME` alone takes its value from the environment, and stays alone (which
    /// removes an image's variable) where there is none.
    pub(super) fn resolve(&self, entry: &str) -> String {
        if entry.contains('=') {
            return entry.to_owned();
        }
        match (self.variable)(entry) {
            Some(value) => format!("{entry}={value}"),
            None => entry.to_owned(),
        }
    }
}

/// The lines of a file of `NAME=value`; `NAME` alone takes its value from `lookup` and is left out where that has none.
pub(super) fn read(path: &Path, lookup: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, String> {
    let invalid = |reason: String| format!("invalid env file ({}): {reason}", path.display());
    let text = fs::read(path).map_err(|error| match error.kind() {
        // Found out only when it is read.
        io::ErrorKind::IsADirectory => invalid(open_error(path, &error)),
        _ => open_error(path, &error),
    })?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let text = std::str::from_utf8(text)
        .map_err(|_| invalid(format!("env file {} contains invalid utf8 bytes", path.display())))?;
    let mut entries = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (line, None),
        };
        if name.is_empty() {
            return Err(invalid(format!("no variable name on line '{line}'")));
        }
        if name.contains(char::is_whitespace) {
            return Err(invalid(format!("variable '{name}' contains whitespaces")));
        }
        match value {
            Some(_) => entries.push(line.to_owned()),
            None => entries.extend(lookup(name).map(|value| format!("{name}={value}"))),
        }
    }
    Ok(entries)
}

/// Why a file could not be read, in Go's words: a directory can be opened, but not read.
pub(crate) fn open_error(path: &Path, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => error.to_string(),
    };
    let step = match error.kind() {
        io::ErrorKind::IsADirectory => "read",
        _ => "open",
    };
    format!("{step} {}: {reason}", path.display())
}

/// `key=value` texts as a map; a key alone has an empty value.
pub(super) fn key_values<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> BTreeMap<String, String> {
    entries
        .into_iter()
        .map(|entry| {
            let entry = entry.as_ref();
            let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_of_variables() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("env");
        fs::write(&file, "A=1\n# no\n\nB\nHOME\n C=x y\n").unwrap();
        let home = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        assert_eq!(read(&file, home).unwrap(), ["A=1", "HOME=/root", "C=x y"]);
        fs::write(&file, "A B=1").unwrap();
        assert_eq!(
            read(&file, home).unwrap_err(),
            format!(
                "invalid env file ({}): variable 'A B' contains whitespaces",
                file.display()
            )
        );
        fs::write(&file, "=1").unwrap();
        assert!(
            read(&file, home)
                .unwrap_err()
                .ends_with("no variable name on line '=1'")
        );
        let missing = dir.path().join("x");
        assert_eq!(
            read(&missing, home).unwrap_err(),
            format!("open {}: no such file or directory", missing.display())
        );
    }
}
