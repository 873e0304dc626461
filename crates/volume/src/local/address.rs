//! Names of servers in the options of network file systems: the kernel takes addresses only.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};

use corten_types::system_words;

/// `options` with the name in `addr=` replaced by its address.
///
/// # Errors
/// Docker's sentence when there is no such host.
pub(crate) fn resolve_option(options: &str) -> Result<String, String> {
    let parts: Vec<String> = options
        .split(',')
        .map(|part| match part.strip_prefix("addr=") {
            Some(name) if !name.is_empty() && name.parse::<Ipv4Addr>().is_err() => {
                Ok(format!("addr={}", resolve(name)?))
            }
            _ => Ok(part.to_owned()),
        })
        .collect::<Result<_, String>>()?;
    Ok(parts.join(","))
}

/// Whether `options` name a server.
pub(crate) fn is_named(options: &str) -> bool {
    options.split(',').any(|part| part.starts_with("addr="))
}

/// `//host/share` with the host's address in the place of its name.
///
/// # Errors
/// As for [`resolve_option`].
pub(crate) fn resolve_share(device: &str) -> Result<String, String> {
    let Some((host, rest)) = device.strip_prefix("//").map(|rest| match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    }) else {
        return Ok(device.to_owned());
    };
    if host.is_empty() || host.parse::<IpAddr>().is_ok() {
        return Ok(device.to_owned());
    }
    Ok(format!("//{}{rest}", resolve(host)?))
}

fn resolve(name: &str) -> Result<IpAddr, String> {
    let failed = |reason: &str| {
        Err(format!(
            "error resolving passed in network volume address: lookup {name}: {reason}"
        ))
    };
    if let Ok(address) = name.parse() {
        return Ok(address);
    }
    match (name, 0_u16).to_socket_addrs() {
        Ok(found) => {
            let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            let best = found.iter().find(|address| address.is_ipv4()).or(found.first());
            best.copied().map_or_else(|| failed("no such host"), Ok)
        }
        // The resolver's own errors have no number, and say in many words that there is no such host.
        Err(error) if error.raw_os_error().is_none() => failed("no such host"),
        Err(error) => failed(&system_words(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        assert_eq!(
            resolve_option("vers=4,addr=localhost,rw").unwrap(),
            "vers=4,addr=127.0.0.1,rw"
        );
        assert_eq!(resolve_option("addr=10.1.2.3").unwrap(), "addr=10.1.2.3");
        assert_eq!(resolve_option("addr=,rw").unwrap(), "addr=,rw");
        assert_eq!(resolve_option("addr=::1,rw").unwrap(), "addr=::1,rw");
        assert_eq!(
            resolve_option("addr=no.such.invalid").unwrap_err(),
            "error resolving passed in network volume address: lookup no.such.invalid: no such host"
        );
        assert_eq!(resolve_share("//localhost/a/b").unwrap(), "//127.0.0.1/a/b");
        assert_eq!(resolve_share("//10.0.0.1/a").unwrap(), "//10.0.0.1/a");
        assert_eq!(resolve_share("/dev/sda").unwrap(), "/dev/sda");
    }
}
