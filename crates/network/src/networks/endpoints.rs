//! Endpoints: what a container holds on a network, as bookkeeping.

use super::{Inner, Network, Networks, Remains, lock, random_id};
use crate::driver::needs_no_gateway;
use crate::endpoint_name::host_veth;
use crate::error::Version;
use crate::ports::Target;
use crate::{
    Driver, EndpointRequest, GatewayMode, HostPort, IpvlanMode, Lease, MacAddr, NetworkError, PortBinding,
    PortRequest, Proto,
};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

impl Networks {
    /// Reserves addresses, a hardware address, names, and the host ports asked for; all or nothing.
    ///
    /// Nothing is visible on the network yet, but the host ports are held by sockets.
    ///
    /// # Errors
    /// When there is no such network, or one of these cannot be had.
    pub fn reserve(&self, network: &str, request: &EndpointRequest) -> Result<Lease, NetworkError> {
        let network = self.inner.network(network)?;
        if let (Driver::Ipvlan(_), Some(_)) = (&network.spec.driver, request.mac) {
            return Err(NetworkError::InvalidOption(
                "ipvlan interfaces do not support custom mac address assignment".to_owned(),
            ));
        }
        let ports = if network.publishes() {
            &request.ports[..]
        } else {
            &[]
        };
        let endpoint_id = random_id()?;
        let (ipv4, ipv6) = network.take(request, &endpoint_id)?;
        let target = network.target(ipv4.map(|(a, _)| a), ipv6.map(|(a, _)| a));
        let can_publish = match ports {
            [] => Ok(()),
            _ => lock(&self.inner.firewall).can_publish(target),
        };
        let ports = match can_publish.and_then(|()| lock(&self.inner.ports).reserve(ports, target)) {
            Ok(ports) => ports,
            Err(error) => {
                let mut state = lock(&network.state);
                state.endpoints.remove(&endpoint_id);
                let addresses = [ipv4.map(|(a, _)| a.into()), ipv6.map(|(a, _)| a.into())];
                addresses
                    .iter()
                    .flatten()
                    .for_each(|address| state.addresses.free(*address));
                return Err(error);
            }
        };
        let spec = &network.spec;
        let gateway = |address: Option<IpAddr>| network.gateway(address?);
        Ok(Lease {
            network_id: spec.id.clone(),
            host_veth: network.bridge_index().map(|_| host_veth(&endpoint_id)),
            endpoint_id,
            container_id: request.container_id.clone(),
            container_name: request.container_name.clone(),
            address: ipv4.map(|(address, _)| address),
            prefix_len: ipv4.map_or(0, |(_, length)| length),
            gateway: match gateway(ipv4.map(|(address, _)| address.into())) {
                Some(IpAddr::V4(gateway)) => Some(gateway),
                _ => None,
            },
            address6: ipv6.map(|(address, _)| address),
            prefix_len6: ipv6.map_or(0, |(_, length)| length),
            gateway6: match gateway(ipv6.map(|(address, _)| address.into())) {
                Some(IpAddr::V6(gateway)) => Some(gateway),
                _ => None,
            },
            mac: match spec.driver {
                Driver::Ipvlan(_) => None,
                _ => Some(match request.mac {
                    Some(mac) => mac,
                    None => network.mac(ipv4.map(|(a, _)| a), ipv6.map(|(a, _)| a))?,
                }),
            },
            interface: match &request.interface {
                Some(name) => name.clone(),
                None => format!("{}0", spec.interface_prefix),
            },
            link_local: {
                let all = request.link_local.iter().copied();
                all.filter(|net| net.addr().is_ipv4() || !request.without_ipv6)
                    .collect()
            },
            settings: request.settings.clone(),
            default_ipv4: request.default_ipv4,
            default_ipv6: request.default_ipv6,
            ports,
        })
    }

    /// Gives everything back: the ports at once, interface and addresses as soon as the kernel has let go of them.
    /// Does nothing for a lease that is not held (any more).
    pub fn release(&self, lease: &Lease) {
        let Ok(network) = self.inner.network(&lease.network_id) else {
            return;
        };
        // Nobody may remove the network before this is done.
        if !lock(&network.state).endpoints.contains(&lease.endpoint_id) {
            return;
        }
        if let Err(error) = lock(&self.inner.firewall).withdraw(&lease.endpoint_id) {
            tracing::warn!(endpoint = lease.endpoint_id, %error, "cannot withdraw ports");
        }
        let mut ports = lock(&self.inner.ports);
        lease.ports.iter().for_each(|binding| ports.release(binding));
        drop(ports);
        {
            let mut state = lock(&network.state);
            if !state.endpoints.remove(&lease.endpoint_id) {
                return; // two at once
            }
            state.leaving.extend(lease.addresses().map(|net| net.addr()));
        }
        let remains = Remains {
            network,
            veth: lease.host_veth.clone(),
            addresses: lease.addresses().map(|net| net.addr()).collect(),
            datagrams: datagrams(&lease.ports),
        };
        let queued = lock(&self.reaper).push(remains);
        if let Err(remains) = queued {
            self.inner.bury(&remains); // after shutdown
        }
    }

