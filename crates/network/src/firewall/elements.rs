//! What the table's sets say of a network, and of an endpoint.

use crate::nft::{Element, FirewallFamilies, Set};
use crate::{GatewayMode, Lease, NetworkSpec};
use std::net::{IpAddr, SocketAddr};

/// What a network may do. Only bridges are anything to the firewall: the other drivers' packets pass the host by.
pub(super) fn of_network(spec: &NetworkSpec, families: FirewallFamilies) -> Vec<Element> {
    let Some(bridge) = spec.bridge() else {
        return Vec::new();
    };
    let name = bridge.bridge.as_str();
    let mut elements = vec![Element::interface(Set::Bridges, name)];
    if bridge.icc {
        elements.push(Element::pair(Set::Within, name, name));
    }
    if spec.internal {
        elements.push(Element::interface(Set::Internal, name));
    }
    for trusted in &bridge.trusted_host_interfaces {
        elements.push(Element::pair(Set::Trusted, trusted, name));
    }
    for pool in &spec.pools {
        let ipv6 = pool.is_ipv6();
        if !(if ipv6 { families.ipv6 } else { families.ipv4 }) {
            continue;
        }
        let of = |ipv4, for_ipv6| if ipv6 { for_ipv6 } else { ipv4 };
        elements.extend(Element::subnet(
            of(Set::Subnets, Set::Subnets6),
            pool.subnet,
            None,
        ));
        let mode = bridge.gateway_mode(ipv6);
        let translates = matches!(mode, GatewayMode::Nat | GatewayMode::NatUnprotected);
        if translates && bridge.masquerade && !spec.internal {
            let source = if ipv6 {
                bridge.host_ipv6.map(IpAddr::V6)
            } else {
                bridge.host_ipv4.map(IpAddr::V4)
            };
            let set = match source {
                Some(_) => of(Set::Source, Set::Source6),
                None => of(Set::Masquerade, Set::Masquerade6),
            };
            elements.extend(Element::subnet(set, pool.subnet, source));
        }
        match mode {
            GatewayMode::NatUnprotected => {
                elements.push(Element::interface(of(Set::Direct, Set::Direct6), name));
            }
            GatewayMode::Routed => elements.push(Element::interface(of(Set::Routed, Set::Routed6), name)),
            GatewayMode::Nat | GatewayMode::Isolated => {}
        }
    }
    elements
}

/// An endpoint's published ports.
pub(super) fn of_endpoint(lease: &Lease, spec: &NetworkSpec, families: FirewallFamilies) -> Vec<Element> {
    let Some(bridge) = spec.bridge() else {
        return Vec::new();
    };
    let of = |binding: &crate::PortBinding| {
        let ipv6 = binding.host_ip.is_ipv6();
        if !(if ipv6 { families.ipv6 } else { families.ipv4 }) {
            return None;
        }
        let to = SocketAddr::new(lease.address_like(binding.host_ip)?, binding.container_port);
        Some(match bridge.gateway_mode(ipv6) {
            GatewayMode::Routed => Element::open(binding.proto, to),
            _ => {
                let from = SocketAddr::new(binding.host_ip, binding.host_port);
                Element::forward(binding.proto, from, to)
            }
        })
    };
    let mut elements: Vec<Element> = Vec::with_capacity(lease.ports.len());
    for element in lease.ports.iter().filter_map(of) {
        // A routed port asked for twice is open once.
        if element.set != Set::Open && element.set != Set::Open6 || !elements.contains(&element) {
            elements.push(element);
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BridgeOptions, Driver, Pool};

    const ALL: FirewallFamilies = FirewallFamilies {
        ipv4: true,
        ipv6: true,
    };

    fn spec(change: impl Fn(&mut NetworkSpec, &mut BridgeOptions)) -> NetworkSpec {
        let mut bridge = BridgeOptions::new("br-1");
        let mut spec = NetworkSpec::new("1", "n", Driver::Macvlan(Default::default()));
        spec.pools = ["10.0.0.0/24", "fd00::/64"]
            .map(|net| Pool::of(net.parse().unwrap()))
            .into();
        change(&mut spec, &mut bridge);
        spec.driver = Driver::Bridge(bridge);
        spec
    }

    fn sets(spec: &NetworkSpec, families: FirewallFamilies) -> Vec<Set> {
        let mut sets: Vec<_> = of_network(spec, families).iter().map(|e| e.set).collect();
        sets.sort_unstable();
        sets.dedup();
        sets
    }

    #[test]
    fn a_network_is_in_the_sets_its_options_say() {
        use Set::*;
        assert_eq!(
            sets(&spec(|_, _| {}), ALL),
            [Bridges, Within, Subnets, Subnets6, Masquerade, Masquerade6]
        );
        let closed = spec(|spec, bridge| {
            spec.internal = true;
            bridge.icc = false;
        });
        assert_eq!(sets(&closed, ALL), [Bridges, Internal, Subnets, Subnets6]);
        let routed = spec(|_, bridge| {
            bridge.gateway_mode_v6 = GatewayMode::Routed;
            bridge.host_ipv4 = Some([192, 0, 2, 1].into());
            bridge.trusted_host_interfaces = vec!["eth7".to_owned()];
        });
        assert_eq!(
            sets(&routed, ALL),
            [Bridges, Within, Trusted, Subnets, Subnets6, Source, Routed6]
        );
        let only4 = FirewallFamilies { ipv6: false, ..ALL };
        assert_eq!(sets(&routed, only4), [Bridges, Within, Trusted, Subnets, Source]);
    }
}
