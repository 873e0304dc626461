//! A blob that is whole and verified, but not yet visible under its digest.

use std::fs::{self, File};
use std::sync::Arc;

use corten_types::Digest;

use crate::progress::Progress;
use crate::writer::Unfinished;
use crate::{Error, Follower, Result, Store};

/// Waits for [`Store::commit`]. Dropped instead, it leaves nothing.
#[derive(Debug)]
pub struct StagedBlob {
    store: Store,
    digest: Digest,
    size: u64,
    path: Unfinished,
    progress: Arc<Progress>,
}

impl StagedBlob {
    pub(crate) fn new(
        store: Store,
        digest: Digest,
        size: u64,
        path: Unfinished,
        progress: Arc<Progress>,
    ) -> Self {
        Self {
            store,
            digest,
            size,
            path,
            progress,
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

    /// As [`crate::Writer::follow`]; all of it is there.
    pub fn follow(&self) -> Follower {
        self.path.follow(&self.progress)
    }

    /// Makes its bytes durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.open()?.sync_data().map_err(Error::io("sync blob"))
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
