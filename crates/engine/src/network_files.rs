//! `/etc/resolv.conf`, `/etc/hostname` and `/etc/hosts` of a container, written before each start.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use corten_network::{ExtraHost, HostsFile, Lease};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::names_on_networks::{sets_ndots, upstreams};
use crate::network_mode::NetworkMode;
use crate::options::hostname;
use crate::own_networks::NetworkRecord;
use crate::record::ContainerRecord;

/// Writes the three files into `dir`; a container in another's network uses that one's.
pub(crate) fn write(
    engine: &Engine,
    record: &ContainerRecord,
    network: &NetworkMode,
    lease: Option<&Lease>,
    dir: &Path,
) -> Result<()> {
    let host = &record.host_config;
    if let NetworkMode::Container(_) = network {
        return Ok(());
    }
    let own = |what: &str| format!("cannot write the container's {what}");
    let name = hostname(record);
    let domain = record.config.domainname.as_str();
    let put = |file: &str, text: String| fs::write(dir.join(file), text).map_err(Error::system(own(file)));

    let host_network = matches!(network, NetworkMode::Host);
    let wish = ResolverWish::of(engine, record)?;
    let resolv = match network {
        NetworkMode::Own(_) => corten_network::own_resolv_conf(&wish.host_text, &wish.search, &wish.options),
        _ if host_network && wish.is_plain() => wish.host_text,
        _ => corten_network::resolv_conf(&wish.host_text, &wish.servers, &wish.search, &wish.options),
    };
    put("resolv.conf", resolv)?;
    put("hostname", corten_network::hostname_file(&name))?;

    let mut extra = extra_hosts(host.extra_hosts.as_deref().unwrap_or_default())?;
    if matches!(network, NetworkMode::Bridge) {
        let linked = crate::links::hosts(engine, record).into_iter();
        extra.extend(linked.map(|(names, address)| (names, ExtraHost::Address(address))));
    }
    let bridge = engine.networks.default_bridge();
    let bridge = bridge.as_ref().and_then(crate::networks::bridge_address);
    let host_gateway = match (bridge, lease) {
        _ if engine.config.host_gateway.is_some() => engine.config.host_gateway,
        (Some(address), _) => Some(address),
        (None, Some(lease)) => lease.gateways().next(),
        (None, None) if extra.iter().any(|(_, host)| *host == ExtraHost::HostGateway) => {
            return Err(Error::Invalid(
                "unable to derive the IP value for host-gateway".to_owned(),
            ));
        }
        (None, None) => None,
    };
    let addresses: Vec<IpAddr> = lease
        .into_iter()
        .flat_map(Lease::addresses)
        .map(|net| net.addr())
        .collect();
    let file = HostsFile {
        hostname: &name,
        domainname: domain,
        addresses: &addresses,
        extra: &extra,
        host_gateway: host_gateway.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
    };
    let hosts = match fs::read_to_string("/etc/hosts") {
        Ok(mut text) if host_network => {
            for (name, host) in &extra {
                let address = match host {
                    ExtraHost::Address(address) => *address,
                    ExtraHost::HostGateway => file.host_gateway,
                };
                text.push_str(&format!("{address}\t{name}\n"));
            }
            text
        }
        _ => corten_network::hosts_file(&file),
    };
    put("hosts", hosts)
}

/// What the resolver of a container on this network is to do.
pub(crate) fn resolver(
    engine: &Engine,
    record: &ContainerRecord,
    network: &NetworkRecord,
) -> Result<corten_dns::Settings> {
    let wish = ResolverWish::of(engine, record)?;
    let upstreams = upstreams(&wish.host_text, &wish.servers);
    let ndots = sets_ndots(&wish.options);
    Ok(engine.resolver_settings(record, network, upstreams, ndots))
}

/// What a container, or else the daemon, says of resolving names; the host's file for what neither does.
struct ResolverWish {
    host_text: String,
    servers: Vec<IpAddr>,
    search: Vec<String>,
    options: Vec<String>,
}

impl ResolverWish {
    fn of(engine: &Engine, record: &ContainerRecord) -> Result<Self> {
        let host = &record.host_config;
        let or_daemons = |own: &Option<Vec<String>>, daemons: &Vec<String>| match own {
            Some(own) if !own.is_empty() => own.clone(),
            _ => daemons.clone(),
        };
        let mut servers = parse_addresses(host.dns.as_deref().unwrap_or_default())?;
        if servers.is_empty() {
            servers.clone_from(&engine.config.dns);
        }
        Ok(Self {
            host_text: corten_network::host_resolv_conf()
                .map_err(Error::system("cannot read the host's resolv.conf"))?,
            servers,
            search: or_daemons(&host.dns_search, &engine.config.dns_search),
            options: or_daemons(&host.dns_options, &engine.config.dns_options),
        })
    }

    fn is_plain(&self) -> bool {
        self.servers.is_empty() && self.search.is_empty() && self.options.is_empty()
    }
}

pub(crate) fn parse_addresses(texts: &[String]) -> Result<Vec<IpAddr>> {
    texts
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|_| Error::Invalid(format!("invalid IP address in DNS server: {text}")))
        })
        .collect()
}

/// Reads `name:address` entries; `host-gateway` is the bridge's own address.
pub(crate) fn extra_hosts(entries: &[String]) -> Result<Vec<(String, ExtraHost)>> {
    entries
        .iter()
        .map(|entry| {
            let invalid = || Error::Invalid(format!("bad format for add-host: \"{entry}\""));
            let (name, address) = entry
                .split_once([':', '='])
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(invalid)?;
            let address = match address {
                "host-gateway" => ExtraHost::HostGateway,
                text => text
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .parse()
                    .map(ExtraHost::Address)
                    .map_err(|_| Error::Invalid(format!("invalid IP address in add-host: \"{text}\"")))?,
            };
            Ok((name.to_owned(), address))
        })
        .collect()
}
