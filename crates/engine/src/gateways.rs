//! Which of a container's places its ways out lead by, and so where its ports are published: each family's at its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use corten_network::{HostPort, Lease, PortBinding, PortRequest};

use crate::endpoint_options;
use crate::engine::Engine;
use crate::places::BRIDGE;
use crate::record::EndpointWish;

/// The published ports that belong to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Its container has no way out by it.
    Nothing,
    /// The only one by which there is a way out.
    All,
    /// Those at IPv4 addresses of the host; IPv6 leads by another place.
    Ipv4,
    /// The other way round.
    Ipv6,
}

impl Share {
    /// Whether a port that is published on this address of the host is one of them.
    pub(crate) fn has(self, host: IpAddr) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Ipv4 => host.is_ipv4(),
            Self::Ipv6 => host.is_ipv6(),
        }
    }

    /// What is to be asked for at the place, where `default_bind` is the address of the host for requests without one.
    pub(crate) fn of(self, requests: &[PortRequest], default_bind: Option<IpAddr>) -> Vec<PortRequest> {
        let everywhere = match self {
            Self::Nothing => return Vec::new(),
            Self::All => return requests.to_vec(),
            Self::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let one = |request: &PortRequest| {
            let host = request.host_ip.or(default_bind).unwrap_or(everywhere);
            self.has(host).then_some(PortRequest {
                host_ip: Some(host),
                ..*request
            })
        };
        requests.iter().filter_map(one).collect()
    }
}

/// The shares of places in gateway order; each is told by whether IPv4 and IPv6 lead out by it.
pub(crate) fn shares(ways: &[(bool, bool)]) -> Vec<Share> {
    let ipv4 = ways.iter().position(|way| way.0);
    let ipv6 = ways.iter().position(|way| way.1);
    let share = |at| match (ipv4 == Some(at), ipv6 == Some(at)) {
        (false, false) => Share::Nothing,
        (true, false) if ipv6.is_some() => Share::Ipv4,
        (false, true) if ipv4.is_some() => Share::Ipv6,
        _ => Share::All,
    };
    (0..ways.len()).map(share).collect()
}

/// The same requests, but that those which leave the port of the host open ask for what has been given for them already, be it at
/// another place: there is one number for both families.
pub(crate) fn alike(requests: &[PortRequest], given: &[PortBinding]) -> Vec<PortRequest> {
    let mut left: Vec<&PortBinding> = given.iter().filter(|binding| binding.host_port != 0).collect();
    let mut alike = requests.to_vec();
    // The choosy first, lest others take what is theirs.
    let mut order: Vec<&mut PortRequest> = alike.iter_mut().collect();
    order.sort_by_key(|request| match request.host_port {
        HostPort::Fixed(1..) => 0,
        HostPort::Range(..) => 1,
        HostPort::Any | HostPort::Fixed(0) => 2,
    });
    for request in order {
        let wish = *request;
        let fits = |binding: &PortBinding| {
            let has_port = match wish.host_port {
                HostPort::Any | HostPort::Fixed(0) => true,
                HostPort::Range(first, last) => (first..=last).contains(&binding.host_port),
                HostPort::Fixed(port) => binding.host_port == port,
            };
            has_port && binding.proto == wish.proto && binding.container_port == wish.container_port
        };
        let is_at = |binding: &PortBinding| match wish.host_ip {
            Some(host) if !host.is_unspecified() => binding.host_ip == host,
            _ => binding.host_ip.is_unspecified(),
        };
        let mut fitting = left.iter().filter(|binding| fits(binding));
        let found = fitting.clone().find(|binding| is_at(binding));
        // Where a request names none, the network may have had an address of its own for it.
        let found = found.or_else(|| fitting.find(|_| wish.host_ip.is_none()));
        if let Some(port) = found.map(|binding| binding.host_port) {
            left.retain(|other| other.host_port != port || !fits(other));
            request.host_port = HostPort::Fixed(port);
        }
    }
    alike
}

impl Engine {
    /// Whether IPv4 and IPv6 lead out by a place that is wished for.
    pub(crate) fn ways_of_wish(&self, wish: &EndpointWish) -> (bool, bool) {
        let (ipv4, ipv6) = match wish.network.as_str() {
            "" | BRIDGE => match self.networks.default_bridge() {
                Some(bridge) => self.networks.leads_out(&bridge.id),
                None => (false, false),
            },
            id => self.networks.leads_out(id),
        };
        (
            ipv4,
            ipv6 && !endpoint_options::without_ipv6(&wish.driver_options),
        )
    }

