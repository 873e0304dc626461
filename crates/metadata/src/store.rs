//! The store as its users see it.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::database::DatabaseFile;
use crate::writer::Writer;
use crate::{Batch, Result, Snapshot, Table};

/// When a commit returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After the batch is on disk. Concurrent callers share one sync, about a millisecond.
    Durable,
    /// At once: for state that a restart can find out again. It reaches the disk with the next durable commit, at the
    /// latest about a second later; a failure to write it is only logged. Later reads of this store do see it.
    Eventual,
}

/// The metadata store: all of a daemon's records.
///
/// One thread writes: it gathers whatever batches are queued into one transaction, syncs once and answers all callers.
/// When the disk is full it gives back a reserve of 1 MiB and tries again, so that removing things still works; if even
/// that fails the batch fails with [`crate::Error::NoSpace`], nothing is lost, and later commits succeed as soon as there is
/// space.
pub struct Store {
    file: Arc<DatabaseFile>,
    writer: Writer,
}

impl Store {
    /// Opens the store in `directory`, making both if missing.
    ///
    /// # Errors
    /// When the file cannot be made or read, is in use, or is of a later schema.
    pub fn open(directory: &Path) -> Result<Self> {
        let file = Arc::new(DatabaseFile::open(directory)?);
        let writer = Writer::start(Arc::clone(&file))?;
        Ok(Self { file, writer })
    }

    /// Runs `f` on a consistent view of all tables. Keep it short: it may hold up a recovery from a full disk.
    ///
    /// # Errors
    /// What `f` returns, or when the database cannot be read.
    pub fn read<T>(&self, f: impl FnOnce(&Snapshot) -> Result<T>) -> Result<T> {
        self.writer.flush_eventual()?;
        self.file.read(|transaction| f(&Snapshot::new(transaction)))
    }

    /// The record under `key`, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read or the record is no `T`.
    pub fn get<T: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<T>> {
        self.read(|snapshot| snapshot.get(table, key))
    }

    /// All records of a table with their keys, in the order of the keys.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn all<T: DeserializeOwned>(&self, table: Table) -> Result<Vec<(String, T)>> {
        self.read(|snapshot| snapshot.all(table))
    }

    /// Applies a batch. Batches take effect in the order in which they were committed, whatever their durability.
    ///
    /// # Errors
    /// [`crate::Error::NoSpace`] on a full disk, or when the database failed; nothing of the batch is written then.
    pub fn commit(&self, batch: Batch, durability: Durability) -> Result<()> {
        self.writer.commit(batch, durability)
    }
}
