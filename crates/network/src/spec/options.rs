//! Docker's driver options (`network create -o`), read with Docker's sentences. Keys nobody knows are passed over, as
//! Docker does.

use super::{
    BridgeOptions, Driver, GatewayMode, IpvlanFlag, IpvlanMode, IpvlanOptions, MacvlanMode, MacvlanOptions,
};
use crate::NetworkError;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::IntErrorKind;

const BRIDGE: &str = "com.docker.network.bridge.";
const MTU: &str = "com.docker.network.driver.mtu";
const INTERFACE_PREFIX: &str = "com.docker.network.container_iface_prefix";
const HOST_IPV4: &str = "com.docker.network.host_ipv4";
const HOST_IPV6: &str = "com.docker.network.host_ipv6";

/// What the options of a network say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The driver and what is particular to it.
    pub driver: Driver,
    /// Bytes a packet may have, if given.
    pub mtu: Option<u32>,
    /// What the names of interfaces in containers begin with.
    pub interface_prefix: String,
}

impl Options {
    /// Reads the options of a network that the driver called `driver` is to make: `bridge`, `macvlan` or `ipvlan`.
    ///
    /// # Errors
    /// When a value is none, when a parent cannot be one, or when there is no such driver.
    pub fn parse(
        driver: &str,
        id: &str,
        internal: bool,
        given: &BTreeMap<String, String>,
    ) -> Result<Self, NetworkError> {
        let driver = match driver {
            "bridge" => Driver::Bridge(bridge(id, internal, given)?),
            "macvlan" => Driver::Macvlan(macvlan(given)?),
            "ipvlan" => Driver::Ipvlan(ipvlan(given)?),
            other => return Err(NetworkError::NoDriver(other.to_owned())),
        };
        let prefix = given.get(INTERFACE_PREFIX).map_or("eth", String::as_str);
        if prefix.len() > 10 || prefix.contains(['/', ':', ' ', '%']) {
            return Err(invalid(INTERFACE_PREFIX, prefix, "invalid interface name"));
        }
        Ok(Self {
            driver,
            mtu: mtu(given)?,
            interface_prefix: if prefix.is_empty() { "eth" } else { prefix }.to_owned(),
        })
    }
}

