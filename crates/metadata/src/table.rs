//! Names of the tables.

use redb::TableDefinition;

/// A table: string keys, JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Containers by id.
    Containers,
    /// Images by id.
    Images,
    /// Image ids by normalised reference.
    Tags,
    /// Unpacked layers by chain id.
    Layers,
    /// Networks made by users, by id.
    Networks,
    /// Everything that needs no table of its own.
    Kv,
}

impl Table {
    /// Every table, so that opening a store can make them all.
    pub(crate) const ALL: [Self; 6] = [
        Self::Containers,
        Self::Images,
        Self::Tags,
        Self::Layers,
        Self::Networks,
        Self::Kv,
    ];

    pub(crate) fn definition(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(match self {
            Self::Containers => "containers",
            Self::Images => "images",
            Self::Tags => "tags",
            Self::Layers => "layers",
            Self::Networks => "networks",
            Self::Kv => "kv",
        })
    }
}
