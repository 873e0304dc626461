//! What this machine's loopback is called on the way to containers, which could not answer 127.0.0.1 and `::1`.
//!
//! Addresses that nobody uses are made this machine's own by routes of the local table. Two daemons may use the same ones:
//! their routes differ in the metric.

use crate::NetworkError;
use crate::netlink::{Batch, Socket, destinations_elsewhere, local_route};
use crate::nft::FirewallFamilies;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustix::io::Errno;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A network of eight bits of class E is tried, from this one downwards, until one is free: some clouds route parts of it.
const FIRST: u8 = 247;
const LAST: u8 = 241;
/// A unique local address, drawn by lot.
const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0xfd8e, 0x3b7a, 0x51c6, 0, 0, 0, 0, 1);

/// The names, with the routes that make them this machine's.
pub(crate) struct Disguise {
    /// What 127.0.0.0/8 is called.
    pub(crate) ipv4: Option<Ipv4Net>,
    /// What `::1` is called.
    pub(crate) ipv6: Option<Ipv6Addr>,
    metric: u32,
}

impl Disguise {
    /// Makes the addresses this machine's own, for the families asked for. A family that cannot have one has none: its
    /// published ports are not reached from the loopback.
    pub(crate) fn put_on(
        table: &str,
        families: FirewallFamilies,
        socket: &mut Socket,
    ) -> Result<Self, NetworkError> {
        let mut disguise = Self {
            ipv4: None,
            ipv6: None,
            metric: metric(table),
        };
        if families.ipv4 {
            let taken = destinations_elsewhere(socket)?;
            disguise.ipv4 = (LAST..=FIRST).rev().find_map(|first| {
                let net = Ipv4Net::new_assert(Ipv4Addr::new(first, 0, 0, 0), 8);
                let clash = |other: &IpNet| match other {
                    IpNet::V4(other) => other.contains(&net) || net.contains(other),
                    IpNet::V6(_) => false,
                };
                (!taken.iter().any(clash)).then_some(net)
            });
            match disguise.ipv4 {
                Some(net) => disguise.route(socket, net.into(), true)?,
                None => tracing::warn!(
                    "published ports are not reached by 127.0.0.1: all networks that could stand for it are routed elsewhere"
                ),
            }
        }
        if families.ipv6 {
            match disguise.route(socket, single(ADDRESS6), true) {
                Ok(()) => disguise.ipv6 = Some(ADDRESS6),
                Err(error) => tracing::debug!(%error, "published ports are not reached by ::1"),
            }
        }
        Ok(disguise)
    }

    /// Gives the addresses up.
    pub(crate) fn take_off(&self, socket: &mut Socket) -> Result<(), NetworkError> {
        let nets = self.ipv4.map(IpNet::V4).into_iter().chain(self.ipv6.map(single));
        for net in nets {
            match self.route(socket, net, false) {
                Err(NetworkError::Netlink(error)) if error.errno() == Errno::SRCH => {} // somebody else did
                other => other?,
            }
        }
        Ok(())
    }

    fn route(&self, socket: &mut Socket, net: IpNet, add: bool) -> Result<(), NetworkError> {
        let mut batch = Batch::new();
        local_route(&mut batch, net, self.metric, add);
        Ok(socket.request(&mut batch)?)
    }
}

fn single(address: Ipv6Addr) -> IpNet {
    Ipv6Net::new_assert(address, 128).into()
}

/// A number that hardly any other table's name has (FNV-1a), of 31 bits and not zero.
fn metric(table: &str) -> u32 {
    let hash = table.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash >> 1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_metrics_of_their_own() {
        assert_ne!(metric("corten0"), metric("corten1"));
        assert!(metric("") > 0);
    }
}
