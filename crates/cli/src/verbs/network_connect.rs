//! `network connect`: puts a container on one more network.

use std::collections::BTreeMap;

use corten_wire::{EndpointIpamConfig, EndpointSettings, NetworkConnectRequest};

use super::network_disconnect::named;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::invocation::Invocation;
use crate::spec::{self, csv};

pub(crate) static COMMAND: Command = Command {
    about: "Connect a container to a network",
    usage: "[OPTIONS] NETWORK CONTAINER",
    names: &[],
    flags: &[
        strings("alias", "Add network-scoped alias for the container"),
        strings("driver-opt", "Driver options for the network"),
        Flag::int(
            "gw-priority",
            "The network with the highest priority provides the default gateway; may be negative",
        ),
        Flag::text("ip", "IPv4 address (e.g., \"172.30.100.104\")"),
        Flag::text("ip6", "IPv6 address (e.g., \"2001:db8::33\")"),
        Flag::list("link", "Add link to another container").check(spec::link),
        strings("link-local-ip", "Add a link-local address for the container"),
    ],
    arity: Arity::Exactly(2),
    interspersed: true,
    run,
};

/// A flag with values parted by commas, which may be repeated.
const fn strings(name: &'static str, help: &'static str) -> Flag {
    Flag::list(name, help).of("strings").check(check_strings)
}

fn check_strings(text: &str) -> Result<(), String> {
    values(text).map(drop)
}

fn values(text: &str) -> Result<Vec<String>, String> {
    match text {
        "" => Ok(Vec::new()),
        text => csv::fields(text),
    }
}

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let wished = endpoint(&invocation.matches).map_err(Error::plain)?;
        let (network, container) = named(&invocation.matches)?;
        let request = NetworkConnectRequest {
            container,
            endpoint_config: Some(wished),
        };
        let client = invocation.connect().await?;
        client.connect_network(&network, &request).await?;
        Ok(0)
    })
}

/// What the flags wish for. Addresses are spoken of even when there are none, as by the original.
fn endpoint(matches: &Matches) -> Result<EndpointSettings, String> {
    let list = |name: &str| -> Result<Vec<String>, String> {
        let lists: Vec<Vec<String>> = matches.list(name).map(values).collect::<Result<_, _>>()?;
        Ok(lists.concat())
    };
    let text = |name: &str| matches.text(name).unwrap_or_default().to_owned();
    let links: Vec<String> = matches.list("link").map(str::to_owned).collect();
    Ok(EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: text("ip"),
            ipv6_address: text("ip6"),
            link_local_ips: list("link-local-ip")?,
        }),
        links: (!links.is_empty()).then_some(links),
        aliases: Some(list("alias")?),
        driver_opts: Some(driver_options(&list("driver-opt")?)?),
        gw_priority: matches.int("gw-priority").unwrap_or_default(),
        ..EndpointSettings::default()
    })
}

fn driver_options(pairs: &[String]) -> Result<BTreeMap<String, String>, String> {
    let pair = |text: &String| {
        text.split_once('=')
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| "invalid key/value pair format in driver options".to_owned())
    };
    pairs.iter().map(pair).collect()
}
