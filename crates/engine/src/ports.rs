//! Published ports: from Docker's maps to requests to the network, and back for `inspect` and `ps`.

use std::net::IpAddr;

use corten_network::{HostPort, PortRequest, Proto};
use corten_wire::{ContainerConfig, HostConfig, PortBinding, PortMap, PortSummary};

use crate::error::{Error, Result};

/// `80/tcp` taken apart; the protocol defaults to tcp.
pub(crate) fn parse(port: &str) -> Result<(u16, Proto)> {
    let invalid = || Error::Invalid(format!("invalid port specification: \"{port}\""));
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let number = number.parse().map_err(|_| invalid())?;
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Proto::Tcp,
        "udp" => Proto::Udp,
        "sctp" => Proto::Sctp,
        _ => return Err(invalid()),
    };
    Ok((number, protocol))
}

/// What the network is asked to publish.
pub(crate) fn requests(config: &ContainerConfig, host: &HostConfig) -> Result<Vec<PortRequest>> {
    let mut requests = Vec::new();
    for (port, bindings) in host.port_bindings.iter().flatten() {
        let (container_port, protocol) = parse(port)?;
        let unspecified = [PortBinding::default()];
        let bindings = match bindings.as_deref() {
            Some([]) | None => &unspecified[..],
            Some(bindings) => bindings,
        };
        for binding in bindings {
            requests.push(request(container_port, protocol, binding)?);
        }
    }
    if host.publish_all_ports {
        for port in config.exposed_ports.keys() {
            let named = host
                .port_bindings
                .as_ref()
                .is_some_and(|map| map.contains_key(port));
            if !named {
                let (container_port, protocol) = parse(port)?;
                requests.push(request(container_port, protocol, &PortBinding::default())?);
            }
        }
    }
    Ok(requests)
}

fn request(container_port: u16, proto: Proto, binding: &PortBinding) -> Result<PortRequest> {
    let host_ip = match binding.host_ip.as_str() {
        "" => None,
        text => Some(
            text.parse::<IpAddr>()
                .map_err(|_| Error::Invalid(format!("invalid IP address: {text}")))?,
        ),
    };
    let invalid = || Error::Invalid(format!("invalid port specification: \"{}\"", binding.host_port));
    let host_port = match binding.host_port.split_once('-') {
        _ if matches!(binding.host_port.as_str(), "" | "0") => HostPort::Any,
        None => HostPort::Fixed(binding.host_port.parse().map_err(|_| invalid())?),
        Some((first, last)) => {
            let (first, last) = (
                first.parse().map_err(|_| invalid())?,
                last.parse().map_err(|_| invalid())?,
            );
            if first > last {
                return Err(invalid());
            }
            HostPort::Range(first, last)
        }
    };
    Ok(PortRequest {
        proto,
        container_port,
        host_ip,
        host_port,
    })
}

/// The ports of a running container as `inspect` shows them: every exposed port, with its bindings or `null`.
pub(crate) fn port_map(config: &ContainerConfig, bound: &[corten_network::PortBinding]) -> PortMap {
    let mut map: PortMap = config
        .exposed_ports
        .keys()
        .map(|port| (port.clone(), None))
        .collect();
    for binding in bound {
        let key = format!("{}/{}", binding.container_port, binding.proto);
        map.entry(key)
            .or_default()
            .get_or_insert_default()
            .push(PortBinding {
                host_ip: binding.host_ip.to_string(),
                // Where packets are routed to the container itself, no port of the host is taken.
                host_port: match binding.host_port {
                    0 => String::new(),
                    port => port.to_string(),
                },
            });
    }
    map
}

/// The same for `ps`.
pub(crate) fn summary(config: &ContainerConfig, bound: &[corten_network::PortBinding]) -> Vec<PortSummary> {
    let mut ports = Vec::new();
    if config.exposed_ports.is_empty() && bound.is_empty() {
        return ports;
    }
    for (port, bindings) in port_map(config, bound) {
        let Ok((private_port, protocol)) = parse(&port) else {
            continue;
        };
        let entry = |ip: String, public_port| PortSummary {
            ip,
            private_port,
            public_port,
            r#type: protocol.to_string(),
        };
        match bindings {
            None => ports.push(entry(String::new(), 0)),
            Some(bindings) => ports.extend(
                bindings
                    .into_iter()
                    .map(|b| entry(b.host_ip, b.host_port.parse().unwrap_or_default())),
            ),
        }
    }
    ports
}
