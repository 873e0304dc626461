//! Networks, names and addresses: `--network`, `--ip`, `--mac-address`, `--dns`, `--add-host`, `--link`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use corten_wire::{EndpointIpamConfig, EndpointSettings, NetworkingConfig};

use super::csv::fields;
use crate::flags::Matches;

/// Modes that are no networks of the user's.
const BUILT_IN: [&str; 4] = ["default", "bridge", "host", "none"];
const DEFAULT: &str = "default";

/// `NetworkMode` and `NetworkingConfig`.
pub(super) fn parse(matches: &Matches) -> Result<(String, NetworkingConfig), String> {
    let mut endpoints = BTreeMap::new();
    let mut attachments = matches
        .list("network")
        .map(attachment)
        .collect::<Result<Vec<_>, _>>()?;
    let unnamed = attachments.is_empty();
    if unnamed {
        attachments.push((DEFAULT.to_owned(), EndpointSettings::default()));
    }
    let several = attachments.len() > 1;
    let mode = attachments[0].0.clone();
    let is_mixed = several && attachments.iter().any(|(name, _)| is_built_in(name));
    for (at, (name, mut endpoint)) in attachments.into_iter().enumerate() {
        if at == 0 {
            add_container_options(matches, &mut endpoint, is_built_in(&name))?;
        }
        if name.trim().is_empty() {
            return Err("no name set for network".to_owned());
        }
        if endpoint.aliases.is_some() && is_built_in(&name) {
            return Err("network-scoped aliases are only supported for user-defined networks".to_owned());
        }
        check_mac(&endpoint.mac_address)?;
        if endpoints.contains_key(&name) {
            return Err(format!("network {name:?} is specified multiple times"));
        }
        // The only network is not spoken of unless there is something to say.
        if unnamed || several || endpoint != EndpointSettings::default() {
            endpoints.insert(name, Some(endpoint));
        }
    }
    if is_mixed {
        return Err(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
                .to_owned(),
        );
    }
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
    let twice = |flag: &str, what: &str| {
        Err(format!(
            "conflicting options: cannot specify both --{flag} and per-network {what}"
        ))
    };
    if let Some(ip) = matches.filled("ip") {
        let ipam = ipam(endpoint);
        if !ipam.ipv4_address.is_empty() {
            return twice("ip", "IPv4 address");
        }
        ip.clone_into(&mut ipam.ipv4_address);
    }
    if let Some(ip) = matches.filled("ip6") {
        let ipam = ipam(endpoint);
        if !ipam.ipv6_address.is_empty() {
            return twice("ip6", "IPv6 address");
        }
        ip.clone_into(&mut ipam.ipv6_address);
    }
    if let Some(mac) = matches.filled("mac-address") {
        if !endpoint.mac_address.is_empty() {
            return twice("mac-address", "MAC address");
        }
        mac.clone_into(&mut endpoint.mac_address);
    }
    let aliases: Vec<String> = matches.list("network-alias").map(str::to_owned).collect();
    if !aliases.is_empty() {
        if endpoint.aliases.is_some() {
            return twice("network-alias", "alias");
        }
        endpoint.aliases = Some(aliases);
    }
    let link_local: Vec<String> = matches.list("link-local-ip").map(str::to_owned).collect();
    if !link_local.is_empty() {
        let ipam = ipam(endpoint);
        if !ipam.link_local_ips.is_empty() {
            return twice("link-local-ip", "link-local IP addresses");
        }
        ipam.link_local_ips = link_local;
    }
    let links: Vec<String> = matches.list("link").map(str::to_owned).collect();
    if !links.is_empty() && !is_built_in {
        endpoint.links = Some(links);
    }
    Ok(())
}

/// Judges a `--network` as it is read.
pub(super) fn check(text: &str) -> Result<(), String> {
    attachment(text).map(drop)
}