    /// Whether IPv4 and IPv6 lead out by a network's endpoints; neither if there is no such network.
    pub fn leads_out(&self, network: &str) -> (bool, bool) {
        let Ok(network) = self.inner.network(network) else {
            return (false, false);
        };
        let spec = &network.spec;
        let leads = |ipv6: bool| {
            let mut pools = spec.pools.iter().map(|pool| pool.subnet.addr());
            needs_no_gateway(spec)
                || pools.any(|address| address.is_ipv6() == ipv6 && network.gateway(address).is_some())
        };
        (spec.ipv4 && leads(false), spec.ipv6 && leads(true))
    }

    /// Whether an address is that of a released endpoint, and free as soon as the kernel has let go of it.
    pub fn is_leaving(&self, network: &str, address: IpAddr) -> bool {
        let network = self.inner.network(network);
        network.is_ok_and(|network| lock(&network.state).leaving.contains(&address))
    }

    /// Changes the published ports of an endpoint in place: those asked for that are published already stay as they are,
    /// also where the request leaves the port open. Returns the lease as it is then.
    ///
    /// # Errors
    /// When a port cannot be had; all is as before then.
    pub fn republish(&self, lease: &Lease, ports: &[PortRequest]) -> Result<Lease, NetworkError> {
        let network = self.inner.network(&lease.network_id)?;
        let wanted = if network.publishes() { ports } else { &[] };
        let target = network.target(lease.address, lease.address6);
        if !wanted.is_empty() {
            lock(&self.inner.firewall).can_publish(target)?;
        }
        let (kept, new) = sort_out(&lease.ports, wanted, target);
        if new.is_empty() && kept.len() == lease.ports.len() {
            return Ok(lease.clone());
        }
        let held = lock(&self.inner.ports).reserve(&new, target)?;
        let gone: Vec<PortBinding> = lease
            .ports
            .iter()
            .filter(|old| !kept.contains(old))
            .copied()
            .collect();
        let changed = Lease {
            ports: kept.into_iter().chain(held.iter().copied()).collect(),
            ..lease.clone()
        };
        let hairpin = |lease: &Lease| self.set_hairpin(lease, &network);
        let published = match changed.ports.is_empty() == lease.ports.is_empty() {
            true => Ok(()),
            false => hairpin(&changed),
        };
        if let Err(error) = published.and_then(|()| self.inner.announce(&changed, &network, &held)) {
            let mut ports = lock(&self.inner.ports);
            held.iter().for_each(|binding| ports.release(binding));
            return Err(error);
        }
        let mut ports = lock(&self.inner.ports);
        gone.iter().for_each(|binding| ports.release(binding));
        drop(ports);
        self.inner.forget_datagrams(&datagrams(&gone));
        Ok(changed)
    }
}

impl Inner {
    /// Publishes exactly the ports of a lease, some of which are new.
    pub(super) fn announce(
        &self,
        lease: &Lease,
        network: &Network,
        new: &[PortBinding],
    ) -> Result<(), NetworkError> {
        lock(&self.firewall).publish(lease, &network.spec)?;
        self.forget_datagrams(&datagrams(new));
        Ok(())
    }
}