    /// The shares of places in gateway order.
    pub(crate) fn shares_of(&self, ordered: &[Lease]) -> Vec<Share> {
        let way = |lease: &Lease| {
            let (ipv4, ipv6) = self.networks.leads_out(&lease.network_id);
            (ipv4 && lease.address.is_some(), ipv6 && lease.address6.is_some())
        };
        shares(&ordered.iter().map(way).collect::<Vec<_>>())
    }

    /// The address of the host that a network publishes on where a request names none.
    pub(crate) fn default_bind(&self, network: &str) -> Option<IpAddr> {
        match self.own_networks.get(network) {
            Some(own) => own.spec.bridge()?.default_bind,
            None => self.networks.default_bridge()?.bridge()?.default_bind,
        }
    }
}

#[cfg(test)]
mod tests {
    use corten_network::Proto;

    use super::*;

    fn request(host_ip: Option<&str>, host_port: HostPort) -> PortRequest {
        PortRequest {
            proto: Proto::Tcp,
            container_port: 80,
            host_ip: host_ip.map(|ip| ip.parse().unwrap()),
            host_port,
        }
    }

    fn binding(host_port: u16) -> PortBinding {
        PortBinding {
            proto: Proto::Tcp,
            host_ip: Ipv4Addr::UNSPECIFIED.into(),
            host_port,
            container_port: 80,
        }
    }

    #[test]
    fn each_family_has_its_own_gateway() {
        use Share::{All, Ipv4, Ipv6, Nothing};
        let (both, four, six, none) = ((true, true), (true, false), (false, true), (false, false));
        assert_eq!(shares(&[both, both]), [All, Nothing]);
        assert_eq!(shares(&[four, both]), [Ipv4, Ipv6]);
        assert_eq!(shares(&[six, four, both]), [Ipv6, Ipv4, Nothing]);
        assert_eq!(shares(&[none, four, four]), [Nothing, All, Nothing]);
        assert_eq!(shares(&[none, six]), [Nothing, All]);
        assert_eq!(shares(&[none, none]), [Nothing, Nothing]);
    }

    #[test]
    fn requests_go_to_their_familys_place() {
        let all = [
            request(None, HostPort::Any),
            request(Some("127.0.0.1"), HostPort::Fixed(8080)),
            request(Some("::1"), HostPort::Fixed(8080)),
        ];
        let hosts = |share: Share, default: Option<&str>| -> Vec<String> {
            let asked = share.of(&all, default.map(|ip| ip.parse().unwrap()));
            let hosts = asked.into_iter().map(|request| request.host_ip.unwrap());
            hosts.map(|host| host.to_string()).collect()
        };
        assert_eq!(hosts(Share::Ipv4, None), ["0.0.0.0", "127.0.0.1"]);
        assert_eq!(hosts(Share::Ipv6, None), ["::", "::1"]);
        assert_eq!(hosts(Share::Ipv4, Some("10.0.0.1")), ["10.0.0.1", "127.0.0.1"]);
        assert_eq!(hosts(Share::Ipv6, Some("10.0.0.1")), ["::1"]);
        assert_eq!(Share::All.of(&all, None), all);
        assert_eq!(Share::Nothing.of(&all, None), []);
    }

    #[test]
    fn one_number_for_both_families() {
        let asked = [
            request(None, HostPort::Any),
            request(None, HostPort::Fixed(8080)),
            request(None, HostPort::Range(9000, 9010)),
            request(None, HostPort::Any),
        ];
        let everywhere = Ipv6Addr::UNSPECIFIED.into();
        let of_both = |port| {
            let host_ip = everywhere;
            [
                binding(port),
                PortBinding {
                    host_ip,
                    ..binding(port)
                },
            ]
        };
        let given = [of_both(9003), of_both(40000), of_both(8080)].concat();
        let ports = |asked: &[PortRequest], given: &[PortBinding]| -> Vec<HostPort> {
            let alike = alike(asked, given).into_iter();
            alike.map(|asked| asked.host_port).collect()
        };
        let fixed = HostPort::Fixed;
        let (any, local) = (
            request(None, HostPort::Any),
            request(Some("127.0.0.1"), HostPort::Any),
        );
        let host_ip = "127.0.0.1".parse().unwrap();
        let at_home = PortBinding {
            host_ip,
            ..binding(5)
        };
        assert_eq!(ports(&[any, local], &[at_home, binding(6)]), [fixed(6), fixed(5)]);
        assert_eq!(ports(&[any], &[at_home]), [fixed(5)]);
        assert_eq!(
            ports(&[request(Some("::"), HostPort::Any)], &[at_home, binding(6)]),
            [fixed(6)]
        );
        assert_eq!(
            ports(&asked, &given),
            [fixed(40000), fixed(8080), fixed(9003), HostPort::Any]
        );
    }
}
