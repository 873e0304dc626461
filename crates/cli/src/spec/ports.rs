//! `-p` and `--expose`: from `[[ip:][host]:]container[/protocol]`, with ranges, to bindings.

use std::collections::BTreeMap;
use std::net::IpAddr;

use corten_wire::{Empty, PortBinding, PortMap, PortSet};

/// The sets and bindings that all `-p` and `--expose` of a container make.
pub(super) fn parse<'a>(
    published: impl Iterator<Item = &'a str>,
    exposed: impl Iterator<Item = &'a str>,
) -> Result<(PortSet, PortMap), String> {
    let mut set = PortSet::new();
    let mut bindings: BTreeMap<String, Vec<PortBinding>> = BTreeMap::new();
    for spec in published {
        for (port, binding) in publish(spec)? {
            set.insert(port.clone(), Empty {});
            let list = bindings.entry(port).or_default();
            if !list.contains(&binding) {
                list.push(binding);
            }
        }
    }
    for spec in exposed {
        for port in expose(spec)? {
            set.insert(port, Empty {});
        }
    }
    let bindings = bindings
        .into_iter()
        .map(|(port, list)| (port, Some(list)))
        .collect();
    Ok((set, bindings))
}

/// The bindings of one `-p`.
fn publish(spec: &str) -> Result<Vec<(String, PortBinding)>, String> {
    let (ip, host, container) = split(spec);
    let (container, protocol) = match container.split_once('/') {
        Some((port, protocol)) => (port, protocol.to_ascii_lowercase()),
        None => (container, "tcp".to_owned()),
    };
    if container.is_empty() {
        return Err(format!("no port specified: {spec}<empty>"));
    }
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("invalid proto: {protocol}"));
    }
    let ip = address(ip)?;
    let (first, last) = range(container).ok_or_else(|| format!("invalid containerPort: {container}"))?;
    let host_range = match host {
        "" => None,
        _ => Some(range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?),
    };
    if let Some((host_first, host_last)) = host_range
        && host_last - host_first != last - first
        // A range of host ports for a single container port lets the engine take a free one of them.
        && first != last
    {
        return Err(format!(
            "invalid ranges specified for container and host Ports: {container} and {host}"
        ));
    }
    Ok((first..=last)
        .map(|port| {
            let host_port = match host_range {
                None => String::new(),
                Some((from, to)) if first == last && from != to => format!("{from}-{to}"),
                Some((from, _)) => (from + (port - first)).to_string(),
            };
            (
                format!("{port}/{protocol}"),
                PortBinding {
                    host_ip: ip.clone(),
                    host_port,
                },
            )
        })
        .collect())
}

/// The ports of one `--expose`.
fn expose(spec: &str) -> Result<Vec<String>, String> {
    if spec.contains(':') {
        return Err(format!("invalid port format for --expose: {spec}"));
    }
    let (ports, protocol) = spec.split_once('/').unwrap_or((spec, "tcp"));
    let (first, last) = range(ports).ok_or_else(|| {
        let wrong = ports
            .split('-')
            .find(|part| part.parse::<u16>().is_err())
            .unwrap_or(ports);
        format!(
            "invalid range format for --expose: {spec}, error: strconv.ParseUint: parsing {wrong:?}: invalid syntax"
        )
    })?;
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// Splits from the right: the address may have colons of its own.
fn split(spec: &str) -> (&str, &str, &str) {
    let (rest, container) = match spec.rsplit_once(':') {
        Some(parts) => parts,
        None => return ("", "", spec),
    };
    match rest.rsplit_once(':') {
        // `[::1]` alone before the container's port has no host port.
        Some((ip, host)) if !host.ends_with(']') => (ip, host, container),
        _ if rest.starts_with('[') => (rest, "", container),
        _ => ("", rest, container),
    }
}

fn address(text: &str) -> Result<String, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(format!("invalid IP address: {text}"));
    }
    Ok(bare.to_owned())
}

/// `80` or `80-90`.
pub(super) fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(spec: &str) -> String {
        match publish(spec) {
            Err(error) => error,
            Ok(list) => {
                let list: Vec<_> = list
                    .iter()
                    .map(|(port, binding)| format!("{port}={}|{}", binding.host_ip, binding.host_port))
                    .collect();
                list.join(" ")
            }
        }
    }

    #[test]
    fn all_forms() {
        for (spec, meaning) in [
            ("80", "80/tcp=|"),
            ("8080:80", "80/tcp=|8080"),
            ("8080:80/UDP", "80/udp=|8080"),
            ("127.0.0.1:8080:80", "80/tcp=127.0.0.1|8080"),
            ("127.0.0.1::80", "80/tcp=127.0.0.1|"),
            ("127.0.0.1:0:80", "80/tcp=127.0.0.1|0"),
            ("[::1]:5:6/sctp", "6/sctp=::1|5"),
            ("[::1]::6", "6/tcp=::1|"),
            ("90-91", "90/tcp=| 91/tcp=|"),
            ("70-71:80-81", "80/tcp=|70 81/tcp=|71"),
            ("7000-7002:9", "9/tcp=|7000-7002"),
        ] {
            assert_eq!(one(spec), meaning, "{spec}");
        }
    }

    #[test]
    fn dockers_complaints() {
        for (spec, complaint) in [
            ("", "no port specified: <empty>"),
            (":", "no port specified: :<empty>"),
            ("80/foo", "invalid proto: foo"),
            ("a:b", "invalid containerPort: b"),
            ("99999:1", "invalid hostPort: 99999"),
            ("1:2:3:4", "invalid IP address: 1:2"),
            (
                "80-82:90-91",
                "invalid ranges specified for container and host Ports: 90-91 and 80-82",
            ),
            (
                "80:80-82",
                "invalid ranges specified for container and host Ports: 80-82 and 80",
            ),
        ] {
            assert_eq!(one(spec), complaint, "{spec}");
        }
        assert_eq!(
            expose("1-x").unwrap_err(),
            "invalid range format for --expose: 1-x, error: strconv.ParseUint: parsing \"x\": invalid syntax"
        );
        assert_eq!(
            expose("a:80").unwrap_err(),
            "invalid port format for --expose: a:80"
        );
        assert_eq!(expose("81-82/udp").unwrap(), ["81/udp", "82/udp"]);
    }
}