impl Network {
    /// Takes the addresses of a new endpoint.
    #[allow(clippy::type_complexity)] // an address with the length of its subnet's prefix, of each family
    fn take(
        &self,
        request: &EndpointRequest,
        endpoint: &str,
    ) -> Result<(Option<(Ipv4Addr, u8)>, Option<(Ipv6Addr, u8)>), NetworkError> {
        let mut state = lock(&self.state);
        if state.removed {
            return Err(NetworkError::NoNetwork(self.spec.id.clone()));
        }
        let none_left = |version| NetworkError::NoAddress {
            version,
            name: self.spec.name.clone(),
            id: self.spec.id.clone(),
        };
        let wanted = [request.ip.map(IpAddr::V4), request.ip6.map(IpAddr::V6)];
        let has_ipv6 = self.spec.ipv6 && !request.without_ipv6;
        if !self.spec.ipv4 && !has_ipv6 {
            return Err(NetworkError::InvalidOption(format!(
                "network {} has IPv6 alone, and the endpoint has it turned off",
                self.spec.name
            )));
        }
        for (wanted, has) in wanted.into_iter().zip([self.spec.ipv4, has_ipv6]) {
            if let (Some(address), false) = (wanted, has) {
                return Err(NetworkError::AddressOutOfRange(address));
            }
        }
        let mut ipv4 = None;
        if self.spec.ipv4 {
            let taken = state.addresses.take_v4(request.ip)?;
            ipv4 = Some(taken.ok_or_else(|| none_left(Version::V4))?);
        }
        let mut ipv6 = None;
        if has_ipv6 {
            let taken = state.addresses.take_v6(request.ip6);
            match taken.and_then(|taken| taken.ok_or_else(|| none_left(Version::V6))) {
                Ok(taken) => ipv6 = Some(taken),
                Err(error) => {
                    if let Some((address, _)) = ipv4 {
                        state.addresses.free(address.into());
                    }
                    return Err(error);
                }
            }
        }
        state.endpoints.insert(endpoint.to_owned());
        Ok((ipv4, ipv6))
    }

    /// Where published ports of an endpoint lead.
    fn target(&self, ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) -> Target {
        Target {
            ipv4,
            ipv6,
            default_bind: self.spec.bridge().and_then(|bridge| bridge.default_bind),
            routed4: self.routes(false),
            routed6: self.routes(true),
        }
    }

    /// Where an endpoint of this address finds the way out.
    fn gateway(&self, address: IpAddr) -> Option<IpAddr> {
        let spec = &self.spec;
        let leads_out = match &spec.driver {
            Driver::Bridge(bridge) => bridge.gateway_mode(address.is_ipv6()) != GatewayMode::Isolated,
            Driver::Macvlan(_) => true,
            Driver::Ipvlan(options) => options.mode == IpvlanMode::L2,
        };
        if spec.internal || !leads_out {
            return None;
        }
        spec.pools
            .iter()
            .find(|pool| pool.subnet.contains(&address))?
            .gateway
    }

    /// A hardware address for an endpoint.
    fn mac(&self, ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) -> Result<MacAddr, NetworkError> {
        let address = ipv4.map(IpAddr::V4).or(ipv6.map(IpAddr::V6));
        if let (Some(mac), Some(address)) = (self.link.mac, address) {
            return Ok(mac.for_address(address));
        }
        let mut octets = [0; 6];
        crate::host::random(&mut octets)?;
        Ok(MacAddr::local(octets))
    }
}

/// Ports of the host that datagrams come in by.
pub(super) fn datagrams(bindings: &[PortBinding]) -> HashSet<u16> {
    let udp = bindings.iter().filter(|binding| binding.proto == Proto::Udp);
    udp.map(|binding| binding.host_port)
        .filter(|port| *port != 0)
        .collect()
}

/// Which bindings stay, and what is to be had anew.
fn sort_out(
    present: &[PortBinding],
    wanted: &[PortRequest],
    target: Target,
) -> (Vec<PortBinding>, Vec<PortRequest>) {
    let mut left: Vec<PortBinding> = present.to_vec();
    let (mut kept, mut new) = (Vec::new(), Vec::new());
    // The choosy first, lest another request keeps what they insist on.
    let mut order: Vec<(usize, &PortRequest)> = wanted.iter().enumerate().collect();
    order.sort_by_key(|(_, request)| !matches!(request.host_port, HostPort::Fixed(1..)));
    for (index, request) in order {
        let fits = |binding: &PortBinding, port: Option<u16>, host: IpAddr| {
            binding.proto == request.proto
                && binding.container_port == request.container_port
                && binding.host_ip == host
                && port.is_none_or(|port| port == binding.host_port)
                && match request.host_port {
                    HostPort::Fixed(0) | HostPort::Any => true,
                    HostPort::Fixed(port) => binding.host_port == port || binding.host_port == 0,
                    HostPort::Range(first, last) => (first..=last).contains(&binding.host_port),
                }
        };
        // A request has a binding for each of these, with one port; either all are there or it is new.
        let mut of_request: Vec<PortBinding> = Vec::new();
        let hosts = target.hosts(request.host_ip);
        for host in &hosts {
            let port = of_request.first().map(|first| first.host_port);
            of_request.extend(left.iter().find(|binding| fits(binding, port, *host)));
        }
        if of_request.len() == hosts.len() && !hosts.is_empty() {
            left.retain(|binding| !of_request.contains(binding));
            kept.append(&mut of_request);
        } else {
            new.push((index, *request));
        }
    }
    new.sort_by_key(|(index, _)| *index);
    (kept, new.into_iter().map(|(_, request)| request).collect())
}
