//! A consistent view of all tables at one moment.

use redb::{ReadTransaction, ReadableTable};
use serde::de::DeserializeOwned;

use crate::{Result, Table};

/// What [`crate::Store::read`] hands to its closure.
pub struct Snapshot {
    transaction: ReadTransaction,
}

impl Snapshot {
    pub(crate) fn new(transaction: ReadTransaction) -> Self {
        Self { transaction }
    }

    /// The record under `key`, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read or the record is no `T`.
    pub fn get<T: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<T>> {
        let table = self.transaction.open_table(table.definition())?;
        let Some(value) = table.get(key)? else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_slice(value.value())?))
    }

    /// All records of a table with their keys, in the order of the keys.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn all<T: DeserializeOwned>(&self, table: Table) -> Result<Vec<(String, T)>> {
        let table = self.transaction.open_table(table.definition())?;
        let mut records = Vec::new();
        for entry in table.iter()? {
            let (key, value) = entry?;
            records.push((key.value().to_owned(), serde_json::from_slice(value.value())?));
        }
        Ok(records)
    }
}
