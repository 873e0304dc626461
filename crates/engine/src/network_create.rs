//! `network create`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use corten_network::{IpNet, NetworkError, NetworkSpec, Options, PoolRequest, Version};
use corten_wire::{IpamConfig, NetworkCreateRequest};

use crate::clock::now_ns;
use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::names::new_id;
use crate::network_configuration;
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

    fn make_network(&self, mut request: NetworkCreateRequest) -> Result<String> {
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
        if request.config_only {
            return self.make_configuration(request);
        }
        let config_from = self.copy_configuration(&mut request)?;
        let ipam = request.ipam.unwrap_or_default();
        let has_ipv6 = request.enable_ipv6.unwrap_or(false);
        // Nobody looks at what else is said of a subnet that is not used.
        let is_unused = |config: &IpamConfig| {
            !has_ipv6 && block(&config.subnet).is_some_and(|subnet| subnet.addr().is_ipv6())
        };
        let (unused_subnets, used): (Vec<_>, Vec<_>) =
            ipam.config.unwrap_or_default().into_iter().partition(is_unused);
        let wanted = pool_requests(&used)?;
        let driver = match request.driver.as_str() {
            "" => "bridge",
            driver => driver,
        };
        let id = new_id().to_string();
        let defaults = self.config.network_options.get(driver);
        let mut options = defaults
            .filter(|_| config_from.is_empty())
            .cloned()
            .unwrap_or_default();
        options.extend(request.options.unwrap_or_default());
        let parsed = Options::parse(driver, &id, request.internal, &options)?;
        let mut spec = NetworkSpec {
            internal: request.internal,
            ipv4: request.enable_ipv4.unwrap_or(true),
            ipv6: has_ipv6,
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
            configuration: None,
            unused_subnets,
            config_from,
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
            ("type".to_owned(), record.driver().to_owned()),
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
    match request.scope.as_str() {
        "" | "local" => {}
        "swarm" => {
            return forbidden("cannot create a swarm scoped network when swarm is not active".to_owned());
        }
        _ => return Err(Error::NoSwarmManager),
    }
    if request.ingress {
        return forbidden("Ingress network can only be global scope network".to_owned());
    }
    let copies = request
        .config_from
        .as_ref()
        .is_some_and(|from| !from.network.is_empty());
    if request.config_only {
        return network_configuration::check(request, copies);
    }
    match request.driver.as_str() {
        kind @ ("host" | "null") => {
            return forbidden(format!("only one instance of {kind:?} network is allowed"));
        }
        "overlay" => return Err(Error::NoSwarmManager),
        _ => {}
    }
    if request.enable_ipv4 == Some(false) && request.enable_ipv6 != Some(true) {
        return Err(Error::Invalid("IPv4 or IPv6 must be enabled".to_owned()));
    }
    let Some(ipam) = &request.ipam else {
        return Ok(());
    };
    match ipam.driver.as_str() {
        "" | "default" => Ok(()),
        "null" => without_addresses(request, ipam.config.as_deref().unwrap_or_default()),
        other => Err(NetworkError::NoDriver(other.to_owned()).into()),
    }
}

/// The answers to who wants a network without addresses: it gives no subnet, and all drivers need one.
fn without_addresses(request: &NetworkCreateRequest, subnets: &[IpamConfig]) -> Result<()> {
    pool_requests(subnets)?;
    let not_handled = |what: &str| {
        let sentence = format!("null ipam driver does not handle {what} requests");
        Err(Error::Invalid(sentence))
    };
    if !subnets.is_empty() {
        return not_handled("specific address pool");
    }
    if request.enable_ipv4 == Some(false) {
        return not_handled("IPv6 address pool");
    }
    Err(NetworkError::EmptyPool(Version::V4).into())
}

/// The subnets of a request, all that is wrong with their texts told at once, as by Docker.
fn pool_requests(configs: &[IpamConfig]) -> Result<Vec<PoolRequest>> {
    let mut wrong = Vec::new();
    let mut requests = Vec::new();
    for config in configs {
        // Without a subnet nothing else is looked at.
        let Some(subnet) = block(&config.subnet) else {
            let text = &config.subnet;
            wrong.push(format!("invalid subnet {text}: invalid CIDR block notation"));
            continue;
        };
        let range = block(&config.ip_range);
        if range.is_none() && !config.ip_range.is_empty() {
            let text = &config.ip_range;
            wrong.push(format!("invalid ip-range {text}: invalid CIDR block notation"));
        }
        let mut address = |what: &str, shown: &str, text: &str| -> Option<IpAddr> {
            let parsed = text.parse().ok();
            if parsed.is_none() && !text.is_empty() {
                wrong.push(format!("invalid {what} {shown}: invalid address"));
            }
            parsed
        };
        let gateway = address("gateway", &config.gateway, &config.gateway);
        let auxiliary: BTreeMap<String, IpAddr> = config
            .auxiliary_addresses
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), address("auxiliary address", name, text)?)))
            .collect();
        requests.push(PoolRequest {
            subnet: Some(subnet),
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

/// A block of addresses, as strictly read as by Go: no number with a zero before it.
fn block(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let is_plain =
        length == "0" || (length.bytes().all(|byte| byte.is_ascii_digit()) && !length.starts_with('0'));
    let address: IpAddr = address.parse().ok()?;
    IpNet::new(address, length.parse().ok().filter(|_| is_plain)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_strictly() {
        for text in ["10.0.0.0/8", "fd00::/64", "0.0.0.0/0", "10.1.2.3/32"] {
            assert_eq!(block(text).map(|net| net.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/00",
            "fd00::%eth0/64",
            "fd00::/129",
            " 10.0.0.0/8",
            "10.0.0/8",
        ] {
            assert_eq!(block(text), None, "{text}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_texts_is_told() {
        let configs = [
            IpamConfig {
                gateway: "10.1.0.1".to_owned(),
                ..IpamConfig::default()
            },
            IpamConfig {
                subnet: "10.2.0.0/16".to_owned(),
                ip_range: "x".to_owned(),
                gateway: "1.2".to_owned(),
                auxiliary_addresses: [("router".to_owned(), "y".to_owned())].into(),
            },
        ];
        assert_eq!(
            pool_requests(&configs).unwrap_err().to_string(),
            "invalid network config:\ninvalid subnet : invalid CIDR block notation\ninvalid ip-range x: invalid CIDR \
             block notation\ninvalid gateway 1.2: invalid address\ninvalid auxiliary address router: invalid address"
        );
    }
}
