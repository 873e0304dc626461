//! `/etc/resolv.conf`, `/etc/hostname` and `/etc/hosts` of a container, written before each start.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use corten_network::{ExtraHost, HostsFile, Lease, NAME_SERVER};
use corten_types::Digest;
use sha2::{Digest as _, Sha256};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hosts_file;
use crate::names_on_networks::{sets_ndots, upstreams};
use crate::network_mode::NetworkMode;
use crate::networks::bridge_addresses;
use crate::options::hostname;
use crate::record::ContainerRecord;

/// Hashes of what the engine wrote into `resolv.conf`.
const HASHES: &str = "resolv.conf.hash";

/// Writes the three files into `dir`; a container in another's network uses that one's.
pub(crate) fn write(
    engine: &Engine,
    record: &ContainerRecord,
    network: &NetworkMode,
    leases: &[Lease],
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
    let is_own = leases.iter().any(|lease| engine.own_of(lease).is_some());
    put_resolv_conf(dir, &resolv_conf(engine, record, is_own)?, None)
        .map_err(Error::system(own("resolv.conf")))?;
    put("hostname", corten_network::hostname_file(&name))?;

    let mut extra = extra_hosts(host.extra_hosts.as_deref().unwrap_or_default())?;
    if leases.iter().any(|lease| engine.own_of(lease).is_none()) {
        let linked = crate::links::hosts(engine, record).into_iter();
        extra.extend(linked.map(|(names, address)| (names, ExtraHost::Address(address))));
    }
    let host_gateways = host_gateways(engine, leases);
    if host_gateways.is_empty() && extra.iter().any(|(_, host)| *host == ExtraHost::HostGateway) {
        return Err(Error::Invalid(
            "unable to derive the IP value for host-gateway".to_owned(),
        ));
    }
    let addresses: Vec<IpAddr> = leases
        .iter()
        .flat_map(Lease::addresses)
        .map(|net| net.addr())
        .collect();
    let file = HostsFile {
        hostname: &name,
        domainname: domain,
        addresses: &addresses,
        extra: &extra,
        host_gateways: &host_gateways,
    };
    let hosts = match fs::read_to_string("/etc/hosts") {
        Ok(text) if host_network => text + &corten_network::extra_lines(&extra, &host_gateways),
        _ => corten_network::hosts_file(&file),
    };
    put("hosts", hosts)
}

/// What `host-gateway` stands for: as configured, else the default bridge's addresses, else the gateways of the container.
fn host_gateways(engine: &Engine, leases: &[Lease]) -> Vec<IpAddr> {
    if !engine.config.host_gateways.is_empty() {
        return engine.config.host_gateways.clone();
    }
    let bridge = engine.networks.default_bridge();
    let own: Vec<IpAddr> = bridge.iter().flat_map(bridge_addresses).collect();
    match own.as_slice() {
        [] => leases.iter().take(1).flat_map(Lease::gateways).collect(),
        _ => own,
    }
}

/// The text of `/etc/resolv.conf`; on a network of users, `is_own`, the shim is asked.
fn resolv_conf(engine: &Engine, record: &ContainerRecord, is_own: bool) -> Result<String> {
    let wish = ResolverWish::of(engine, record)?;
    Ok(match record.host_config.network_mode.as_str() {
        _ if is_own => corten_network::own_resolv_conf(&wish.host_text, &wish.search, &wish.options),
        "host" if wish.is_plain() => wish.host_text,
        _ => corten_network::resolv_conf(&wish.host_text, &wish.servers, &wish.search, &wish.options),
    })
}

