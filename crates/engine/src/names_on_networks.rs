//! Names on networks of users: what the shims of the containers there answer from.
//!
//! A zone is a file that is replaced as a whole at each change; shims see that it is another one. So a change on a network of
//! hundreds of containers is one file, whoever asks finds the newest, and a daemon that comes back writes what it knows.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use corten_dns::{Host, Settings, Upstream, write_zone};
use corten_network::Lease;

use crate::container::Container;
use crate::engine::Engine;
use crate::own_networks::NetworkRecord;
use crate::record::ContainerRecord;

/// Who is on which network, by the network's identifier and the container's.
#[derive(Debug, Default)]
pub(crate) struct Zones(Mutex<HashMap<String, BTreeMap<String, Host>>>);

impl Engine {
    /// A container comes to a network, or has other names there now. Done before its program runs, so that it finds itself.
    pub(crate) fn join_names(&self, network: &NetworkRecord, record: &ContainerRecord, lease: &Lease) {
        let host = self.host(record, lease);
        self.change_zone(network.id(), network.name(), |hosts| {
            hosts.insert(record.id.to_string(), host);
        });
    }

    /// A container that runs has another name now.
    pub(crate) fn join_again(&self, container: &Container) {
        let (record, leases) = {
            let state = container.state();
            (state.record.clone(), state.leases().cloned().collect::<Vec<_>>())
        };
        for lease in &leases {
            if let Some(network) = self.own_of(lease) {
                self.join_names(&network, &record, lease);
            }
        }
    }

    /// After a restart: the names on all networks are those of the containers that run. The files of an earlier daemon have served
    /// until now; what has ended meanwhile is no longer told.
    pub(crate) fn restore_names(&self) {
        let mut zones: HashMap<String, BTreeMap<String, Host>> = HashMap::new();
        for container in self.containers.all() {
            let state = container.state();
            for lease in state.leases().filter(|_| state.sandbox.is_some()) {
                let hosts = zones.entry(lease.network_id.clone()).or_default();
                hosts.insert(container.id().to_string(), self.host(&state.record, lease));
            }
        }
        for network in self.own_networks.all() {
            let hosts = zones.remove(network.id()).unwrap_or_default();
            self.change_zone(network.id(), network.name(), |zone| *zone = hosts);
        }
        self.sandboxes
            .keep_zones(|id| self.own_networks.get(id).is_some());
    }

    /// A container has left a network.
    pub(crate) fn leave_names(&self, lease: &Lease) {
        let Some(network) = self.own_networks.get(&lease.network_id) else {
            return;
        };
        self.change_zone(network.id(), network.name(), |hosts| {
            hosts.remove(&lease.container_id);
        });
    }

    /// A network is gone.
    pub(crate) fn forget_zone(&self, network: &str) {
        let mut zones = self.zones.0.lock().unwrap_or_else(PoisonError::into_inner);
        zones.remove(network);
        self.sandboxes.remove_zone(network);
    }

    fn change_zone(&self, id: &str, name: &str, change: impl FnOnce(&mut BTreeMap<String, Host>)) {
        // Held while writing: the file is that of the last change.
        let mut zones = self.zones.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts = zones.entry(id.to_owned()).or_default();
        change(hosts);
        let hosts: Vec<Host> = hosts.values().cloned().collect();
        if let Err(error) = self.sandboxes.write_zone(id, &write_zone(name, &hosts)) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, network = name, "names on a network are not up to date");
        }
    }

    /// What the resolver of a container on networks of users does.
    pub(crate) fn resolver_settings(
        &self,
        record: &ContainerRecord,
        leases: &[Lease],
        upstreams: Vec<Upstream>,
        ndots: bool,
    ) -> Settings {
        let own: Vec<_> = leases.iter().filter_map(|lease| self.own_of(lease)).collect();
        let links_of = |lease: &Lease| -> BTreeMap<String, String> {
            let links = self.wish_of(record, lease).map_or(&[][..], |wish| &wish.links);
            let links = links.iter().filter_map(|text| crate::links::parse(text).ok());
            links
                .map(|(name, alias)| (alias.to_ascii_lowercase(), name.to_owned()))
                .collect()
        };
        Settings {
            zones: own
                .iter()
                .map(|network| self.sandboxes.zone_path(network.id()))
                .collect(),
            links: leases
                .iter()
                .filter(|lease| self.own_of(lease).is_some())
                .map(links_of)
                .collect(),
            upstreams,
            // Nobody outside can be reached from internal networks alone.
            forward: own.len() < leases.len() || own.iter().any(|network| !network.spec.internal),
            ndots,
        }
    }

    fn host(&self, record: &ContainerRecord, lease: &Lease) -> Host {
        let aliases = self.wish_of(record, lease).map(|wish| wish.aliases.as_slice());
        let mut names = names(record, aliases.unwrap_or_default()).into_iter();
        Host {
            name: names.next().unwrap_or_default(),
            aliases: names.collect(),
            addresses: lease.addresses().map(|net| net.addr()).collect(),
        }
    }
}

/// Docker's names of a container, each once: its own, its aliases, its short identifier and its host name.
pub(crate) fn names(record: &ContainerRecord, aliases: &[String]) -> Vec<String> {
    let own = record.name.clone();
    let more = [record.id.short().to_owned(), crate::options::hostname(record)];
    let mut names = Vec::new();
    for name in std::iter::once(own).chain(aliases.iter().cloned()).chain(more) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The servers others are asked of: those the container was given, else the host's, else Docker's. One on the host's loopback is
/// asked from there.
pub(crate) fn upstreams(host_text: &str, given: &[IpAddr]) -> Vec<Upstream> {
    let from_container = |address: &IpAddr| Upstream {
        address: *address,
        from_host: false,
    };
    if !given.is_empty() {
        return given.iter().map(from_container).collect();
    }
    let hosts = corten_network::host_servers(host_text);
    hosts
        .into_iter()
        .map(|address| Upstream {
            address,
            from_host: address.is_loopback(),
        })
        .collect()
}

/// Whether the options of a resolver ask for search domains before names of few dots are asked for as they are.
pub(crate) fn sets_ndots(options: &[String]) -> bool {
    let number = |option: &String| option.strip_prefix("ndots:")?.parse::<u32>().ok();
    options
        .iter()
        .filter_map(number)
        .next_back()
        .is_some_and(|ndots| ndots > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_others_are_asked_of() {
        let text = "nameserver 127.0.0.53\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\n";
        let shown = |text: &str, given: &[IpAddr]| {
            let all = upstreams(text, given);
            let show =
                |one: &Upstream| format!("{}{}", one.address, if one.from_host { " host" } else { "" });
            all.iter().map(show).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(shown(text, &[]), "127.0.0.53 host, 10.0.0.1");
        assert_eq!(shown(text, &["127.0.0.1".parse().unwrap()]), "127.0.0.1");
        assert_eq!(shown("", &[]), "8.8.8.8, 8.8.4.4");
    }

    #[test]
    fn the_last_number_of_dots_counts() {
        let options = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert!(sets_ndots(&options(&["ndots:2"])));
        assert!(!sets_ndots(&options(&["ndots:2", "ndots:0"])));
        assert!(!sets_ndots(&options(&["rotate", "ndots:x"])));
    }
}
