//! Networks, names and addresses: `--network`, `--ip`, `--mac-address`, `--dns`, `--add-host`, `--link`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use corten_wire::{EndpointIpamConfig, EndpointSettings, NetworkingConfig};

use super::mounts::fields;
use crate::flags::Matches;

/// Modes that are no networks of the user's.
const BUILT_IN: [&str; 4] = ["default", "bridge", "host", "none"];
const DEFAULT: &str = "default";

/// `NetworkMode` and `NetworkingConfig`.
pub(super) fn parse(matches: &Matches) -> Result<(String, NetworkingConfig), String> {
    let mut endpoints = BTreeMap::new();
    let mut mode = None;
    let texts: Vec<&str> = matches.list("network").filter(|text| !text.is_empty()).collect();
    let several = texts.len() > 1;
    for text in &texts {
        let (name, mut endpoint) = attachment(text)?;
        let is_built_in = is_built_in(&name);
        if several && is_built_in {
            return Err(
                "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
                    .to_owned(),
            );
        }
        if mode.is_none() {
            add_container_options(matches, &mut endpoint, is_built_in)?;
            mode = Some(name.clone());
        }
        if is_built_in && endpoint == EndpointSettings::default() {
            continue;
        }
        if endpoints.insert(name.clone(), Some(endpoint)).is_some() {
            return Err(format!("network {name:?} is specified multiple times"));
        }
    }
    let mode = match mode {
        Some(mode) => mode,
        None => {
            let mut endpoint = EndpointSettings::default();
            add_container_options(matches, &mut endpoint, true)?;
            endpoints.insert(DEFAULT.to_owned(), Some(endpoint));
            DEFAULT.to_owned()
        }
    };
    Ok((
        mode,
        NetworkingConfig {
            endpoints_config: Some(endpoints),
        },
    ))
}

fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name) || name.starts_with("container:")
}

/// The settings beside `--network` are those of the first network.
fn add_container_options(
    matches: &Matches,
    endpoint: &mut EndpointSettings,
    is_built_in: bool,
) -> Result<(), String> {
    if let Some(ip) = matches.filled("ip") {
        let ip: Ipv4Addr = ip.parse().map_err(|_| format!("invalid IPv4 address: {ip}"))?;
        endpoint.ipam_config.get_or_insert_default().ipv4_address = ip.to_string();
    }
    if let Some(mac) = matches.filled("mac-address") {
        check_mac(mac)?;
        endpoint.mac_address = mac.to_owned();
    }
    let links: Vec<String> = matches.list("link").map(str::to_owned).collect();
    if !links.is_empty() && !is_built_in {
        endpoint.links = Some(links);
    }
    Ok(())
}

/// A network's name, or `name=…,alias=…,ip=…,driver-opt=…`.
fn attachment(text: &str) -> Result<(String, EndpointSettings), String> {
    let mut endpoint = EndpointSettings::default();
    if !text.contains('=') {
        return Ok((text.to_owned(), endpoint));
    }
    let mut name = None;
    for field in fields(text)? {
        let (key, value) = field
            .split_once('=')
            .ok_or_else(|| format!("invalid field {field}"))?;
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "name" => name = Some(value.to_owned()),
            "alias" => endpoint.aliases.get_or_insert_default().push(value.to_owned()),
            "ip" => ipam(&mut endpoint).ipv4_address = value.to_owned(),
            "ip6" => ipam(&mut endpoint).ipv6_address = value.to_owned(),
            "link-local-ip" => ipam(&mut endpoint).link_local_ips.push(value.to_owned()),
            "mac-address" => {
                check_mac(value)?;
                endpoint.mac_address = value.to_owned();
            }
            "driver-opt" => {
                let (option, value) = value
                    .split_once('=')
                    .ok_or("invalid key value pair format in driver options")?;
                endpoint
                    .driver_opts
                    .get_or_insert_default()
                    .insert(option.to_owned(), value.to_owned());
            }
            "gw-priority" => {
                endpoint.gw_priority = value
                    .parse()
                    .map_err(|_| format!("invalid gw-priority ({value}): invalid syntax"))?;
            }
            _ => return Err(format!("invalid field key {}", key.trim())),
        }
    }
    Ok((name.ok_or("network name/id is not specified")?, endpoint))
}

fn ipam(endpoint: &mut EndpointSettings) -> &mut EndpointIpamConfig {
    endpoint.ipam_config.get_or_insert_default()
}

fn check_mac(text: &str) -> Result<(), String> {
    let octets: Vec<&str> = text.split([':', '-']).collect();
    let ok = octets.len() == 6
        && octets
            .iter()
            .all(|octet| octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit()));
    if ok {
        Ok(())
    } else {
        Err(format!("{text} is not a valid mac address"))
    }
}

/// Judges `--dns`.
pub(super) fn address(text: &str) -> Result<(), String> {
    text.trim()
        .parse::<IpAddr>()
        .map(drop)
        .map_err(|_| format!("IP address is not correctly formatted: {text}"))
}

/// Judges `--add-host`.
pub(super) fn extra_host(text: &str) -> Result<(), String> {
    split_host(text).map(drop)
}

/// `host:ip` or `host=ip` as the engine wants it, `host:ip`.
pub(super) fn host_line(text: &str) -> Result<String, String> {
    split_host(text).map(|(host, ip)| format!("{host}:{ip}"))
}

fn split_host(text: &str) -> Result<(&str, &str), String> {
    let (host, ip) = match text.split_once('=') {
        Some(parts) => parts,
        None => text
            .split_once(':')
            .ok_or_else(|| format!("bad format for add-host: {text:?}"))?,
    };
    if host.is_empty() {
        return Err(format!("bad format for add-host: {text:?}"));
    }
    let bare = ip
        .strip_prefix('[')
        .and_then(|ip| ip.strip_suffix(']'))
        .unwrap_or(ip);
    if bare != "host-gateway" && bare.parse::<IpAddr>().is_err() {
        return Err(format!("invalid IP address in add-host: {ip:?}"));
    }
    Ok((host, bare))
}

/// Judges `--link`.
pub(super) fn link(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("empty string specified for links".to_owned());
    }
    if text.split(':').count() > 2 {
        return Err(format!("bad format for links: {text}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(host_line("h:1.2.3.4").unwrap(), "h:1.2.3.4");
        assert_eq!(host_line("i=::1").unwrap(), "i:::1");
        assert_eq!(host_line("i:[::1]").unwrap(), "i:::1");
        assert_eq!(host_line("g:host-gateway").unwrap(), "g:host-gateway");
        assert_eq!(host_line("x").unwrap_err(), "bad format for add-host: \"x\"");
        assert_eq!(
            host_line("b:1.2").unwrap_err(),
            "invalid IP address in add-host: \"1.2\""
        );
    }

    #[test]
    fn attachments() {
        let (name, endpoint) = attachment("name=foo,ip=1.2.3.4,alias=x").unwrap();
        assert_eq!(name, "foo");
        assert_eq!(endpoint.aliases.as_deref(), Some(&["x".to_owned()][..]));
        assert_eq!(attachment("name=a,foo=b").unwrap_err(), "invalid field key foo");
        assert_eq!(check_mac("x").unwrap_err(), "x is not a valid mac address");
    }
}
