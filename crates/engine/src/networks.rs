//! Networks looked at: the three every engine has, `bridge`, `host` and `none`, and those that users have made.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use corten_network::{NetworkSpec, Pool};
use corten_wire::{ConfigReference, Filters, Ipam, IpamConfig, Network, NetworkContainer};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::own_networks::NetworkRecord;
use crate::places::BRIDGE;
use crate::record::{ContainerRecord, EndpointWish};

pub(crate) const COUNT: usize = 3;
const NAMES: [(&str, &str); COUNT] = [("bridge", "bridge"), ("host", "host"), ("none", "null")];

/// Whether no network of a user may be called so.
pub(crate) fn is_predefined(name: &str) -> bool {
    name == "default" || NAMES.iter().any(|(known, _)| *known == name)
}

/// The network a container was created on, as it is shown.
pub(crate) struct Joined {
    pub(crate) name: String,
    /// Empty for one that is none of its own.
    pub(crate) id: String,
    pub(crate) driver: &'static str,
}

/// Derived, not stored: these networks always exist and never change.
fn network_id(engine: &str, name: &str) -> String {
    let part = |number: u8| {
        let mut hasher = DefaultHasher::new();
        (engine, name, number).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    (0..4).map(part).collect()
}

impl Engine {
    /// The networks that pass the filters.
    ///
    /// # Errors
    /// When a filter is unknown.
    pub fn network_list(&self, filters: &Filters) -> Result<Vec<Network>> {
        const KNOWN: &[&str] = &["driver", "id", "label", "name", "scope", "type", "dangling"];
        let invalid = |error: corten_wire::InvalidFilter| Error::Invalid(error.to_string());
        filters.check(KNOWN).map_err(invalid)?;
        let dangling = filters.flag("dangling").map_err(invalid)?;
        if let Some(kind) = filters
            .values("type")
            .find(|kind| !matches!(*kind, "builtin" | "custom"))
        {
            return Err(Error::Invalid(format!("invalid filter: 'type'='{kind}'")));
        }
        let mut networks = self.networks();
        networks.retain(|network| {
            let own = !is_predefined(&network.name);
            let labels = network.labels.clone().unwrap_or_default();
            filters.allow("driver", |driver| network.driver == driver)
                && filters.allow("id", |id| network.id.starts_with(id))
                && filters.allow("name", |name| network.name.contains(name))
                && filters.allow("scope", |scope| network.scope == scope)
                && filters.allow("type", |kind| (kind == "custom") == own)
                && dangling.is_none_or(|dangling| {
                    dangling == (own && self.network_containers(&network.id).is_empty())
                })
                && filters.all_in("label", &labels)
        });
        Ok(networks)
    }

    /// All networks.
    fn networks(&self) -> Vec<Network> {
        let built_in = NAMES
            .iter()
            .filter(|(name, _)| *name != "bridge" || self.networks.default_bridge().is_some())
            .map(|(name, driver)| self.network(name, driver));
        let own = self.own_networks.all().into_iter().map(|own| shown(&own));
        built_in.chain(own).collect()
    }

    /// The network of that name or identifier, with its containers.
    ///
    /// # Errors
    /// When there is none, or when several identifiers begin so.
    pub fn network_inspect(&self, text: &str) -> Result<Network> {
        let missing = || Error::NoSuchNetwork(text.to_owned());
        let mut network = match self.find_built_in(text) {
            Some((name, driver)) => self.network(name, driver),
            None => shown(&*self.own_networks.find(text)?.ok_or_else(missing)?),
        };
        network.containers = self.network_containers(&network.id);
        Ok(network)
    }

    /// Name and driver of the network of that name or identifier, if it is one that every engine has.
    pub(crate) fn find_built_in(&self, text: &str) -> Option<(&'static str, &'static str)> {
        let is_it = |name: &str| {
            let id = self.network_id(name).unwrap_or_default();
            name == text || (text.len() >= 12 && id.starts_with(text))
        };
        let found = NAMES.iter().find(|(name, _)| is_it(name))?;
        (found.0 != "bridge" || self.networks.default_bridge().is_some()).then_some(*found)
    }

    /// The network that a container's wish is about, which may be gone.
    pub(crate) fn joined(&self, record: &ContainerRecord, wish: &EndpointWish) -> Joined {
        let own = &wish.network;
        if let Some(network) = self.own_networks.get(own) {
            return Joined {
                name: network.name().to_owned(),
                id: own.clone(),
                driver: network.driver(),
            };
        }
        let mode = match own.as_str() {
            BRIDGE => BRIDGE,
            _ => record.host_config.network_mode.as_str(),
        };
        Joined {
            name: mode.to_owned(),
            id: match own.as_str() {
                "" | BRIDGE => self.network_id(mode).unwrap_or_default(),
                gone => gone.to_owned(),
            },
            driver: NAMES
                .iter()
                .find(|(name, _)| *name == mode)
                .map_or("", |(_, driver)| driver),
        }
    }

    /// The identifier of a network, which stays the same for the life of the data root's daemon configuration.
    pub(crate) fn network_id(&self, name: &str) -> Option<String> {
        let at = NAMES.iter().position(|(known, _)| *known == name)?;
        // Every row of `ps` has one.
        let all = self
            .network_ids
            .get_or_init(|| NAMES.map(|(name, _)| network_id(&self.id, name)));
        Some(all[at].clone())
    }

    /// Tells that a container joined or left all its networks; one in another container's network has none of its own.
    pub(crate) fn publish_network(&self, action: &str, record: &ContainerRecord) {
        for wish in record.wishes() {
            self.publish_place(action, record, wish);
        }
    }

    /// The same for one of them.
    pub(crate) fn publish_place(&self, action: &str, record: &ContainerRecord, wish: &EndpointWish) {
        let network = self.joined(record, wish);
        if network.id.is_empty() {
            return;
        }
        let attributes = [
            ("container", record.id.as_str()),
            ("name", &network.name),
            ("type", network.driver),
        ];
        self.events.publish(
            "network",
            action,
            &network.id,
            attributes
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        );
    }

    fn network(&self, name: &str, driver: &str) -> Network {
        let mut network = Network {
            name: name.to_owned(),
            id: self.network_id(name).unwrap_or_default(),
            created: crate::clock::rfc3339(self.opened_at_ns),
            driver: driver.to_owned(),
            scope: "local".to_owned(),
            ipam: Ipam {
                driver: "default".to_owned(),
                ..Ipam::default()
            },
            enable_ipv4: true,
            options: Some(BTreeMap::new()),
            labels: Some(BTreeMap::new()),
            ..Network::default()
        };
        if name == "bridge"
            && let Some(spec) = self.networks.default_bridge()
            && let Some(bridge) = spec.bridge()
        {
            network.ipam.config = Some(spec.pools.iter().map(pool_shown).collect());
            network.enable_ipv6 = spec.ipv6;
            let unspecified = std::net::Ipv4Addr::UNSPECIFIED.into();
            let option = |key: &str, value: String| (format!("com.docker.network.{key}"), value);
            network.options = Some(BTreeMap::from([
                option("bridge.default_bridge", "true".to_owned()),
                option("bridge.enable_icc", bridge.icc.to_string()),
                option(
                    "bridge.enable_ip_masquerade",
                    (bridge.masquerade && self.networks.config().iptables).to_string(),
                ),
                option(
                    "bridge.host_binding_ipv4",
                    bridge.default_bind.unwrap_or(unspecified).to_string(),
                ),
                option("bridge.name", bridge.bridge.clone()),
                option("driver.mtu", spec.mtu.unwrap_or_default().to_string()),
            ]));
        }
        network
    }

    /// The running containers on the network with this identifier.
    pub(crate) fn network_containers(&self, id: &str) -> BTreeMap<String, NetworkContainer> {
        let mut found = BTreeMap::new();
        for container in self.containers.all() {
            let state = container.state();
            let mut wishes = state.record.wishes().filter(|_| state.sandbox.is_some());
            let Some(wish) = wishes.find(|wish| self.joined(&state.record, wish).id == id) else {
                continue;
            };
            let mut entry = NetworkContainer {
                name: state.name().to_owned(),
                ..NetworkContainer::default()
            };
            if let Some(lease) = state.leases().find(|lease| self.is_on(lease, wish)) {
                entry.endpoint_id.clone_from(&lease.endpoint_id);
                entry.mac_address = lease.mac.map_or_else(String::new, |mac| mac.to_string());
                entry.ipv4_address = lease.ipv4().map_or_else(String::new, |net| net.to_string());
                entry.ipv6_address = lease.ipv6().map_or_else(String::new, |net| net.to_string());
            }
            found.insert(container.id().to_string(), entry);
        }
        found
    }
}

/// A network that a user has made.
fn shown(record: &NetworkRecord) -> Network {
    let spec = &record.spec;
    Network {
        name: spec.name.clone(),
        id: spec.id.clone(),
        created: crate::clock::rfc3339(record.created_at_ns),
        scope: "local".to_owned(),
        driver: record.driver().to_owned(),
        config_only: record.configuration.is_some(),
        config_from: ConfigReference {
            network: record.config_from.clone(),
        },
        enable_ipv4: spec.ipv4,
        enable_ipv6: spec.ipv6,
        ipam: Ipam {
            driver: "default".to_owned(),
            options: Some(record.ipam_options.clone()),
            config: Some(match &record.configuration {
                Some(subnets) => subnets.clone(),
                None => {
                    let used = spec.pools.iter().map(pool_shown);
                    used.chain(record.unused_subnets.iter().cloned()).collect()
                }
            }),
        },
        internal: spec.internal,
        attachable: record.attachable,
        options: Some(record.options.clone()),
        labels: Some(record.labels.clone()),
        ..Network::default()
    }
}

fn pool_shown(pool: &Pool) -> IpamConfig {
    let auxiliary = pool.auxiliary.iter();
    IpamConfig {
        subnet: pool.subnet.to_string(),
        gateway: pool
            .gateway
            .map_or_else(String::new, |gateway| gateway.to_string()),
        ip_range: pool.range.map_or_else(String::new, |range| range.to_string()),
        auxiliary_addresses: auxiliary
            .map(|(name, address)| (name.clone(), address.to_string()))
            .collect(),
    }
}

/// The addresses a bridge itself has.
pub(crate) fn bridge_addresses(spec: &NetworkSpec) -> impl Iterator<Item = IpAddr> {
    let own = |pool: &Pool| spec.bridge_address(pool.subnet);
    spec.pools.iter().filter_map(own).map(|net| net.addr())
}
