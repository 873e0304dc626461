//! The redb file and its reserve: opening, schema check, applying changes, and recovery from a full disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase, TableDefinition};

use crate::batch::Change;
use crate::reserve::Reserve;
use crate::{Error, Result, SCHEMA_VERSION, Table};

const FILE_NAME: &str = "metadata.redb";
const RESERVE_NAME: &str = "metadata.reserve";
/// redb's default of 1 GiB is meant for databases larger than ours will ever be.
const CACHE_BYTES: usize = 2 * 1024 * 1024;
const SCHEMA: TableDefinition<'static, &str, u64> = TableDefinition::new("schema");
const SCHEMA_KEY: &str = "version";

/// An open database file.
pub(crate) struct DatabaseFile {
    path: PathBuf,
    reserve: Mutex<Reserve>,
    /// Written only to reopen; readers and the writer hold it shared. None only after a reopen failed: the next write tries
    /// again.
    database: RwLock<Option<Database>>,
}

impl DatabaseFile {
    /// Opens or makes the file under `directory`.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(FILE_NAME);
        let database = open_database(&path)?;
        Ok(Self {
            path,
            reserve: Mutex::new(Reserve::new(directory.join(RESERVE_NAME))?),
            database: RwLock::new(Some(database)),
        })
    }

    /// Runs `f` on a consistent view of everything committed so far.
    pub(crate) fn read<T>(&self, f: impl FnOnce(ReadTransaction) -> Result<T>) -> Result<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        f(database.as_ref().ok_or(Error::Closed)?.begin_read()?)
    }

    /// Applies all changes durably, or none of them.
    ///
    /// A full disk is met by giving back the reserve and trying once more on a reopened database.
    pub(crate) fn apply(&self, changes: &[&Change]) -> Result<()> {
        let mut reserve = self.reserve.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match self.try_apply(changes) {
            Err(error) if error.needs_reopen() => {
                let freed = reserve.give_back()?;
                self.reopen()?;
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(freed, error = cause, "metadata commit failed, trying again");
                self.try_apply(changes)
            }
            result => result,
        };
        match &result {
            Ok(()) => reserve.refill()?,
            // Reads, and writes once there is space again, need a database that does not refuse them.
            Err(error) if error.needs_reopen() => self.reopen()?,
            Err(_) => {}
        }
        result
    }

    fn try_apply(&self, changes: &[&Change]) -> Result<()> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.as_ref().ok_or(Error::Closed)?.begin_write()?;
        for change in changes {
            let mut table = transaction.open_table(change.table.definition())?;
            match &change.value {
                Some(value) => table.insert(change.key.as_str(), value.as_slice())?,
                None => table.remove(change.key.as_str())?,
            };
        }
        transaction.commit()?;
        Ok(())
    }

    fn reopen(&self) -> Result<()> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The old handle holds the file lock.
        *database = None;
        *database = Some(open_database(&self.path)?);
        Ok(())
    }
}

/// Opens the file, makes missing tables and checks the schema version.
fn open_database(path: &Path) -> Result<Database> {
    let database = redb::Builder::new().set_cache_size(CACHE_BYTES).create(path)?;
    let found = match database.begin_read()?.open_table(SCHEMA) {
        Ok(table) => table.get(SCHEMA_KEY)?.map(|version| version.value()),
        Err(redb::TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    match found {
        Some(SCHEMA_VERSION) => {}
        Some(found) => {
            return Err(Error::TooNew {
                found,
                supported: SCHEMA_VERSION,
            });
        }
        None => {
            let transaction = database.begin_write()?;
            for table in Table::ALL {
                transaction.open_table(table.definition())?;
            }
            transaction
                .open_table(SCHEMA)?
                .insert(SCHEMA_KEY, SCHEMA_VERSION)?;
            transaction.commit()?;
        }
    }
    Ok(database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = DatabaseFile::open(dir.path()).unwrap();
        let database = file.database.write().unwrap().take().unwrap();
        let transaction = database.begin_write().unwrap();
        transaction
            .open_table(SCHEMA)
            .unwrap()
            .insert(SCHEMA_KEY, SCHEMA_VERSION + 1)
            .unwrap();
        transaction.commit().unwrap();
        drop(database);
        drop(file);
        let error = DatabaseFile::open(dir.path()).err().unwrap();
        assert_eq!(
            error.to_string(),
            "metadata schema version 2 is newer than this release understands (1)"
        );
    }
}