/// A running container has come to its first network of users, `is_own`, or has left the last: another one is asked for names. A
/// file that has been changed inside is left alone, as by Docker.
pub(crate) fn ask_others(engine: &Engine, record: &ContainerRecord, is_own: bool) -> Result<()> {
    let dir = engine.container_dir(&record.id);
    let failed = || Error::system("cannot bring a container's resolv.conf up to date");
    let present = match hosts_file::read(&dir.join("resolv.conf")) {
        Ok(present) => String::from_utf8(present).ok(),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => None,
        Err(error) => return Err(failed()(error)),
    };
    // What is no text, or absurdly long, is not ours.
    let Some(present) = present else { return Ok(()) };
    let is_ours = match fs::read_to_string(dir.join(HASHES)) {
        Ok(hashes) => hashes.lines().any(|one| one == hash(&present)),
        // Started by an older daemon.
        Err(_) => present == resolv_conf(engine, record, !is_own)?,
    };
    match is_ours {
        true => {
            put_resolv_conf(&dir, &resolv_conf(engine, record, is_own)?, Some(&present)).map_err(failed())
        }
        false => Ok(()),
    }
}

/// Writes the file, and before that what tells whether somebody has changed it: a daemon killed in between leaves the one `before`.
fn put_resolv_conf(dir: &Path, text: &str, before: Option<&str>) -> std::io::Result<()> {
    let hashes: Vec<String> = [Some(text), before].into_iter().flatten().map(hash).collect();
    fs::write(dir.join(HASHES), hashes.join("\n"))?;
    fs::write(dir.join("resolv.conf"), text)
}

fn hash(text: &str) -> String {
    Digest::from_sha256(Sha256::digest(text).into()).to_string()
}

/// The lines of `/etc/hosts` about a container's own addresses on a network.
pub(crate) fn own_lines(record: &ContainerRecord, lease: &Lease) -> String {
    let addresses = lease.addresses().map(|net| net.addr());
    corten_network::own_lines(&hostname(record), &record.config.domainname, addresses)
}

/// What the resolver of a container in these places is to do.
pub(crate) fn resolver(
    engine: &Engine,
    record: &ContainerRecord,
    leases: &[Lease],
) -> Result<corten_dns::Settings> {
    let wish = ResolverWish::of(engine, record)?;
    // The container's own name server would ask itself, on and on.
    let servers: Vec<IpAddr> = wish
        .servers
        .into_iter()
        .filter(|server| *server != NAME_SERVER)
        .collect();
    let upstreams = upstreams(&wish.host_text, &servers);
    let ndots = sets_ndots(&wish.options);
    Ok(engine.resolver_settings(record, leases, upstreams, ndots))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolv_conf_that_nobody_has_changed_inside_is_the_engines() {
        let dir = tempfile::tempdir().unwrap();
        let engine = crate::fixture::engine(dir.path());
        let record = crate::fixture::record("box");
        let own = engine.container_dir(&record.id);
        fs::create_dir_all(&own).unwrap();
        let text = || fs::read_to_string(own.join("resolv.conf")).unwrap();
        // What the host's file said then, and does not say any more.
        put_resolv_conf(&own, "nameserver 192.0.2.77\n", None).unwrap();
        ask_others(&engine, &record, true).unwrap();
        assert!(text().contains("nameserver 127.0.0.11"), "{}", text());
        ask_others(&engine, &record, false).unwrap();
        assert!(!text().contains("127.0.0.11"), "{}", text());
        // Killed after the hash was written and before the file was.
        let hashes = [hash("something else"), hash(&text())].join("\n");
        fs::write(own.join(HASHES), hashes).unwrap();
        ask_others(&engine, &record, true).unwrap();
        assert!(text().contains("nameserver 127.0.0.11"), "{}", text());
        fs::write(own.join("resolv.conf"), "nameserver 9.9.9.9\n").unwrap();
        ask_others(&engine, &record, false).unwrap();
        assert_eq!(text(), "nameserver 9.9.9.9\n");
        let file = fs::File::options()
            .write(true)
            .open(own.join("resolv.conf"))
            .unwrap();
        file.set_len(8 << 30).unwrap();
        ask_others(&engine, &record, true).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 8 << 30);
    }
}
