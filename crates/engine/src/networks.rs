//! The three networks every engine has: `bridge`, `host` and `none`.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use corten_network::NetworkSpec;
use corten_wire::{Filters, Ipam, IpamConfig, Network, NetworkContainer};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::record::ContainerRecord;

pub(crate) const COUNT: usize = 3;
const NAMES: [(&str, &str); COUNT] = [("bridge", "bridge"), ("host", "host"), ("none", "null")];

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
        filters
            .check(KNOWN)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let mut networks = self.networks();
        networks.retain(|network| {
            filters.allow("driver", |driver| network.driver == driver)
                && filters.allow("id", |id| network.id.starts_with(id))
                && filters.allow("name", |name| network.name.contains(name))
                && filters.allow("scope", |scope| network.scope == scope)
                && filters.allow("type", |kind| kind == "builtin")
                && filters.allow("dangling", |dangling| matches!(dangling, "false" | "0"))
                && filters.all_in("label", &Default::default())
        });
        Ok(networks)
    }

    /// All networks.
    fn networks(&self) -> Vec<Network> {
        NAMES
            .iter()
            .filter(|(name, _)| *name != "bridge" || self.networks.default_bridge().is_some())
            .map(|(name, driver)| self.network(name, driver))
            .collect()
    }

    /// The network of that name or identifier, with its containers.
    ///
    /// # Errors
    /// When there is none.
    pub fn network_inspect(&self, text: &str) -> Result<Network> {
        let mut network = self
            .networks()
            .into_iter()
            .find(|network| network.name == text || (text.len() >= 12 && network.id.starts_with(text)))
            .ok_or_else(|| Error::NoSuchNetwork(text.to_owned()))?;
        network.containers = self.network_containers(&network.name);
        Ok(network)
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

    /// Tells that a container joined or left its network; one in another container's network has none of its own.
    pub(crate) fn publish_network(&self, action: &str, record: &ContainerRecord) {
        let mode = record.host_config.network_mode.as_str();
        let Some((name, driver)) = NAMES.iter().find(|(name, _)| *name == mode) else {
            return;
        };
        let attributes = [
            ("container", record.id.as_str()),
            ("name", name),
            ("type", driver),
        ];
        self.events.publish(
            "network",
            action,
            &self.network_id(name).unwrap_or_default(),
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
            ..Network::default()
        };
        if name == "bridge"
            && let Some(spec) = self.networks.default_bridge()
            && let Some(bridge) = spec.bridge()
        {
            let pools = spec.pools.iter().map(|pool| IpamConfig {
                subnet: pool.subnet.to_string(),
                gateway: pool
                    .gateway
                    .map_or_else(String::new, |gateway| gateway.to_string()),
                ip_range: pool.range.map_or_else(String::new, |range| range.to_string()),
                ..IpamConfig::default()
            });
            network.ipam.config = Some(pools.collect());
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

    fn network_containers(&self, name: &str) -> BTreeMap<String, NetworkContainer> {
        let mut found = BTreeMap::new();
        for container in self.containers.all() {
            let state = container.state();
            if state.sandbox.is_none() || state.record.host_config.network_mode != name {
                continue;
            }
            let mut entry = NetworkContainer {
                name: state.name().to_owned(),
                ..NetworkContainer::default()
            };
            if let Some(lease) = &state.lease {
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

/// The address a bridge itself has: of IPv4 if it has one.
pub(crate) fn bridge_address(spec: &NetworkSpec) -> Option<IpAddr> {
    let mut own = spec
        .pools
        .iter()
        .filter_map(|pool| spec.bridge_address(pool.subnet));
    own.next().map(|net| net.addr())
}
