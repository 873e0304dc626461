//! `-p` and `--expose`: from `[[ip:][host]:]container[/protocol]`, with ranges, to bindings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::IntErrorKind;

use corten_wire::{Empty, PortBinding, PortMap, PortSet};

/// The sets and bindings that all `-p` and `--expose` of a container make.
pub(super) fn parse<'a>(
    published: impl Iterator<Item = &'a str>,
    exposed: impl Iterator<Item = &'a str>,
) -> Result<(PortSet, PortMap), String> {
    let mut set = PortSet::new();
    let mut bindings: BTreeMap<String, Vec<PortBinding>> = BTreeMap::new();
    for spec in published {
        for (port, binding) in publish(&plain(spec)?)? {
            set.insert(port.clone(), Empty {});
            bindings.entry(port).or_default().push(binding);
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

/// The bindings that texts of `-p` make.
pub(crate) fn published<'a>(texts: impl Iterator<Item = &'a str>) -> Result<PortMap, String> {
    parse(texts, std::iter::empty()).map(|(_, bindings)| bindings)
}

/// `published=8080,target=80,protocol=tcp` in the usual form.
fn plain(spec: &str) -> Result<Cow<'_, str>, String> {
    if !spec.contains('=') {
        return Ok(spec.into());
    }
    let (mut published, mut target, mut protocol) = ("", "", "tcp");
    for field in spec.split(',') {
        match field.split_once('=') {
            Some(("published", value)) => published = value,
            Some(("target", value)) => target = value,
            Some(("protocol", value)) => protocol = value,
            // Docker has no use for others, and none of them is asked for here.
            Some((key, _)) if !key.is_empty() => {}
            _ => {
                return Err(format!(
                    "invalid publish opts format (should be name=value but got '{field}')"
                ));
            }
        }
    }
    Ok(format!("{published}:{target}/{protocol}").into())
}

/// A port, or a range of them, and the protocol behind it, `tcp` where none is named.
fn split_protocol(port: &str) -> (&str, &str) {
    let mut parts = port.split('/');
    let (port, protocol) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (port, if protocol.is_empty() { "tcp" } else { protocol })
}

/// The bindings of one `-p`.
fn publish(spec: &str) -> Result<Vec<(String, PortBinding)>, String> {
    let (ip, host, container) = split(spec);
    let (container, protocol) = split_protocol(container);
    let protocol = protocol.to_ascii_lowercase();
    let ip = address(ip)?;
    if container.is_empty() {
        return Err(format!("no port specified: {spec}<empty>"));
    }
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
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("invalid proto: {protocol}"));
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
    let (ports, protocol) = split_protocol(spec);
    let refuse = |reason: String| format!("invalid range format for --expose: {spec}, error: {reason}");
    if ports.is_empty() {
        return Err(refuse("empty string specified for ports".to_owned()));
    }
    for part in ports.splitn(2, '-') {
        if let Err(error) = part.parse::<u16>() {
            let reason = match error.kind() {
                IntErrorKind::PosOverflow => "value out of range",
                _ => "invalid syntax",
            };
            return Err(refuse(format!("strconv.ParseUint: parsing {part:?}: {reason}")));
        }
    }
    let (first, last) =
        range(ports).ok_or_else(|| refuse(format!("invalid range specified for port: {ports}")))?;
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// Splits from the right: the address may have colons of its own.
fn split(spec: &str) -> (&str, &str, &str) {
    let Some((rest, container)) = spec.rsplit_once(':') else {
        return ("", "", spec);
    };
    match rest.rsplit_once(':') {
        Some((ip, host)) => (ip, host, container),
        None => ("", rest, container),
    }
}

fn address(text: &str) -> Result<String, String> {
    let bare = match text.strip_prefix('[') {
        None => text,
        Some(open) => {
            let wrong = |reason: &str| format!("invalid IP address {text}: address {text}:: {reason}");
            let (bare, behind) = open
                .split_once(']')
                .ok_or_else(|| wrong("missing ']' in address"))?;
            match behind {
                "" => bare,
                _ if behind.starts_with(':') => return Err(wrong("too many colons in address")),
                _ => return Err(wrong("missing port in address")),
            }
        }
    };
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(format!("invalid IP address: {bare}"));
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
