//! The default bridge, by the operator's words and what is there.

use super::Networks;
use super::lifecycle::used_by_others;
use crate::endpoint_name::is_our_veth;
use crate::ipam::{Addresses, overlap};
use crate::netlink::{Socket, addresses_of, destinations, link_by_name, links};
use crate::{BridgeOptions, DefaultBridge, Driver, NetworkError, NetworkSpec, Pool, config};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

impl Networks {
    /// What the default bridge is, by the operator's words and what is there: a bridge that exists keeps its address.
    /// `recorded` are the subnets of networks that are yet to be made again.
    ///
    /// # Errors
    /// When range or gateway are outside the subnet, when it has no room or is another network's, or when the default
    /// ranges are used up.
    pub fn default_spec(
        &self,
        id: &str,
        config: &DefaultBridge,
        recorded: &[IpNet],
    ) -> Result<NetworkSpec, NetworkError> {
        config::check_interface("bridge", &config.bridge)?;
        let mut config = config.clone();
        let mut socket = self.inner.socket()?;
        let bridge = link_by_name(&mut socket, &config.bridge)?;
        let present = match &bridge {
            Some(link) => addresses_of(&mut socket, link.index)?,
            None => Vec::new(),
        };
        let in_use = match &bridge {
            Some(link) => has_containers(&mut socket, link.index)?,
            None => false,
        };
        let own = present.iter().find_map(|address| match address {
            IpNet::V4(address) => Some(*address),
            IpNet::V6(_) => None,
        });
        let mut own6 = present.iter().find_map(|address| match address {
            IpNet::V4(_) => None,
            IpNet::V6(address) => Some(*address),
        });
        // Containers have the old gateway and addresses of the old subnet: another address would cut them off.
        if let Some(address) = own
            && in_use
            && config.bip.is_some_and(|bip| !present.contains(&bip.into()))
        {
            config.keep(address);
        }
        if let Some(address) = own6
            && !config.suits(address)
        {
            if in_use {
                config.keep6(address);
            } else {
                own6 = None;
            }
        }
        let mut used = destinations(&mut socket)?;
        self.inner.give_back(socket);
        let mut others = used_by_others(&self.inner.write(), id);
        others.extend(recorded);
        if config
            .subnets()
            .any(|subnet| others.iter().any(|other| overlap(subnet, *other)))
        {
            return Err(NetworkError::PoolOverlap);
        }
        used.extend(others);

        let mut bridge = BridgeOptions::new(&config.bridge);
        bridge.is_default = true;
        bridge.masquerade = config.ip_masq;
        bridge.icc = config.icc;
        bridge.default_bind = config
            .default_bind
            .filter(|address| *address != IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mut spec = NetworkSpec::new(id, "bridge", Driver::Bridge(BridgeOptions::new("")));
        spec.mtu = Some(config.mtu);
        spec.ipv6 = config.ipv6;

        let address = match config.bip.or(own) {
            Some(address) => address.into(),
            None => first_address(self.inner.pools.first_free(false, &used)?),
        };
        let range = config.fixed_cidr.map(|range| IpNet::V4(range.trunc()));
        let gateway = config.default_gateway.map(IpAddr::V4);
        spec.pools.push(pool_around(address, range, gateway)?);
        bridge.addresses.push(address);
        if config.ipv6 {
            let range = config.fixed_cidr_v6.map(|range| IpNet::V6(range.trunc()));
            let address = match config.bip6.or(own6) {
                Some(address) => address.into(),
                None => first_address(match range {
                    Some(range) => range,
                    None => self.inner.pools.first_free(true, &used)?,
                }),
            };
            let gateway = config.default_gateway_v6.map(IpAddr::V6);
            spec.pools.push(pool_around(address, range, gateway)?);
            bridge.addresses.push(address);
        }
        spec.driver = Driver::Bridge(bridge);
        if Addresses::new(&spec)?.take_v4(None)?.is_none() {
            return Err(NetworkError::SubnetTooSmall(address));
        }
        Ok(spec)
    }
}

/// Whether running containers are on the bridge: a veth goes with its container's namespace, so who has one still lives.
fn has_containers(socket: &mut Socket, bridge: u32) -> Result<bool, NetworkError> {
    let ports = links(socket)?;
    let mut ports = ports.iter().filter(|link| link.master == Some(bridge));
    Ok(ports.any(|port| port.kind == "veth" && is_our_veth(&port.name)))
}

/// The subnet's first address that is not its own.
fn first_address(subnet: IpNet) -> IpNet {
    match subnet.trunc() {
        IpNet::V4(net) => {
            let first = Ipv4Addr::from_bits(net.network().to_bits() | 1);
            Ipv4Net::new_assert(first, net.prefix_len()).into()
        }
        IpNet::V6(net) => {
            let first = Ipv6Addr::from_bits(net.network().to_bits() | 1);
            Ipv6Net::new_assert(first, net.prefix_len()).into()
        }
    }
}

/// The subnet that a bridge's address is in.
fn pool_around(address: IpNet, range: Option<IpNet>, gateway: Option<IpAddr>) -> Result<Pool, NetworkError> {
    for inside in range.map(|range| range.network()).into_iter().chain(gateway) {
        if !address.contains(&inside) {
            return Err(NetworkError::AddressOutOfRange(inside));
        }
    }
    Ok(Pool {
        range,
        gateway: Some(gateway.unwrap_or(address.addr())),
        ..Pool::of(address)
    })
}