fn bridge(id: &str, internal: bool, given: &BTreeMap<String, String>) -> Result<BridgeOptions, NetworkError> {
    let mut bridge = BridgeOptions::new(&format!("br-{}", id.get(..12).unwrap_or(id)));
    for (key, value) in given {
        match key.as_str() {
            HOST_IPV4 => bridge.host_ipv4 = Some(address(key, value)?),
            HOST_IPV6 => bridge.host_ipv6 = Some(address(key, value)?),
            _ => {}
        }
        match key.strip_prefix(BRIDGE).unwrap_or_default() {
            "name" if !value.is_empty() => bridge.bridge.clone_from(value),
            "enable_ip_masquerade" => bridge.masquerade = boolean(key, value)?,
            "enable_icc" => bridge.icc = boolean(key, value)?,
            "default_bridge" => bridge.is_default = boolean(key, value)?,
            "inhibit_ipv4" => bridge.inhibit_ipv4 = boolean(key, value)?,
            "host_binding_ipv4" => {
                let bind: Ipv4Addr = address(key, value)?;
                bridge.default_bind = (!bind.is_unspecified()).then_some(IpAddr::V4(bind));
            }
            "gateway_mode_ipv4" => bridge.gateway_mode_v4 = gateway_mode(key, value, internal)?,
            "gateway_mode_ipv6" => bridge.gateway_mode_v6 = gateway_mode(key, value, internal)?,
            "trusted_host_interfaces" => {
                let names = value.split(':').filter(|name| !name.is_empty());
                bridge.trusted_host_interfaces = names.map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    Ok(bridge)
}

fn macvlan(given: &BTreeMap<String, String>) -> Result<MacvlanOptions, NetworkError> {
    let mode = given.get("macvlan_mode").map_or("", String::as_str);
    Ok(MacvlanOptions {
        parent: parent("macvlan", given)?,
        mode: match mode {
            "" | "bridge" => MacvlanMode::Bridge,
            "private" => MacvlanMode::Private,
            "vepa" => MacvlanMode::Vepa,
            "passthru" => MacvlanMode::Passthru,
            _ => {
                return Err(NetworkError::InvalidOption(format!(
                    "requested macvlan mode '{mode}' is not valid, 'bridge' mode is the macvlan driver default"
                )));
            }
        },
    })
}

fn ipvlan(given: &BTreeMap<String, String>) -> Result<IpvlanOptions, NetworkError> {
    let mode = given.get("ipvlan_mode").map_or("", String::as_str);
    let flag = given.get("ipvlan_flag").map_or("", String::as_str);
    Ok(IpvlanOptions {
        parent: parent("ipvlan", given)?,
        mode: match mode {
            "" | "l2" => IpvlanMode::L2,
            "l3" => IpvlanMode::L3,
            "l3s" => IpvlanMode::L3s,
            _ => {
                return Err(NetworkError::InvalidOption(format!(
                    "requested ipvlan mode '{mode}' is not valid, 'l2' mode is the ipvlan driver default"
                )));
            }
        },
        flag: match flag {
            "" | "bridge" => IpvlanFlag::Bridge,
            "private" => IpvlanFlag::Private,
            "vepa" => IpvlanFlag::Vepa,
            _ => {
                return Err(NetworkError::InvalidOption(format!(
                    "requested ipvlan flag '{flag}' is not valid, 'bridge' is the ipvlan driver default"
                )));
            }
        },
    })
}

fn parent(driver: &str, given: &BTreeMap<String, String>) -> Result<Option<String>, NetworkError> {
    match given.get("parent").map_or("", String::as_str) {
        "" => Ok(None),
        "lo" => Err(NetworkError::InvalidOption(format!(
            "loopback interface is not a valid {driver} parent link"
        ))),
        name => Ok(Some(name.to_owned())),
    }
}

fn mtu(given: &BTreeMap<String, String>) -> Result<Option<u32>, NetworkError> {
    let Some(text) = given.get(MTU) else {
        return Ok(None);
    };
    let number = text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        invalid(MTU, text, &format!("strconv.Atoi: parsing {text:?}: {why}"))
    })?;
    match u32::try_from(number) {
        Ok(0) => Ok(None),
        Ok(mtu) if (68..=65_535).contains(&mtu) => Ok(Some(mtu)),
        _ => Err(NetworkError::InvalidOption(format!(
            "invalid MTU number: {number}"
        ))),
    }
}

fn gateway_mode(key: &str, value: &str, internal: bool) -> Result<GatewayMode, NetworkError> {
    match GatewayMode::parse(value) {
        Some(GatewayMode::Isolated) if !internal => Err(NetworkError::InvalidOption(
            "gateway mode 'isolated' can only be used for an internal network".to_owned(),
        )),
        Some(mode) => Ok(mode),
        None => Err(invalid(key, value, &format!("unknown gateway mode {value}"))),
    }
}

fn address<A: std::str::FromStr>(key: &str, value: &str) -> Result<A, NetworkError> {
    value.parse().map_err(|_| invalid(key, value, "nil ip"))
}

/// Go's `strconv.ParseBool`.
fn boolean(key: &str, value: &str) -> Result<bool, NetworkError> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => {
            let reason = format!("strconv.ParseBool: parsing {value:?}: invalid syntax");
            Err(invalid(key, value, &reason))
        }
    }
}

