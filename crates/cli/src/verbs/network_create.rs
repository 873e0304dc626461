//! `network create`: makes a network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use corten_wire::{ConfigReference, Ipam, IpamConfig, NetworkCreateRequest};

use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;
use crate::{output, spec};

pub(crate) static COMMAND: Command = Command {
    about: "Create a network",
    usage: "[OPTIONS] NETWORK",
    names: &[],
    flags: &[
        Flag::switch("attachable", "Enable manual container attachment"),
        Flag::list(
            "aux-address",
            "Auxiliary IPv4 or IPv6 addresses used by Network driver",
        )
        .default("map[]")
        .of("map"),
        Flag::text("config-from", "The network from which to copy the configuration"),
        Flag::switch("config-only", "Create a configuration only network"),
        Flag::text("driver", "Driver to manage the Network")
            .short('d')
            .default("\"bridge\""),
        Flag::list("gateway", "IPv4 or IPv6 Gateway for the master subnet").of("strings"),
        Flag::switch("ingress", "Create swarm routing-mesh network"),
        Flag::switch("internal", "Restrict external access to the network"),
        Flag::list("ip-range", "Allocate container ip from a sub-range").of("strings"),
        Flag::text("ipam-driver", "IP Address Management Driver").default("\"default\""),
        Flag::list("ipam-opt", "Set IPAM driver specific options")
            .default("map[]")
            .of("map"),
        Flag::switch("ipv4", "Enable or disable IPv4 address assignment").default("true"),
        Flag::switch("ipv6", "Enable or disable IPv6 address assignment"),
        Flag::list("label", "Set metadata on a network").check(spec::label),
        Flag::list("opt", "Set driver specific options")
            .default("map[]")
            .short('o')
            .of("map"),
        Flag::text("scope", "Control the network's scope"),
        Flag::list(
            "subnet",
            "Subnet in CIDR format that represents a network segment",
        )
        .of("strings"),
    ],
    arity: Arity::Exactly(1),
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let matches = &invocation.matches;
        let given = |flag: &str| matches.has(flag).then(|| matches.on(flag));
        let request = NetworkCreateRequest {
            name: matches.args[0].clone(),
            driver: matches.text("driver").unwrap_or("bridge").to_owned(),
            scope: matches.text("scope").unwrap_or_default().to_owned(),
            enable_ipv4: given("ipv4"),
            enable_ipv6: given("ipv6"),
            ipam: Some(Ipam {
                driver: matches.text("ipam-driver").unwrap_or("default").to_owned(),
                options: Some(pairs(matches, "ipam-opt")),
                config: Some(subnets(matches).map_err(Error::plain)?),
            }),
            internal: matches.on("internal"),
            attachable: matches.on("attachable"),
            ingress: matches.on("ingress"),
            config_only: matches.on("config-only"),
            config_from: matches.filled("config-from").map(|network| ConfigReference {
                network: network.to_owned(),
            }),
            options: Some(pairs(matches, "opt")),
            labels: Some(pairs(matches, "label")),
        };
        let client = invocation.connect().await?;
        output::line(&client.create_network(&request).await?.id)?;
        Ok(0)
    })
}

/// Ranges, gateways and the like put to the subnets they are in.
fn subnets(matches: &Matches) -> Result<Vec<IpamConfig>, String> {
    let list = |flag: &str| -> Vec<String> {
        // An empty text is an empty list.
        let texts = matches.list(flag).filter(|text| !text.is_empty());
        texts
            .flat_map(|text| text.split(','))
            .map(str::to_owned)
            .collect()
    };
    let (subnets, ranges, gateways) = (list("subnet"), list("ip-range"), list("gateway"));
    if subnets.len() < ranges.len() || subnets.len() < gateways.len() {
        return Err("every ip-range or gateway must have a corresponding subnet".to_owned());
    }
    let mut configs: Vec<IpamConfig> = Vec::new();
    for subnet in subnets {
        for other in &configs {
            let overlap = contains(&subnet, &other.subnet)? || contains(&other.subnet, &subnet)?;
            if overlap {
                return Err("multiple overlapping subnet configuration is not supported".to_owned());
            }
        }
        configs.push(IpamConfig {
            subnet,
            ..IpamConfig::default()
        });
    }
    for range in ranges {
        cidr(&range)?;
        let config =
            around(&mut configs, &range)?.ok_or_else(|| format!("no matching subnet for range {range}"))?;
        if !config.ip_range.is_empty() {
            return Err(format!(
                "cannot configure multiple ranges ({range}, {}) on the same subnet ({})",
                config.ip_range, config.subnet
            ));
        }
        config.ip_range = range;
    }
    for gateway in gateways {
        let config = around(&mut configs, &gateway)?
            .ok_or_else(|| format!("no matching subnet for gateway {gateway}"))?;
        if !config.gateway.is_empty() {
            return Err(format!(
                "cannot configure multiple gateways ({gateway}, {}) for the same subnet ({})",
                config.gateway, config.subnet
            ));
        }
        config.gateway = gateway;
    }
    for (name, address) in pairs(matches, "aux-address") {
        around(&mut configs, &address)?
            .ok_or_else(|| format!("no matching subnet for aux-address {address}"))?
            .auxiliary_addresses
            .insert(name, address);
    }
    Ok(configs)
}

/// The subnet that `inner` is in.
fn around<'a>(configs: &'a mut [IpamConfig], inner: &str) -> Result<Option<&'a mut IpamConfig>, String> {
    for config in configs {
        if contains(&config.subnet, inner)? {
            return Ok(Some(config));
        }
    }
    Ok(None)
}

/// Whether the first address of `inner`, a subnet or an address, is in `subnet`.
fn contains(subnet: &str, inner: &str) -> Result<bool, String> {
    let (base, length) = cidr(subnet).map_err(|error| format!("invalid subnet: {error}"))?;
    let address = match inner.contains('/') {
        true => Some(cidr(inner)?.0),
        false => inner.parse().ok(),
    };
    Ok(match (base, address) {
        (IpAddr::V4(base), Some(IpAddr::V4(address))) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            base.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(base), Some(IpAddr::V6(address))) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            base.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    })
}

fn cidr(text: &str) -> Result<(IpAddr, u32), String> {
    let invalid = || format!("invalid CIDR address: {text}");
    let (address, length) = text.split_once('/').ok_or_else(invalid)?;
    let address: IpAddr = address.parse().map_err(|_| invalid())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.parse().ok().filter(|length| *length <= longest);
    Ok((address, length.ok_or_else(invalid)?))
}

fn pairs(matches: &Matches, name: &str) -> BTreeMap<String, String> {
    let pair = |text: &str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_owned(), value.to_owned())
    };
    matches.list(name).map(pair).collect()
}
