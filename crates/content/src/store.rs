//! The blob store.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use corten_types::Digest;

use crate::progress::Progress;
use crate::{Error, Follower, Result, StagedBlob, Writer};

const COPY_BUFFER: usize = 256 * 1024;
/// So many blobs are synced by syncing all of the file system: each by itself would take a commit of its journal.
const MANY: usize = 32;

/// A directory of blobs. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    blobs: PathBuf,
    ingest: PathBuf,
    /// Number of the next ingest file.
    next: AtomicU64,
}

impl Store {
    /// Opens the store at `root`, making it if missing, and removes what a crash left half written.
    ///
    /// # Errors
    /// When the directories cannot be made or cleaned.
    pub fn open(root: &Path) -> Result<Self> {
        let blobs = root.join("blobs").join("sha256");
        let ingest = root.join("ingest");
        fs::create_dir_all(&blobs).map_err(Error::io("create blob directory"))?;
        fs::create_dir_all(&ingest).map_err(Error::io("create ingest directory"))?;
        for entry in fs::read_dir(&ingest).map_err(Error::io("read ingest directory"))? {
            let entry = entry.map_err(Error::io("read ingest directory"))?;
            fs::remove_file(entry.path()).map_err(Error::io("remove ingest leftover"))?;
        }
        let next = AtomicU64::new(0);
        Ok(Self {
            inner: Arc::new(Inner { blobs, ingest, next }),
        })
    }

    /// Where a blob is, or would be.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.inner.blobs.join(digest.hex())
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`Error::NotFound`], or when it cannot be opened.
    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        File::open(self.path(digest)).map_err(|source| not_found_or(digest, source, "open blob"))
    }

    /// Reads a blob as those are read that are still being written.
    ///
    /// # Errors
    /// [`Error::NotFound`], or when its size cannot be told.
    pub fn follow(&self, digest: &Digest) -> Result<Follower> {
        let size = self.size(digest)?;
        Ok(Follower::new(self.path(digest), Arc::new(Progress::whole(size))))
    }

    /// A whole blob; only for small ones, configs and manifests.
    ///
    /// # Errors
    /// As [`Store::open_blob`].
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>> {
        fs::read(self.path(digest)).map_err(|source| not_found_or(digest, source, "read blob"))
    }

    /// Whether the blob is there.
    pub fn exists(&self, digest: &Digest) -> bool {
        self.path(digest).exists()
    }

    /// A blob's size in bytes.
    ///
    /// # Errors
    /// As [`Store::open_blob`].
    pub fn size(&self, digest: &Digest) -> Result<u64> {
        match fs::metadata(self.path(digest)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(source) => Err(not_found_or(digest, source, "stat blob")),
        }
    }

    /// Every blob with its size in bytes, in no order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> Result<Vec<(Digest, u64)>> {
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&self.inner.blobs).map_err(Error::io("list blobs"))? {
            let entry = entry.map_err(Error::io("list blobs"))?;
            // Anything else in there is not ours.
            if let Some(digest) = entry
                .file_name()
                .to_str()
                .and_then(|name| Digest::from_hex(name).ok())
            {
                blobs.push((digest, entry.metadata().map_err(Error::io("list blobs"))?.len()));
            }
        }
        Ok(blobs)
    }

    /// Deletes a blob; tells whether it was there. Open readers read on.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn delete(&self, digest: &Digest) -> Result<bool> {
        match fs::remove_file(self.path(digest)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("delete blob")(error)),
        }
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub fn writer(&self) -> Result<Writer> {
        let number = self.inner.next.fetch_add(1, Ordering::Relaxed);
        Writer::create(self.clone(), self.inner.ingest.join(number.to_string()))
    }

    /// Writes all of `reader` to a blob that is verified but not yet visible.
    ///
    /// # Errors
    /// [`Error::Mismatch`], or when reading or writing fails.
    pub fn stage(&self, reader: &mut impl Read, expected: Option<&Digest>) -> Result<StagedBlob> {
        let mut writer = self.writer()?;
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return writer.finish(expected),
                Ok(count) => writer.append(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read incoming blob")(error)),
            }
        }
    }

    /// Makes staged blobs visible, durably.
    ///
    /// # Errors
    /// When syncing or renaming fails; some of the blobs may be visible then.
    pub fn commit(&self, staged: Vec<StagedBlob>) -> Result<()> {
        if staged.is_empty() {
            return Ok(());
        }
        if staged.len() > MANY {
            self.sync()?;
        } else {
            for blob in &staged {
                blob.sync()?;
            }
        }
        for blob in staged {
            blob.publish()?;
        }
        self.sync_names()
    }

    /// Bytes that may still be written; none if the file system does not tell.
    pub fn free_space(&self) -> u64 {
        rustix::fs::statvfs(&self.inner.ingest).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// A directory on the same disk for files without a name; should one keep its name, it is removed at the next open.
    pub fn spool(&self) -> &Path {
        &self.inner.ingest
    }

    /// Syncs the file system the store is on.
    fn sync(&self) -> Result<()> {
        let directory = File::open(&self.inner.blobs).map_err(Error::io("sync file system"))?;
        rustix::fs::syncfs(directory).map_err(Error::io("sync file system"))
    }

    /// Makes renames into the blob directory durable.
    pub(crate) fn sync_names(&self) -> Result<()> {
        let directory = File::open(&self.inner.blobs).map_err(Error::io("sync blob directory"))?;
        directory.sync_all().map_err(Error::io("sync blob directory"))
    }
}

fn not_found_or(digest: &Digest, source: io::Error, doing: &'static str) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound => Error::NotFound(digest.clone()),
        _ => Error::io(doing)(source),
    }
}
