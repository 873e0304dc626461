//! Changes that happen together or not at all.

use serde::Serialize;

use crate::{Result, Table};

/// Puts and deletes, applied in order by one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) changes: Vec<Change>,
}

/// One change to one record.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) table: Table,
    pub(crate) key: String,
    /// The new value; none deletes the record.
    pub(crate) value: Option<Vec<u8>>,
}

impl Batch {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `record` under `key`, replacing what is there.
    ///
    /// # Errors
    /// When `record` has no JSON form.
    pub fn put(
        &mut self,
        table: Table,
        key: impl Into<String>,
        record: &impl Serialize,
    ) -> Result<&mut Self> {
        let value = Some(serde_json::to_vec(record)?);
        let key = key.into();
        self.changes.push(Change { table, key, value });
        Ok(self)
    }

    /// Deletes the record under `key`, if there is one.
    pub fn delete(&mut self, table: Table, key: impl Into<String>) -> &mut Self {
        self.changes.push(Change {
            table,
            key: key.into(),
            value: None,
        });
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
