//! What a container wishes for on a network that a user has made.

use std::net::IpAddr;

use corten_wire::EndpointSettings;

use crate::error::{Error, Result};
use crate::own_networks::NetworkRecord;
use crate::record::EndpointWish;

/// Reads the settings of a request into `wish`.
///
/// # Errors
/// When an address is none of the network's, or something is not supported.
pub(crate) fn settle(
    network: &NetworkRecord,
    settings: &EndpointSettings,
    wish: &mut EndpointWish,
) -> Result<()> {
    wish.aliases = settings.aliases.clone().unwrap_or_default();
    wish.links = settings.links.clone().unwrap_or_default();
    for link in &wish.links {
        crate::links::parse(link)?;
    }
    let ipam = settings.ipam_config.clone().unwrap_or_default();
    let mut wrong = Vec::new();
    let mut address = |text: &str, ipv6: bool| -> Option<IpAddr> {
        if text.is_empty() {
            return None;
        }
        let parsed = text.parse::<IpAddr>().ok().filter(|ip| ip.is_ipv6() == ipv6);
        match parsed {
            None => wrong.push(format!("invalid IPv{} address: {text}", if ipv6 { 6 } else { 4 })),
            Some(ip) => wrong.extend(refusal(network, ip)),
        }
        parsed
    };
    if let Some(IpAddr::V4(ip)) = address(&ipam.ipv4_address, false) {
        wish.address = Some(ip);
    }
    if let Some(IpAddr::V6(ip)) = address(&ipam.ipv6_address, true) {
        wish.address6 = Some(ip);
    }
    crate::endpoint_options::settle(settings, wish, &mut wrong)?;
    if !wrong.is_empty() {
        return Err(Error::Invalid(format!(
            "invalid config for network {}: invalid endpoint settings:\n{}",
            network.name(),
            wrong.join("\n")
        )));
    }
    if !settings.mac_address.is_empty() {
        crate::refusals::is_own_mac(&settings.mac_address)?;
        wish.mac = Some(settings.mac_address.clone());
    }
    Ok(())
}

/// Why a container cannot wish for this address.
fn refusal(network: &NetworkRecord, ip: IpAddr) -> Option<String> {
    let own = if ip.is_ipv6() {
        network.own_ipv6
    } else {
        network.own_ipv4
    };
    if !own {
        let sentence = "user specified IP address is supported only when connecting to networks with user configured subnets";
        return Some(sentence.to_owned());
    }
    let is_inside = network.spec.pools.iter().any(|pool| pool.subnet.contains(&ip));
    (!is_inside).then(|| format!("no configured subnet or ip-range contain the IP address {ip}"))
}
