//! `network create`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use corten_network::{IpNet, NetworkError, NetworkSpec, Options, PoolRequest};
use corten_wire::{IpamConfig, NetworkCreateRequest};

use crate::clock::now_ns;
use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::names::new_id;
use crate::networks::is_predefined;
use crate::own_networks::NetworkRecord;

impl Engine {
    /// Makes a network; gives its identifier.
    ///
    /// # Errors
    /// When the name is taken or none, the driver unknown, a subnet another network's, an option senseless or not supported.
    pub async fn network_create(self: &Arc<Self>, request: NetworkCreateRequest) -> Result<String> {
        check(&request)?;
        let engine = self.clone();
        to_its_end(async move { blocking("make a network", move || engine.make_network(request)).await })
            .await
    }

    fn make_network(&self, request: NetworkCreateRequest) -> Result<String> {
        let _changing = self.own_networks.changing();
        if self
            .own_networks
            .all()
            .iter()
            .any(|other| other.name() == request.name)
        {
            return Err(Error::Conflict(format!(
                "network with name {} already exists",
                request.name
            )));
        }
        let ipam = request.ipam.unwrap_or_default();
        let wanted = pool_requests(ipam.config.as_deref().unwrap_or_default())?;
        let driver = match request.driver.as_str() {
            "" | "default" => "bridge",
            driver => driver,
        };
        let id = new_id().to_string();
        let options = request.options.unwrap_or_default();
        let parsed = Options::parse(driver, &id, request.internal, &options)?;
        let mut spec = NetworkSpec {
            internal: request.internal,
            ipv4: request.enable_ipv4.unwrap_or(true),
            ipv6: request.enable_ipv6.unwrap_or(false),
            mtu: parsed.mtu,
            interface_prefix: parsed.interface_prefix,
            ..NetworkSpec::new(&id, &request.name, parsed.driver)
        };
        spec.pools = self.networks.choose_pools(&spec, &wanted)?;
        // Forgets the subnets it has chosen if it fails.
        self.networks.create(&spec)?;
        let is_own = |ipv6: bool| {
            let mut subnets = wanted.iter().filter_map(|pool| pool.subnet);
            subnets.any(|subnet| subnet.addr().is_ipv6() == ipv6)
        };
        let record = NetworkRecord {
            spec,
            created_at_ns: now_ns(),
            options,
            labels: request.labels.unwrap_or_default(),
            ipam_options: ipam.options.unwrap_or_default(),
            attachable: request.attachable,
            own_ipv4: is_own(false),
            own_ipv6: is_own(true),
        };
        let record = self.own_networks.add(&self.metadata, record).inspect_err(|_| {
            if let Err(error) = self.networks.remove(&id) {
                tracing::warn!(%error, id, "cannot remove a network that could not be written down");
            }
        })?;
        self.publish_network_itself("create", &record);
        Ok(id)
    }

    pub(crate) fn publish_network_itself(&self, action: &str, record: &NetworkRecord) {
        let attributes = [
            ("name".to_owned(), record.name().to_owned()),
            ("type".to_owned(), record.spec.driver.name().to_owned()),
        ];
        self.events
            .publish("network", action, record.id(), attributes.into());
    }
}

/// Refuses what can be judged without a look at other networks.
fn check(request: &NetworkCreateRequest) -> Result<()> {
    let forbidden = |sentence: String| Err(Error::Forbidden(sentence));
    if request.name.trim().is_empty() {
        return Err(Error::Invalid("invalid name: name is empty".to_owned()));
    }
    if is_predefined(&request.name) {
        return forbidden(format!(
            "operation is not permitted on predefined {} network ",
            request.name
        ));
    }
    if request.scope == "swarm" {
        return forbidden("cannot create a swarm scoped network when swarm is not active".to_owned());
    }
    if request.ingress {
        return forbidden("Ingress network can only be global scope network".to_owned());
    }
    let copies = request
        .config_from
        .as_ref()
        .is_some_and(|from| !from.network.is_empty());
    if request.config_only || copies {
        return Err(Error::Unsupported(
            "a network that is only a configuration".to_owned(),
        ));
    }
    match request.driver.as_str() {
        kind @ ("host" | "null") => {
            return forbidden(format!("only one instance of {kind:?} network is allowed"));
        }
        "overlay" => return Err(Error::Unsupported("the overlay driver".to_owned())),
        _ => {}
    }
    if request.enable_ipv4 == Some(false) && request.enable_ipv6 != Some(true) {
        return Err(Error::Invalid("IPv4 or IPv6 must be enabled".to_owned()));
    }
    match request.ipam.as_ref().map_or("", |ipam| ipam.driver.as_str()) {
        "" | "default" => Ok(()),
        "null" => Err(Error::Unsupported("the null driver for addresses".to_owned())),
        other => Err(NetworkError::NoDriver(other.to_owned()).into()),
    }
}

/// The subnets of a request, all that is wrong with their texts told at once, as by Docker.
fn pool_requests(configs: &[IpamConfig]) -> Result<Vec<PoolRequest>> {
    let mut wrong = Vec::new();
    let mut requests = Vec::new();
    for config in configs {
        let mut net = |what: &str, text: &str| -> Option<IpNet> {
            let parsed = text.parse().ok();
            if parsed.is_none() && !text.is_empty() {
                wrong.push(format!("invalid {what} {text}: invalid CIDR block notation"));
            }
            parsed
        };
        let (subnet, range) = (net("subnet", &config.subnet), net("ip-range", &config.ip_range));
        let mut address = |what: &str, text: &str| -> Option<IpAddr> {
            let parsed = text.parse().ok();
            if parsed.is_none() && !text.is_empty() {
                wrong.push(format!("invalid {what} {text}: invalid address"));
            }
            parsed
        };
        let gateway = address("gateway", &config.gateway);
        let auxiliary: BTreeMap<String, IpAddr> = config
            .auxiliary_addresses
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), address("auxiliary address", text)?)))
            .collect();
        requests.push(PoolRequest {
            subnet,
            range,
            gateway,
            auxiliary,
        });
    }
    if wrong.is_empty() {
        return Ok(requests);
    }
    Err(Error::Invalid(format!(
        "invalid network config:\n{}",
        wrong.join("\n")
    )))
}
