//! What flags and file say of networks.

use std::net::Ipv4Addr;
use std::path::Path;
use std::str::FromStr;

use corten_network::{DefaultBridge, HostFirewall, IpNet, Ipv4Net, Ipv6Net, PlaneConfig};
use serde_json::Value;

use crate::values::Values;

/// A number that is not zero, hexadecimal after `0x`.
fn mark(text: &str) -> Option<u32> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.ok().filter(|number| *number != 0)
}

/// The table is named after the bridge, which no two daemons share, or after the run-time directory where there is no
/// bridge, unless told otherwise.
pub(crate) fn plane(values: &Values, exec_root: &Path) -> Result<PlaneConfig, String> {
    let table = match (values.text("firewall-table"), values.text("bridge")) {
        (Some(table), _) => table.to_owned(),
        (None, Some("none")) => format!("corten{}", exec_root.display().to_string().replace('/', "-")),
        (None, bridge) => bridge.unwrap_or("corten0").to_owned(),
    };
    Ok(PlaneConfig {
        table,
        host_firewall: match values.text("host-firewall") {
            None | Some("obey") => HostFirewall::Obey,
            Some("bypass") => HostFirewall::Bypass,
            Some(other) => {
                return Err(format!(
                    "invalid host-firewall: {other}; use \"obey\" or \"bypass\""
                ));
            }
        },
        mark: match values.text("firewall-mark") {
            None => PlaneConfig::default().mark,
            Some(text) => mark(text).ok_or_else(|| format!("invalid firewall-mark: {text}"))?,
        },
        iptables: values.switch("iptables").unwrap_or(true),
        ip6tables: values.switch("ip6tables").unwrap_or(true),
        ip_forward: values.switch("ip-forward").unwrap_or(true),
        pools: pools(values.raw("default-address-pools"))?,
        seed: String::new(),
    })
}

/// What is said of the default bridge; `None` where there is to be none.
pub(crate) fn default_bridge(values: &Values) -> Result<Option<DefaultBridge>, String> {
    let bridge = values.text("bridge").unwrap_or("corten0").to_owned();
    if bridge == "none" {
        return Ok(None);
    }
    let icc = values.switch("icc").unwrap_or(true);
    let firewall = values.switch("iptables").unwrap_or(true);
    if !icc && !firewall {
        return Err(
            "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or \
             --iptables to true"
                .to_owned(),
        );
    }
    let mtu = values.number("mtu").filter(|mtu| *mtu != 0).unwrap_or(1500);
    let config = DefaultBridge {
        bridge,
        bip: values.text("bip").map(bridge_address).transpose()?,
        bip6: values.text("bip6").map(bridge_address6).transpose()?,
        ipv6: values.switch("ipv6").unwrap_or(false),
        fixed_cidr: net(values, "fixed-cidr")?,
        fixed_cidr_v6: net(values, "fixed-cidr-v6")?,
        default_gateway: address(values, "default-gateway")?,
        default_gateway_v6: address(values, "default-gateway-v6")?,
        default_bind: address::<Ipv4Addr>(values, "ip")?.map(Into::into),
        mtu: u32::try_from(mtu)
            .ok()
            .filter(|mtu| (68..=65_535).contains(mtu))
            .ok_or_else(|| format!("invalid default MTU: {mtu}"))?,
        ip_masq: values.switch("ip-masq").unwrap_or(true),
        icc,
    };
    let families = [
        (
            "fixed-cidr",
            config.fixed_cidr.map(IpNet::V4),
            config.bip.map(IpNet::V4),
        ),
        (
            "fixed-cidr-v6",
            config.fixed_cidr_v6.map(IpNet::V6),
            config.bip6.map(IpNet::V6),
        ),
    ];
    for (flag, range, bip) in families {
        if let (Some(range), Some(bip)) = (range, bip)
            && !(bip.contains(&range.addr()) && range.prefix_len() >= bip.prefix_len())
        {
            return Err(format!(
                "the range --{flag} {range} is no part of the bridge's subnet {}",
                bip.trunc()
            ));
        }
    }
    Ok(Some(config))
}

/// A subnet.
fn net<N: FromStr>(values: &Values, name: &str) -> Result<Option<N>, String> {
    let text = values.text(name);
    text.map(|text| text.parse().map_err(|_| format!("invalid CIDR address: {text}")))
        .transpose()
}

/// An address.
fn address<A: FromStr>(values: &Values, name: &str) -> Result<Option<A>, String> {
    let text = values.text(name);
    text.map(|text| text.parse().map_err(|_| format!("{text} is not an ip address")))
        .transpose()
}

/// What has no effect on the default bridge without IPv6 there.
pub(crate) fn warnings(values: &Values) -> Vec<String> {
    if values.switch("ipv6") == Some(true) {
        return Vec::new();
    }
    let idle = ["bip6", "fixed-cidr-v6", "default-gateway-v6"];
    let set = idle.into_iter().filter(|name| values.text(name).is_some());
    set.map(|name| format!("{name} has no effect without ipv6"))
        .collect()
}

/// The same for IPv6.
fn bridge_address6(text: &str) -> Result<Ipv6Net, String> {
    let bip: Ipv6Net = text
        .parse()
        .map_err(|_| format!("invalid CIDR address: {text}"))?;
    let address = bip.addr();
    if address.is_multicast() || address.is_loopback() || address.is_unspecified() {
        return Err(format!("the bridge address {text} is none that a host can have"));
    }
    Ok(bip)
}

/// The bridge's address: one that a host can have, in a subnet that leaves the machine its other routes.
fn bridge_address(text: &str) -> Result<Ipv4Net, String> {
    let bip: Ipv4Net = text
        .parse()
        .map_err(|_| format!("invalid CIDR address: {text}"))?;
    if bip.prefix_len() < 8 {
        return Err(format!(
            "the subnet of the bridge address {text} is larger than /8"
        ));
    }
    if bip.prefix_len() < 31 && (bip.addr() == bip.network() || bip.addr() == bip.broadcast()) {
        return Err(format!(
            "the bridge address {text} is the network or broadcast address of its subnet"
        ));
    }
    Ok(bip)
}

fn pools(value: Option<&Value>) -> Result<Vec<(IpNet, u8)>, String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.map(|pool| {
        let base = pool["base"].as_str().unwrap_or_default();
        let base: IpNet = base
            .parse()
            .map_err(|_| format!("invalid base pool {base:?}: invalid CIDR address: {base}"))?;
        let size = pool["size"]
            .as_u64()
            .and_then(|size| u8::try_from(size).ok())
            .filter(|size| *size >= base.prefix_len() && *size <= base.max_prefix_len() - 2)
            .ok_or_else(|| format!("invalid pools size: {} for {base}", pool["size"]))?;
        Ok((base, size))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_address_is_one_a_host_can_have() {
        assert!(bridge_address("10.198.1.1/24").is_ok());
        for bad in [
            "1.2.3.4/0",
            "10.198.1.0/24",
            "10.198.1.255/24",
            "10.198.1.1",
            "fd00::1/64",
        ] {
            assert!(bridge_address(bad).is_err(), "{bad}");
        }
    }
}
