//! Which ports are published and what each network may do, and the table that says so to the kernel.

mod elements;

use crate::netlink::{NetlinkError, Protocol, Socket};
use crate::nft::{Element, FirewallFamilies, Table};
use crate::ports::Target;
use crate::{Lease, NetworkError, NetworkSpec};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};

/// The table, and in memory all it is to contain: enough to make it anew should somebody flush it.
pub(crate) struct Firewall {
    table: Table,
    socket: Socket,
    /// Where neither family is, nothing is written and nothing can be published.
    families: FirewallFamilies,
    /// By network.
    networks: HashMap<String, Vec<Element>>,
    /// By endpoint.
    published: HashMap<String, Vec<Element>>,
    /// Of an earlier daemon, until it is known what has become of its networks and endpoints.
    inherited: HashSet<Element>,
}

impl Firewall {
    /// Puts the table in place. Elements of an earlier daemon are carried over, so that running containers stay
    /// reachable until their leases are known.
    pub(crate) fn open(table: &str, families: FirewallFamilies) -> Result<Self, NetworkError> {
        let mut socket =
            Socket::open(Protocol::Netfilter).map_err(NetworkError::system("open a netlink socket"))?;
        let table = Table::new(table.to_owned(), families);
        let mut inherited = HashSet::new();
        if families.ipv4 || families.ipv6 {
            inherited.extend(table.read(&mut socket)?);
            if let Err(error) = table.replace(&mut socket, inherited.iter()) {
                // Of another version's table, or of what somebody else put there.
                tracing::warn!(%error, "cannot take over an earlier nf_tables table");
                inherited.clear();
                table.replace(&mut socket, inherited.iter())?;
            }
        } else {
            // What an earlier daemon wrote must not stay. Who may not write could not have.
            match table.delete(&mut socket) {
                Err(error) if error.errno() != Errno::PERM => return Err(error.into()),
                _ => {}
            }
        }
        Ok(Self {
            table,
            socket,
            families,
            networks: HashMap::new(),
            published: HashMap::new(),
            inherited,
        })
    }

    /// The number by which the kernel names us as the cause of changes.
    pub(crate) fn number(&self) -> Result<u32, NetworkError> {
        let number = self.socket.number();
        number.map_err(NetworkError::system("ask for a socket's number"))
    }

    /// Whether anything is written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.families.ipv4 || self.families.ipv6
    }

    /// Refuses to publish ports of a container that has addresses of a family no rules are written for.
    pub(crate) fn can_publish(&self, target: Target) -> Result<(), NetworkError> {
        if target.ipv4.is_some() && !self.families.ipv4 {
            return Err(NetworkError::NoFirewall("iptables"));
        }
        if target.ipv6.is_some() && !self.families.ipv6 {
            return Err(NetworkError::NoFirewall("ip6tables"));
        }
        Ok(())
    }

    /// Puts a network's rules in force.
    pub(crate) fn add_network(&mut self, spec: &NetworkSpec) -> Result<(), NetworkError> {
        let elements = elements::of_network(spec, self.families);
        self.networks.insert(spec.id.clone(), elements.clone());
        let result = self.change(&[], &elements);
        if result.is_err() {
            self.networks.remove(&spec.id);
        }
        result
    }

    /// Takes a network's rules away, if they are in force.
    pub(crate) fn remove_network(&mut self, id: &str) -> Result<(), NetworkError> {
        let elements = self.networks.remove(id).unwrap_or_default();
        self.change(&elements, &[])
    }

    /// Publishes exactly the ports of these leases, each with its network, and forgets whatever else was inherited.
    pub(crate) fn restore<'a>(
        &mut self,
        leases: impl Iterator<Item = (&'a Lease, &'a NetworkSpec)>,
    ) -> Result<(), NetworkError> {
        for (lease, spec) in leases {
            let elements = elements::of_endpoint(lease, spec, self.families);
            if !elements.is_empty() {
                self.published.insert(lease.endpoint_id.clone(), elements);
            }
        }
        self.inherited.clear();
        self.rebuild()
    }

    /// Publishes an endpoint's ports, and withdraws those it published before.
    pub(crate) fn publish(&mut self, lease: &Lease, spec: &NetworkSpec) -> Result<(), NetworkError> {
        let elements = elements::of_endpoint(lease, spec, self.families);
        let before = self.published.remove(&lease.endpoint_id).unwrap_or_default();
        if elements.is_empty() && before.is_empty() {
            return Ok(());
        }
        let gone: Vec<Element> = before.iter().filter(|e| !elements.contains(e)).cloned().collect();
        let new: Vec<Element> = elements.iter().filter(|e| !before.contains(e)).cloned().collect();
        self.published.insert(lease.endpoint_id.clone(), elements);
        let result = self.change(&gone, &new);
        if result.is_err() {
            self.published.insert(lease.endpoint_id.clone(), before);
        }
        result
    }

    /// Withdraws an endpoint's ports, if they are published.
    pub(crate) fn withdraw(&mut self, endpoint: &str) -> Result<(), NetworkError> {
        match self.published.remove(endpoint) {
            Some(elements) => self.change(&elements, &[]),
            None => Ok(()),
        }
    }

    /// Makes the table anew from memory.
    pub(crate) fn rebuild(&mut self) -> Result<(), NetworkError> {
        if !self.is_on() {
            return Ok(());
        }
        let known = self.networks.values().chain(self.published.values()).flatten();
        let known: HashSet<&Element> = known.chain(&self.inherited).collect();
        Ok(self.table.replace(&mut self.socket, known.into_iter())?)
    }

    /// Deletes the table.
    pub(crate) fn delete(&mut self) -> Result<(), NetworkError> {
        if self.is_on() {
            self.table.delete(&mut self.socket)?;
        }
        Ok(())
    }

    fn change(&mut self, remove: &[Element], add: &[Element]) -> Result<(), NetworkError> {
        if !self.is_on() {
            return Ok(());
        }
        // What an earlier daemon left is there already.
        let add: Vec<Element> = add
            .iter()
            .filter(|e| !self.inherited.remove(*e))
            .cloned()
            .collect();
        if remove.is_empty() && add.is_empty() {
            return Ok(());
        }
        match self.table.change(&mut self.socket, remove, &add) {
            // Somebody flushed the ruleset, or an element is in the way that is none of ours; ours is whole in memory.
            Err(error) if is_surprise(&error) => self.rebuild(),
            other => Ok(other?),
        }
    }
}

fn is_surprise(error: &NetlinkError) -> bool {
    matches!(error.errno(), Errno::NOENT | Errno::EXIST)
}
