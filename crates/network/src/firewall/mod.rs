//! Which ports are published and what each network may do, and the tables that say so to the kernel.

mod elements;

use crate::netlink::{NetlinkError, Protocol, Socket};
use crate::nft::{Element, Family, Foreign, Looked, Policy, Tables};
use crate::ports::Target;
use crate::{Lease, NetworkError, NetworkSpec, PlaneConfig};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};

/// The tables, and in memory all they are to contain: enough to make them anew should somebody flush them.
pub(crate) struct Firewall {
    tables: Tables,
    foreign: Foreign,
    socket: Socket,
    /// By network.
    networks: HashMap<String, Vec<Element>>,
    /// By endpoint.
    published: HashMap<String, Vec<Element>>,
    /// Of an earlier daemon, until it is known what has become of its networks and endpoints.
    inherited: HashSet<Element>,
    /// The table of an earlier version is there. It goes on translating until all is known that it does.
    has_older: bool,
    /// It was told how to get on beside iptables' older kind.
    told_of_legacy: bool,
}

impl Firewall {
    /// Puts the tables in place. Elements of an earlier daemon are carried over, so that running containers stay
    /// reachable until their leases are known.
    pub(crate) fn open(config: &PlaneConfig, policy: Policy) -> Result<Self, NetworkError> {
        let socket =
            Socket::open(Protocol::Netfilter).map_err(NetworkError::system("open a netlink socket"))?;
        let families = policy.families;
        let mut firewall = Self {
            foreign: Foreign::new(&config.table, policy.mark, families),
            tables: Tables::new(config.table.clone(), policy),
            socket,
            networks: HashMap::new(),
            published: HashMap::new(),
            inherited: HashSet::new(),
            has_older: false,
            told_of_legacy: false,
        };
        // What an earlier daemon wrote must not stay where nothing is written now. Who may not write could not have.
        for family in [Family::V4, Family::V6] {
            if !families.has(family) {
                match firewall.tables.delete(&mut firewall.socket, family) {
                    Err(error) if error.errno() != Errno::PERM => return Err(error.into()),
                    _ => {}
                }
            }
        }
        if firewall.is_on() {
            firewall.has_older = firewall.tables.has_older(&mut firewall.socket)?;
            firewall
                .inherited
                .extend(firewall.tables.read(&mut firewall.socket)?);
            if let Err(error) = firewall.rebuild() {
                // Of another version's table, or of what somebody else put there.
                tracing::warn!(%error, "cannot take over earlier nf_tables tables");
                firewall.inherited.clear();
                firewall.rebuild()?;
            }
        } else {
            match firewall.tables.delete_older(&mut firewall.socket) {
                Err(error) if error.errno() != Errno::PERM => return Err(error.into()),
                _ => {}
            }
        }
        Ok(firewall)
    }

    /// The number by which the kernel names us as the cause of changes.
    pub(crate) fn number(&self) -> Result<u32, NetworkError> {
        let number = self.socket.number();
        number.map_err(NetworkError::system("ask for a socket's number"))
    }

    /// Whether anything is written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.tables.policy().families.any()
    }

    /// Refuses to publish ports of a container that has addresses of a family no rules are written for.
    pub(crate) fn can_publish(&self, target: Target) -> Result<(), NetworkError> {
        let families = self.tables.policy().families;
        if target.ipv4.is_some() && !families.ipv4 {
            return Err(NetworkError::NoFirewall("iptables"));
        }
        if target.ipv6.is_some() && !families.ipv6 {
            return Err(NetworkError::NoFirewall("ip6tables"));
        }
        Ok(())
    }

    /// Puts a network's rules in force.
    pub(crate) fn add_network(&mut self, spec: &NetworkSpec) -> Result<(), NetworkError> {
        let elements = elements::of_network(spec, self.tables.policy());
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
            let elements = elements::of_endpoint(lease, spec, self.tables.policy());
            if !elements.is_empty() {
                self.published.insert(lease.endpoint_id.clone(), elements);
            }
        }
        self.inherited.clear();
        self.put(self.has_older)?;
        self.has_older = false;
        Ok(())
    }

    /// Publishes an endpoint's ports, and withdraws those it published before.
    pub(crate) fn publish(&mut self, lease: &Lease, spec: &NetworkSpec) -> Result<(), NetworkError> {
        let elements = elements::of_endpoint(lease, spec, self.tables.policy());
        let before = self.published.remove(&lease.endpoint_id).unwrap_or_default();
        if elements.is_empty() && before.is_empty() {
            return Ok(());
        }
        let (gone, new) = {
            let (old, now): (HashSet<_>, HashSet<_>) = (before.iter().collect(), elements.iter().collect());
            let gone: Vec<Element> = before.iter().filter(|e| !now.contains(e)).cloned().collect();
            let new: Vec<Element> = elements.iter().filter(|e| !old.contains(e)).cloned().collect();
            (gone, new)
        };
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

    /// Makes the tables anew from memory.
    pub(crate) fn rebuild(&mut self) -> Result<(), NetworkError> {
        self.put(false)
    }

    /// Looks whether others' chains would drop what our tables let pass, and mends that.
    pub(crate) fn look(&mut self) -> Result<Looked, NetworkError> {
        if !self.is_on() {
            return Ok(Looked::default());
        }
        if !self.told_of_legacy && filters_with_legacy_iptables() {
            self.told_of_legacy = true;
            let mark = self.tables.policy().mark;
            tracing::warn!(
                "this machine also filters with legacy iptables, which is not looked at: should its FORWARD chain drop, \
                 allow there what bears our mark (iptables-legacy -I FORWARD -m mark --mark {mark:#x}/{mark:#x} -j ACCEPT, \
                 and the same with ip6tables-legacy)"
            );
        }
        Ok(self.foreign.look(&mut self.socket)?)
    }

    /// Deletes the tables, and our rule in others' chains.
    pub(crate) fn delete(&mut self) -> Result<(), NetworkError> {
        if !self.is_on() {
            return Ok(());
        }
        self.foreign.withdraw(&mut self.socket)?;
        for family in self.tables.policy().families.iter() {
            self.tables.delete(&mut self.socket, family)?;
        }
        Ok(self.tables.delete_older(&mut self.socket)?)
    }

    fn put(&mut self, instead_of_older: bool) -> Result<(), NetworkError> {
        if !self.is_on() {
            return Ok(());
        }
        let known = self.networks.values().chain(self.published.values()).flatten();
        let known: HashSet<&Element> = known.chain(&self.inherited).collect();
        let elements = known.into_iter().collect::<Vec<_>>();
        let elements = elements.iter().copied();
        Ok(self
            .tables
            .replace(&mut self.socket, elements, instead_of_older)?)
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
        match self.tables.change(&mut self.socket, remove, &add) {
            // Somebody flushed the ruleset, or an element is in the way that is none of ours; ours is whole in memory.
            Err(error) if is_surprise(&error) => self.rebuild(),
            other => Ok(other?),
        }
    }
}

fn is_surprise(error: &NetlinkError) -> bool {
    matches!(error.errno(), Errno::NOENT | Errno::EXIST)
}

/// Whether chains of iptables' older kind filter here, which nf_tables knows nothing of.
fn filters_with_legacy_iptables() -> bool {
    let names = ["ip_tables_names", "ip6_tables_names"];
    let read = |name| std::fs::read_to_string(format!("/proc/thread-self/net/{name}"));
    names
        .into_iter()
        .filter_map(|name| read(name).ok())
        .any(|tables| tables.lines().any(|table| table == "filter"))
}