/// A network's name, or `name=…,alias=…,ip=…,driver-opt=…`.
fn attachment(text: &str) -> Result<(String, EndpointSettings), String> {
    let mut endpoint = EndpointSettings::default();
    if !has_pair(text) {
        return Ok((text.to_owned(), endpoint));
    }
    let mut name = String::new();
    for field in fields(text)? {
        // Values lose their capitals, too, in the original.
        let field = field.to_ascii_lowercase();
        let (key, value) = field
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| format!("invalid field {field}"))?;
        let value = value.trim();
        match key.trim() {
            "name" => value.clone_into(&mut name),
            "alias" => endpoint.aliases.get_or_insert_default().push(value.to_owned()),
            "ip" => ipam(&mut endpoint).ipv4_address = value.to_owned(),
            "ip6" => ipam(&mut endpoint).ipv6_address = value.to_owned(),
            "link-local-ip" => ipam(&mut endpoint).link_local_ips.push(value.to_owned()),
            "mac-address" => value.clone_into(&mut endpoint.mac_address),
            "driver-opt" => {
                let (option, value) = value
                    .split_once('=')
                    .ok_or("invalid key value pair format in driver options")?;
                endpoint
                    .driver_opts
                    .get_or_insert_default()
                    .insert(option.trim().to_owned(), value.trim().to_owned());
            }
            "gw-priority" => {
                endpoint.gw_priority = value
                    .parse()
                    .map_err(|_| format!("invalid gw-priority ({value}): invalid syntax"))?;
            }
            other => return Err(format!("invalid field key {other}")),
        }
    }
    if name.is_empty() {
        return Err("network name/id is not specified".to_owned());
    }
    Ok((name, endpoint))
}

/// Whether an equals sign stands between two words anywhere: that makes it more than a name.
fn has_pair(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices('=')
        .any(|(at, _)| text[..at].ends_with(word) && text[at + 1..].starts_with(word))
}

fn ipam(endpoint: &mut EndpointSettings) -> &mut EndpointIpamConfig {
    endpoint.ipam_config.get_or_insert_default()
}

/// By Go's rules: 6, 8 or 20 bytes in pairs of digits parted by colons or dashes, or in fours parted by dots.
fn check_mac(text: &str) -> Result<(), String> {
    let in_groups = |separator: char, digits: usize, counts: [usize; 3]| {
        let groups: Vec<&str> = text.split(separator).collect();
        counts.contains(&groups.len())
            && groups
                .iter()
                .all(|group| group.len() == digits && group.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let fits = text.is_empty()
        || in_groups(':', 2, [6, 8, 20])
        || in_groups('-', 2, [6, 8, 20])
        || in_groups('.', 4, [3, 4, 10]);
    if fits {
        Ok(())
    } else {
        Err(format!("{text} is not a valid mac address"))
    }
}

/// A `--dns` as the engine is told.
pub(super) fn dns(text: &str) -> String {
    let text = text.trim();
    text.parse::<IpAddr>()
        .map_or_else(|_| text.to_owned(), |address| address.to_string())
}

/// Judges `--dns-search`.
pub(super) fn check_domain(text: &str) -> Result<(), String> {
    domain(text).map(drop)
}

/// A `--dns-search` as the engine is told: a dot alone, or labels without the dot at their end.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let text = text.trim_matches(' ');
    if text == "." {
        return Ok(text.to_owned());
    }
    let bare = text.trim_end();
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let has_letter = bare.bytes().any(|b| b.is_ascii_alphabetic());
    if has_letter && bare.len() < 255 && bare.split('.').all(is_label) {
        Ok(bare.to_owned())
    } else {
        Err(format!("{text} is not a valid domain"))
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
pub(crate) fn link(text: &str) -> Result<(), String> {
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
        assert_eq!(attachment("name=").unwrap().0, "name=");
        assert_eq!(domain("a.example. ").unwrap(), "a.example");
        assert!(domain("a..b").is_err() && domain("1.2").is_err());
        assert_eq!(check_mac("92d0.c60a.2933"), Ok(()));
        assert_eq!(check_mac("x").unwrap_err(), "x is not a valid mac address");
    }
}
