//! All addresses of one network.

use super::AddressPool;
use crate::{NetworkError, NetworkSpec};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The pools of a network, in their order.
#[derive(Debug)]
pub(crate) struct Addresses {
    pools: Vec<AddressPool>,
}

impl Addresses {
    /// All of the network's subnets, gateways and auxiliary addresses taken.
    pub(crate) fn new(spec: &NetworkSpec) -> Result<Self, NetworkError> {
        let mut pools = Vec::with_capacity(spec.pools.len());
        for pool in &spec.pools {
            let mut addresses = AddressPool::new(pool.subnet, pool.range);
            let bridge = spec.bridge_address(pool.subnet).map(|net| net.addr());
            for reserved in pool.gateway.iter().chain(&bridge).chain(pool.auxiliary.values()) {
                match addresses.take(*reserved) {
                    // One address may have two names, and a gateway may be an address no container could have.
                    Ok(()) | Err(NetworkError::AddressInUse(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            pools.push(addresses);
        }
        Ok(Self { pools })
    }

    /// Takes the lowest free IPv4 address, or the one asked for; the length of its subnet's prefix comes with it.
    pub(crate) fn take_v4(
        &mut self,
        wanted: Option<Ipv4Addr>,
    ) -> Result<Option<(Ipv4Addr, u8)>, NetworkError> {
        match self.take(wanted.map(IpAddr::V4), |net| matches!(net, IpNet::V4(_)))? {
            Some((IpAddr::V4(address), length)) => Ok(Some((address, length))),
            _ => Ok(None),
        }
    }

    /// The same for IPv6.
    pub(crate) fn take_v6(
        &mut self,
        wanted: Option<Ipv6Addr>,
    ) -> Result<Option<(Ipv6Addr, u8)>, NetworkError> {
        match self.take(wanted.map(IpAddr::V6), |net| matches!(net, IpNet::V6(_)))? {
            Some((IpAddr::V6(address), length)) => Ok(Some((address, length))),
            _ => Ok(None),
        }
    }

    /// Gives an address back.
    pub(crate) fn free(&mut self, address: IpAddr) {
        self.pools.iter_mut().for_each(|pool| pool.free(address));
    }

    fn take(
        &mut self,
        wanted: Option<IpAddr>,
        of_family: impl Fn(IpNet) -> bool,
    ) -> Result<Option<(IpAddr, u8)>, NetworkError> {
        let mut pools = self.pools.iter_mut().filter(|pool| of_family(pool.subnet()));
        if let Some(address) = wanted {
            let pool = pools
                .find(|pool| pool.subnet().contains(&address))
                .ok_or(NetworkError::AddressOutOfRange(address))?;
            pool.take(address)?;
            return Ok(Some((address, pool.subnet().prefix_len())));
        }
        Ok(pools.find_map(|pool| Some((pool.take_any()?, pool.subnet().prefix_len()))))
    }
}
