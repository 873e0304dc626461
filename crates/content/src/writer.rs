//! A blob being written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use corten_types::Digest;
use sha2::{Digest as _, Sha256};

use crate::{Error, Result, StagedBlob, Store};

/// Takes a blob's bytes, hashing them on the way. Dropped before it is finished, it leaves nothing.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    file: File,
    hash: Sha256,
    size: u64,
    path: Unfinished,
}

/// A temporary file that is removed on drop unless it became something.
#[derive(Debug)]
pub(crate) struct Unfinished(Option<PathBuf>);

impl Writer {
    pub(crate) fn create(store: Store, path: PathBuf) -> Result<Self> {
        let file = File::create_new(&path).map_err(Error::io("create ingest file"))?;
        Ok(Self {
            store,
            file,
            hash: Sha256::new(),
            size: 0,
            path: Unfinished(Some(path)),
        })
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends to the blob, like [`Write::write_all`] but with this crate's error.
    ///
    /// # Errors
    /// When writing fails.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(Error::io("write blob"))
    }

    /// Ends the blob and verifies it; it is neither visible nor durable yet.
    ///
    /// # Errors
    /// [`Error::Mismatch`].
    pub fn finish(self, expected: Option<&Digest>) -> Result<StagedBlob> {
        self.seal(expected).map(|(staged, _)| staged)
    }

    /// As [`Writer::finish`], with the file for whoever wants to sync it: staged blobs hold none, there may be thousands.
    fn seal(self, expected: Option<&Digest>) -> Result<(StagedBlob, File)> {
        let found = Digest::from_sha256(self.hash.finalize().into());
        if let Some(expected) = expected
            && *expected != found
        {
            return Err(Error::Mismatch {
                expected: expected.clone(),
                found,
            });
        }
        let staged = StagedBlob::new(self.store, found, self.size, self.path);
        Ok((staged, self.file))
    }

    /// Ends the blob, verifies it and makes it visible and durable.
    ///
    /// # Errors
    /// [`Error::Mismatch`], or when syncing or renaming fails.
    pub fn commit(self, expected: Option<&Digest>) -> Result<Digest> {
        let store = self.store.clone();
        let (staged, file) = self.seal(expected)?;
        let digest = staged.digest().clone();
        file.sync_data().map_err(Error::io("sync blob"))?;
        staged.publish()?;
        store.sync_names()?;
        Ok(digest)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unfinished {
    /// Where it is; none once it became something.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// The file became something: nothing to remove any more.
    pub(crate) fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = fs::remove_file(&path)
        {
            // It goes at the next open.
            tracing::warn!(path = %path.display(), error = &error as &dyn std::error::Error, "ingest file left behind");
        }
    }
}
