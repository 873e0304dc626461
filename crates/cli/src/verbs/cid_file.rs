//! The file of `--cidfile`: made before the container is, so that there is none whose identifier cannot be kept.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use crate::spec::open_error;

/// An empty file until the identifier is written; gone if it never is.
pub(super) struct CidFile {
    path: PathBuf,
    written: Cell<bool>,
}

impl CidFile {
    /// Makes the file, which must not be there.
    ///
    /// # Errors
    /// A sentence of Docker's.
    pub(super) fn create(path: &str) -> Result<Self, String> {
        if Path::new(path).exists() {
            return Err(format!(
                "container ID file found, make sure the other container isn't running or delete {path}"
            ));
        }
        fs::File::create(path).map_err(|error| {
            format!(
                "failed to create the container ID file: {}",
                open_error(Path::new(path), &error)
            )
        })?;
        Ok(Self {
            path: path.into(),
            written: Cell::new(false),
        })
    }

    /// Writes the identifier.
    ///
    /// # Errors
    /// A sentence of Docker's.
    pub(super) fn write(&self, id: &str) -> Result<(), String> {
        fs::write(&self.path, id)
            .map_err(|error| format!("failed to write the container ID to the file: {error}"))?;
        self.written.set(true);
        Ok(())
    }
}

impl Drop for CidFile {
    fn drop(&mut self) {
        if !self.written.get() {
            // Without an identifier it means nothing; whoever took it away meanwhile was right.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_only_with_an_identifier() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cid").display().to_string();
        drop(CidFile::create(&path).unwrap());
        let file = CidFile::create(&path).unwrap();
        file.write("0123").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "0123");
        assert!(
            CidFile::create(&path)
                .err()
                .unwrap()
                .starts_with("container ID file found")
        );
        let nowhere = CidFile::create(&format!("{path}/x")).err().unwrap();
        assert!(
            nowhere.starts_with("failed to create the container ID file: open"),
            "{nowhere}"
        );
    }
}
