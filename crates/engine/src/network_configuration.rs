//! Networks that are only configurations, which others are made from (`network create --config-only`, `--config-from`).

use corten_network::{BridgeOptions, Driver, NetworkSpec};
use corten_wire::{Ipam, NetworkCreateRequest};

use crate::clock::now_ns;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::names::new_id;
use crate::own_networks::NetworkRecord;

/// Refuses what a configuration cannot hold; `copies` tells whether it is to be made from another one.
pub(crate) fn check(request: &NetworkCreateRequest, copies: bool) -> Result<()> {
    if request.ingress || request.internal || request.attachable || !request.scope.is_empty() {
        return Err(Error::Forbidden(
            "configuration network can only contain network specific fields. Network operator fields like [ ingress | \
             internal | attachable | scope ] are not supported."
                .to_owned(),
        ));
    }
    if copies {
        return Err(Error::Forbidden(
            "a configuration network cannot depend on another configuration network".to_owned(),
        ));
    }
    Ok(())
}

impl Engine {
    /// Writes down what others are to be made from. Nothing is made, and whether it makes sense is seen with those.
    pub(crate) fn make_configuration(&self, request: NetworkCreateRequest) -> Result<String> {
        let id = new_id().to_string();
        let ipam = request.ipam.unwrap_or_default();
        let nothing = Driver::Bridge(BridgeOptions::new(""));
        let record = NetworkRecord {
            spec: NetworkSpec {
                ipv4: request.enable_ipv4.unwrap_or(true),
                ipv6: request.enable_ipv6.unwrap_or(false),
                ..NetworkSpec::new(&id, &request.name, nothing)
            },
            created_at_ns: now_ns(),
            options: request.options.unwrap_or_default(),
            labels: request.labels.unwrap_or_default(),
            ipam_options: ipam.options.unwrap_or_default(),
            attachable: false,
            configuration: Some(ipam.config.unwrap_or_default()),
            unused_subnets: Vec::new(),
            config_from: String::new(),
            own_ipv4: false,
            own_ipv6: false,
        };
        let record = self.own_networks.add(&self.metadata, record)?;
        self.publish_network_itself("create", &record);
        Ok(id)
    }

    /// Puts the configuration a request speaks of into it; gives its name, which is empty where there is none.
    ///
    /// # Errors
    /// When there is no such configuration, or the request has one of its own.
    pub(crate) fn copy_configuration(&self, request: &mut NetworkCreateRequest) -> Result<String> {
        let from = request.config_from.take().unwrap_or_default().network;
        if from.is_empty() {
            return Ok(from);
        }
        let found = self.own_networks.find(&from)?;
        let Some(network) = found.filter(|network| network.configuration.is_some()) else {
            return Err(Error::NoSuchConfiguration(from));
        };
        let ipam = request.ipam.take().unwrap_or_default();
        let is_set = |map: &Option<std::collections::BTreeMap<String, String>>| {
            map.as_ref().is_some_and(|map| !map.is_empty())
        };
        if !matches!(ipam.driver.as_str(), "" | "default")
            || ipam.config.is_some_and(|config| !config.is_empty())
            || is_set(&ipam.options)
            || is_set(&request.labels)
            || request.enable_ipv6 == Some(true)
        {
            return Err(Error::Forbidden(
                "user specified configurations are not supported if the network depends on a configuration network"
                    .to_owned(),
            ));
        }
        if is_set(&request.options) {
            return Err(Error::Forbidden(
                "network driver options are not supported if the network depends on a configuration network"
                    .to_owned(),
            ));
        }
        request.ipam = Some(Ipam {
            driver: "default".to_owned(),
            options: Some(network.ipam_options.clone()),
            config: network.configuration.clone(),
        });
        request.labels = Some(network.labels.clone());
        request.options = Some(network.options.clone());
        request.enable_ipv4 = Some(network.spec.ipv4);
        request.enable_ipv6 = Some(network.spec.ipv6);
        Ok(network.name().to_owned())
    }
}
