//! What the table's sets say of a network, and of an endpoint.

use crate::nft::{Element, Family, Policy, Set};
use crate::{GatewayMode, Lease, NetworkSpec, PortBinding};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What a network may do. Only bridges are anything to the firewall: the other drivers' packets pass the host by.
pub(super) fn of_network(spec: &NetworkSpec, policy: &Policy) -> Vec<Element> {
    let families = policy.families.iter();
    families.flat_map(|family| of_family(spec, family)).collect()
}

fn of_family(spec: &NetworkSpec, family: Family) -> Vec<Element> {
    let Some(bridge) = spec.bridge() else {
        return Vec::new();
    };
    let name = bridge.bridge.as_str();
    let of_bridge = |set| Element::interface(family, set, name);
    let mut elements = vec![of_bridge(Set::Bridges)];
    if bridge.icc {
        elements.push(Element::pair(family, Set::Talking, name, name));
    }
    if spec.internal {
        elements.push(of_bridge(Set::Internal));
    }
    for trusted in &bridge.trusted_host_interfaces {
        elements.push(Element::pair(family, Set::Trusted, trusted, name));
    }
    let ipv6 = family == Family::V6;
    let mode = bridge.gateway_mode(ipv6);
    let pools = spec.pools.iter().filter(|pool| pool.is_ipv6() == ipv6);
    for pool in pools {
        elements.push(Element::own(pool.subnet, name));
        let translates = matches!(mode, GatewayMode::Nat | GatewayMode::NatUnprotected);
        if translates && bridge.masquerade && !spec.internal {
            let source = match family {
                Family::V4 => bridge.host_ipv4.map(IpAddr::V4),
                Family::V6 => bridge.host_ipv6.map(IpAddr::V6),
            };
            let set = match source {
                Some(_) => Set::Sources,
                None => Set::Masqueraded,
            };
            elements.extend(Element::subnet(set, pool.subnet, source));
        }
        match mode {
            GatewayMode::NatUnprotected => elements.push(of_bridge(Set::Direct)),
            GatewayMode::Routed => elements.push(of_bridge(Set::Routed)),
            GatewayMode::Nat | GatewayMode::Isolated => {}
        }
    }
    elements
}

/// An endpoint's published ports.
pub(super) fn of_endpoint(lease: &Lease, spec: &NetworkSpec, policy: &Policy) -> Vec<Element> {
    let Some(bridge) = spec.bridge() else {
        return Vec::new();
    };
    let mut elements: Vec<Element> = Vec::with_capacity(lease.ports.len());
    for binding in &lease.ports {
        let family = Family::of(binding.host_ip);
        let address = lease.address_like(binding.host_ip);
        let Some(address) = address.filter(|_| policy.families.has(family)) else {
            continue;
        };
        let to = SocketAddr::new(address, binding.container_port);
        if bridge.gateway_mode(family == Family::V6) != GatewayMode::Routed {
            let names = [Some(binding.host_ip), disguised(binding, policy)];
            elements.extend(
                names.into_iter().flatten().map(|host| {
                    Element::forward(binding.proto, SocketAddr::new(host, binding.host_port), to)
                }),
            );
            continue;
        }
        let element = Element::open(binding.proto, to);
        // A routed port asked for twice is open once.
        if !elements.contains(&element) {
            elements.push(element);
        }
    }
    elements
}

/// What connections to a port on the loopback are on their way called.
fn disguised(binding: &PortBinding, policy: &Policy) -> Option<IpAddr> {
    let host = binding.host_ip;
    host.is_loopback().then_some(())?;
    let disguise = policy.loopback(Family::of(host))?.network();
    Some(match (host, disguise) {
        (IpAddr::V4(host), IpAddr::V4(network)) => {
            let number = host.to_bits() & 0x00ff_ffff;
            Ipv4Addr::from_bits(network.to_bits() | number).into()
        }
        _ => disguise,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nft::FirewallFamilies;
    use crate::{BridgeOptions, Driver, HostFirewall, Pool, Proto};

    fn policy(ipv6: bool) -> Policy {
        Policy {
            families: FirewallFamilies { ipv4: true, ipv6 },
            host_firewall: HostFirewall::Obey,
            mark: 1,
            loopback4: Some("247.0.0.0/8".parse().unwrap()),
            loopback6: Some("fd00::1".parse().unwrap()),
            redelivers: true,
        }
    }

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

    fn sets(spec: &NetworkSpec, family: Family) -> Vec<Set> {
        let mut sets: Vec<_> = of_network(spec, &policy(true))
            .iter()
            .filter(|element| element.family == family)
            .map(|element| element.set)
            .collect();
        sets.sort_unstable();
        sets.dedup();
        sets
    }

    #[test]
    fn a_network_is_in_the_sets_its_options_say() {
        use Set::*;
        let plain = spec(|_, _| {});
        for family in [Family::V4, Family::V6] {
            assert_eq!(sets(&plain, family), [Bridges, Talking, Masqueraded, Own]);
        }
        let closed = spec(|spec, bridge| {
            spec.internal = true;
            bridge.icc = false;
        });
        assert_eq!(sets(&closed, Family::V4), [Bridges, Internal, Own]);
        let routed = spec(|_, bridge| {
            bridge.gateway_mode_v6 = GatewayMode::Routed;
            bridge.host_ipv4 = Some([192, 0, 2, 1].into());
            bridge.trusted_host_interfaces = vec!["eth7".to_owned()];
        });
        assert_eq!(
            sets(&routed, Family::V4),
            [Bridges, Talking, Trusted, Sources, Own]
        );
        assert_eq!(
            sets(&routed, Family::V6),
            [Bridges, Talking, Trusted, Own, Routed]
        );
        let only4 = of_network(&routed, &policy(false));
        assert!(only4.iter().all(|element| element.family == Family::V4));
    }

    #[test]
    fn a_port_on_the_loopback_is_published_under_both_its_names() {
        let of = |host: &str| {
            let text = r#"{"endpoint_id":"e","container_id":"c","container_name":"n","address":"10.0.0.2","prefix_len":24,
                "address6":"fd00::2","ports":[]}"#;
            let mut lease: Lease = serde_json::from_str(text).unwrap();
            lease.ports.push(PortBinding {
                proto: Proto::Tcp,
                host_ip: host.parse().unwrap(),
                host_port: 8080,
                container_port: 80,
            });
            of_endpoint(&lease, &spec(|_, _| {}), &policy(true))
        };
        let to4 = "10.0.0.2:80".parse().unwrap();
        let at4 = |text: &str| Element::forward(Proto::Tcp, text.parse().unwrap(), to4);
        assert_eq!(of("127.0.0.5"), [at4("127.0.0.5:8080"), at4("247.0.0.5:8080")]);
        assert_eq!(of("0.0.0.0"), [at4("0.0.0.0:8080")]);
        assert_eq!(of("::1").len(), 2);
        assert_eq!(of("::").len(), 1);
    }
}
