//! A blob being written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corten_types::Digest;
use rustix::fs::Advice;
use sha2::{Digest as _, Sha256};

use crate::progress::{End, Progress};
use crate::{Error, Follower, Result, StagedBlob, Store};

/// Bytes that are sent to the disk at a time.
const WINDOW: u64 = 8 << 20;

/// Takes a blob's bytes, hashing them on the way. Dropped before it is finished, it leaves nothing.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    file: File,
    hash: Sha256,
    size: u64,
    /// Bytes the kernel was asked to write to disk.
    under_way: u64,
    path: Unfinished,
    progress: Told,
}

/// What followers are told; that the blob was given up, if nothing else was said.
#[derive(Debug, Default)]
struct Told(Arc<Progress>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.end(End::GivenUp);
    }
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
            under_way: 0,
            path: Unfinished(Some(path)),
            progress: Told::default(),
        })
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Another's view of the blob: reads what is written, and what will be as it comes. Only until it is committed.
    pub fn follow(&self) -> Follower {
        self.path.follow(&self.progress.0)
    }

    /// Appends to the blob, like [`Write::write_all`] but with this crate's error.
    ///
    /// # Errors
    /// When writing fails.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(Error::io("write blob"))
    }

    /// Has what was written go to the disk now, so that syncing finds little left to do. It is a hint: failing is no harm.
    fn write_back(&mut self) {
        if let Some(length) = NonZero::new(self.size - self.under_way).filter(|length| length.get() >= WINDOW)
        {
            // What it means on Linux: dirty pages are written, those that are clean already need not be kept.
            let _hint = rustix::fs::fadvise(&self.file, self.under_way, Some(length), Advice::DontNeed);
            self.under_way = self.size;
        }
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
        self.progress.0.end(End::Whole);
        let progress = Arc::clone(&self.progress.0);
        let staged = StagedBlob::new(self.store, found, self.size, self.path, progress);
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
        self.write_back();
        self.progress.0.advance(self.size);
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

    /// Reads along; `progress` tells how far it is written.
    pub(crate) fn follow(&self, progress: &Arc<Progress>) -> Follower {
        let path = self.0.clone().unwrap_or_default();
        Follower::new(path, Arc::clone(progress))
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
