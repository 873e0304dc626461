//! A blob that is whole and verified, but not yet visible under its digest.

use std::fs::{self, File};

use corten_types::Digest;

use crate::writer::Unfinished;
use crate::{Error, Result, Store};

/// Waits for [`Store::commit`]. Dropped instead, it leaves nothing.
#[derive(Debug)]
pub struct StagedBlob {
    store: Store,
    digest: Digest,
    size: u64,
    path: Unfinished,
}

impl StagedBlob {
    pub(crate) fn new(store: Store, digest: Digest, size: u64, path: Unfinished) -> Self {
        Self {
            store,
            digest,
            size,
            path,
        }
    }

    /// Its digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Opens it for reading from its beginning; every call opens anew, so that several threads may read.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self) -> Result<File> {
        let path = self
            .path
            .path()
            .ok_or_else(|| Error::NotFound(self.digest.clone()))?;
        File::open(path).map_err(Error::io("open staged blob"))
    }

    /// Renames it to where its digest says.
    pub(crate) fn publish(mut self) -> Result<()> {
        let to = self.store.path(&self.digest);
        let from = self
            .path
            .path()
            .ok_or_else(|| Error::NotFound(self.digest.clone()))?;
        // A blob already there has the same bytes: replacing it harms no reader.
        fs::rename(from, to).map_err(Error::io("rename blob"))?;
        self.path.disarm();
        Ok(())
    }
}