fn invalid(key: &str, value: &str, reason: &str) -> NetworkError {
    NetworkError::InvalidOption(format!("failed to parse {key} value: {value} ({reason})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(driver: &str, given: &[(&str, &str)]) -> Result<Options, String> {
        let given = given
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Options::parse(driver, "0123456789abcdef", false, &given).map_err(|error| error.to_string())
    }

    #[test]
    fn bridges_have_dockers_options() {
        let plain = parse("bridge", &[]).unwrap();
        assert_eq!(
            plain.driver,
            Driver::Bridge(BridgeOptions::new("br-0123456789ab"))
        );
        assert_eq!((plain.mtu, plain.interface_prefix.as_str()), (None, "eth"));
        let all = parse(
            "bridge",
            &[
                ("com.docker.network.bridge.name", "br7"),
                ("com.docker.network.bridge.enable_icc", "false"),
                ("com.docker.network.bridge.enable_ip_masquerade", "F"),
                ("com.docker.network.bridge.host_binding_ipv4", "127.0.0.1"),
                ("com.docker.network.bridge.gateway_mode_ipv4", "nat-unprotected"),
                ("com.docker.network.bridge.gateway_mode_ipv6", "routed"),
                (
                    "com.docker.network.bridge.trusted_host_interfaces",
                    "vxlan.1:eth1",
                ),
                ("com.docker.network.host_ipv4", "192.0.2.1"),
                ("com.docker.network.driver.mtu", "1400"),
                ("com.docker.network.container_iface_prefix", "net"),
                ("org.example.unknown", "x"),
            ],
        )
        .unwrap();
        assert_eq!((all.mtu, all.interface_prefix.as_str()), (Some(1400), "net"));
        let Driver::Bridge(bridge) = all.driver else {
            panic!()
        };
        assert!(!bridge.icc && !bridge.masquerade);
        assert_eq!(bridge.bridge, "br7");
        assert_eq!(bridge.default_bind, Some("127.0.0.1".parse().unwrap()));
        assert_eq!(bridge.gateway_mode(false), GatewayMode::NatUnprotected);
        assert_eq!(bridge.gateway_mode(true), GatewayMode::Routed);
        assert_eq!(bridge.trusted_host_interfaces, ["vxlan.1", "eth1"]);
        assert_eq!(bridge.host_ipv4, Some("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn bad_values_are_refused_in_dockers_words() {
        let cases = [
            (
                "bridge",
                "com.docker.network.bridge.enable_icc",
                "maybe",
                "failed to parse com.docker.network.bridge.enable_icc value: maybe \
                 (strconv.ParseBool: parsing \"maybe\": invalid syntax)",
            ),
            (
                "bridge",
                "com.docker.network.bridge.gateway_mode_ipv4",
                "odd",
                "failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: odd (unknown gateway mode odd)",
            ),
            (
                "bridge",
                "com.docker.network.bridge.gateway_mode_ipv4",
                "isolated",
                "gateway mode 'isolated' can only be used for an internal network",
            ),
            (
                "bridge",
                "com.docker.network.driver.mtu",
                "-1",
                "invalid MTU number: -1",
            ),
            (
                "bridge",
                "com.docker.network.driver.mtu",
                "abc",
                "failed to parse com.docker.network.driver.mtu value: abc (strconv.Atoi: parsing \"abc\": invalid syntax)",
            ),
            (
                "bridge",
                "com.docker.network.driver.mtu",
                "99999999999999999999",
                "failed to parse com.docker.network.driver.mtu value: 99999999999999999999 (strconv.Atoi: parsing \
                 \"99999999999999999999\": value out of range)",
            ),
            (
                "macvlan",
                "macvlan_mode",
                "odd",
                "requested macvlan mode 'odd' is not valid, 'bridge' mode is the macvlan driver default",
            ),
            (
                "macvlan",
                "parent",
                "lo",
                "loopback interface is not a valid macvlan parent link",
            ),
            (
                "ipvlan",
                "ipvlan_flag",
                "odd",
                "requested ipvlan flag 'odd' is not valid, 'bridge' is the ipvlan driver default",
            ),
        ];
        for (driver, key, value, expected) in cases {
            assert_eq!(parse(driver, &[(key, value)]), Err(expected.to_owned()));
        }
        assert!(parse("weave", &[]).is_err());
    }

    #[test]
    fn shared_links_have_parents_and_modes() {
        let macvlan = parse("macvlan", &[("parent", "eth0.10"), ("macvlan_mode", "private")]).unwrap();
        let expected = MacvlanOptions {
            parent: Some("eth0.10".to_owned()),
            mode: MacvlanMode::Private,
        };
        assert_eq!(macvlan.driver, Driver::Macvlan(expected));
        let ipvlan = parse("ipvlan", &[("ipvlan_mode", "l3s"), ("ipvlan_flag", "vepa")]).unwrap();
        let expected = IpvlanOptions {
            parent: None,
            mode: IpvlanMode::L3s,
            flag: IpvlanFlag::Vepa,
        };
        assert_eq!(ipvlan.driver, Driver::Ipvlan(expected));
    }
}
