//! Eventual changes that found no space on the disk, kept until they do.

use std::collections::HashMap;

use crate::Table;
use crate::batch::Change;

/// The last such change of each record: no more than there are records.
#[derive(Default)]
pub(crate) struct Unwritten(HashMap<(Table, String), Change>);

impl Unwritten {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.0.values()
    }

    /// Keeps changes that are newer than all that are kept.
    pub(crate) fn keep(&mut self, changes: Vec<Change>) {
        let named = changes
            .into_iter()
            .map(|change| ((change.table, change.key.clone()), change));
        self.0.extend(named);
    }

    /// Forgets what newer changes, which were written, have replaced.
    pub(crate) fn supersede(&mut self, written: &[Change]) {
        for change in written {
            self.0.remove(&(change.table, change.key.clone()));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_change_of_a_record_counts() {
        let change = |key: &str, value: &str| Change {
            table: Table::Containers,
            key: key.to_owned(),
            value: Some(value.as_bytes().to_vec()),
        };
        let mut unwritten = Unwritten::default();
        unwritten.keep(vec![change("a", "1"), change("b", "1"), change("a", "2")]);
        assert_eq!(unwritten.len(), 2);
        let newest = unwritten.changes().find(|kept| kept.key == "a").unwrap();
        assert_eq!(newest.value.as_deref(), Some(&b"2"[..]));
        unwritten.supersede(&[change("a", "3")]);
        assert!(unwritten.changes().all(|kept| kept.key == "b"));
    }
}
