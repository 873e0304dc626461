//! The networks users have made: their records, and who is looked for by which name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use corten_metadata::{Batch, Durability, Store, Table};
use corten_network::{IpNet, NetworkSpec};
use corten_wire::IpamConfig;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A network as stored in the metadata table `networks`, keyed by its identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// What it is made from.
    pub spec: NetworkSpec,
    /// When it was created, nanoseconds since the Unix epoch.
    pub created_at_ns: i64,
    /// Driver options as given.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Options of the address management as given; they have no effect, as with Docker's own.
    #[serde(default)]
    pub ipam_options: BTreeMap<String, String>,
    /// Whether its maker wanted it to be joined by hand. Only for swarm of any effect.
    #[serde(default)]
    pub attachable: bool,
    /// The subnets of one that is no network, but a configuration others are made from, as given.
    #[serde(default)]
    pub configuration: Option<Vec<IpamConfig>>,
    /// IPv6 subnets of one without IPv6, as given: shown, and of no other effect, as with Docker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused_subnets: Vec<IpamConfig>,
    /// The configuration it was made from.
    #[serde(default)]
    pub config_from: String,
    /// Whether the IPv4 subnet was the maker's wish: containers may then wish for addresses.
    #[serde(default)]
    pub own_ipv4: bool,
    /// The same for IPv6.
    #[serde(default)]
    pub own_ipv6: bool,
}

impl NetworkRecord {
    /// Its identifier.
    pub fn id(&self) -> &str {
        &self.spec.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The name of its driver.
    pub fn driver(&self) -> &'static str {
        match self.configuration {
            Some(_) => "null",
            None => self.spec.driver.name(),
        }
    }
}

/// The subnets of all networks on record.
///
/// # Errors
/// When the store cannot be read.
pub fn recorded_subnets(store: &Store) -> Result<Vec<IpNet>> {
    let stored: Vec<(String, NetworkRecord)> = store.all(Table::Networks)?;
    let pools = stored.into_iter().flat_map(|(_, record)| record.spec.pools);
    Ok(pools.map(|pool| pool.subnet).collect())
}

/// The records in memory, by identifier.
#[derive(Debug, Default)]
pub(crate) struct OwnNetworks {
    records: RwLock<BTreeMap<String, Arc<NetworkRecord>>>,
    /// Held while a network comes or goes: two of one name must not come at once.
    changing: Mutex<()>,
}

impl OwnNetworks {
    /// Those of the store.
    pub(crate) fn load(&self, store: &Store) -> Result<Vec<Arc<NetworkRecord>>> {
        let stored: Vec<(String, NetworkRecord)> = store.all(Table::Networks)?;
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.extend(stored.into_iter().map(|(id, record)| (id, Arc::new(record))));
        Ok(records.values().cloned().collect())
    }

    /// Keeps others from making and removing networks meanwhile.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a record down durably.
    pub(crate) fn add(&self, store: &Store, record: NetworkRecord) -> Result<Arc<NetworkRecord>> {
        let mut batch = Batch::new();
        batch.put(Table::Networks, record.id(), &record)?;
        store.commit(batch, Durability::Durable)?;
        let record = Arc::new(record);
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.insert(record.id().to_owned(), record.clone());
        Ok(record)
    }

    /// Deletes a record durably.
    pub(crate) fn remove(&self, store: &Store, id: &str) -> Result<()> {
        let mut batch = Batch::new();
        batch.delete(Table::Networks, id);
        store.commit(batch, Durability::Durable)?;
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.remove(id);
        Ok(())
    }

    /// All of them, by identifier.
    pub(crate) fn all(&self) -> Vec<Arc<NetworkRecord>> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.values().cloned().collect()
    }

    /// The one with this identifier.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<NetworkRecord>> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.get(id).cloned()
    }

    /// The one of this identifier, this name, or whose identifier alone begins so.
    ///
    /// # Errors
    /// When several begin so.
    pub(crate) fn find(&self, text: &str) -> Result<Option<Arc<NetworkRecord>>> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        let named = || records.values().find(|record| record.name() == text);
        if let Some(record) = records.get(text).or_else(named) {
            return Ok(Some(record.clone()));
        }
        let begins = |record: &&Arc<NetworkRecord>| !text.is_empty() && record.id().starts_with(text);
        let mut found = records.values().filter(begins);
        match (found.next(), found.count()) {
            (_, more @ 1..) => Err(Error::Invalid(format!(
                "network {text} is ambiguous ({} matches found on ID prefix)",
                more + 1
            ))),
            (first, 0) => Ok(first.cloned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use corten_network::{BridgeOptions, Driver};

    use super::*;

    fn record(id: &str, name: &str) -> NetworkRecord {
        NetworkRecord {
            spec: NetworkSpec::new(id, name, Driver::Bridge(BridgeOptions::new("br"))),
            created_at_ns: 5,
            options: BTreeMap::new(),
            labels: BTreeMap::new(),
            ipam_options: BTreeMap::new(),
            attachable: false,
            configuration: None,
            unused_subnets: Vec::new(),
            config_from: String::new(),
            own_ipv4: true,
            own_ipv6: false,
        }
    }

    #[test]
    fn names_come_before_beginnings_of_identifiers() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let networks = OwnNetworks::default();
        for (id, name) in [("aa11", "one"), ("aa22", "two"), ("bb33", "aa1")] {
            networks.add(&store, record(id, name)).unwrap();
        }
        let found = |text: &str| networks.find(text).unwrap().map(|record| record.id().to_owned());
        assert_eq!(found("one").as_deref(), Some("aa11"));
        assert_eq!(found("aa1").as_deref(), Some("bb33"));
        assert_eq!(found("aa2").as_deref(), Some("aa22"));
        assert_eq!(found(""), None);
        assert_eq!(
            networks.find("aa").unwrap_err().to_string(),
            "network aa is ambiguous (2 matches found on ID prefix)"
        );
        networks.remove(&store, "aa11").unwrap();
        let again = OwnNetworks::default();
        let names: Vec<String> = again
            .load(&store)
            .unwrap()
            .iter()
            .map(|r| r.name().to_owned())
            .collect();
        assert_eq!(names, ["two", "aa1"]);
    }
}
