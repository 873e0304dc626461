//! The addresses of one subnet, of either family.

use crate::NetworkError;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// The addresses of one subnet. The lowest free one is given out first, as on Docker's networks.
///
/// What is taken is kept as runs of neighbours, merged where they touch: a subnet filled from below is a single one, however
/// large it is, and an IPv6 subnet costs no more than its endpoints.
#[derive(Debug)]
pub(crate) struct AddressPool {
    subnet: IpNet,
    /// The addresses that may be given out, as numbers.
    usable: RangeInclusive<u128>,
    /// Those given out to who asks for none in particular.
    range: RangeInclusive<u128>,
    /// First and last number of each run of taken addresses.
    taken: BTreeMap<u128, u128>,
}

impl AddressPool {
    /// All of the subnet but, where it has room for them, the addresses of the network itself and of broadcasts; who asks
    /// for no address gets one of `range`.
    pub(crate) fn new(subnet: IpNet, range: Option<IpNet>) -> Self {
        let (first, last) = ends(subnet);
        let spare = subnet.max_prefix_len() - subnet.prefix_len();
        let usable = match subnet {
            IpNet::V4(_) if spare > 1 => first + 1..=last - 1,
            // The subnet-router anycast address; IPv6 has no broadcast.
            IpNet::V6(_) if spare > 1 => first + 1..=last,
            _ => first..=last,
        };
        let (low, high) = range.map_or((first, last), ends);
        Self {
            subnet,
            range: low.max(*usable.start())..=high.min(*usable.end()),
            usable,
            taken: BTreeMap::new(),
        }
    }

    /// Its subnet.
    pub(crate) fn subnet(&self) -> IpNet {
        self.subnet
    }

    /// Takes the lowest free address, if there is one.
    pub(crate) fn take_any(&mut self) -> Option<IpAddr> {
        let number = self.lowest()?;
        self.mark(number);
        Some(self.address(number))
    }

    /// Takes the address asked for.
    ///
    /// # Errors
    /// When it is taken, or none that could be given out.
    pub(crate) fn take(&mut self, address: IpAddr) -> Result<(), NetworkError> {
        let number = number(address);
        if !self.subnet.contains(&address) {
            return Err(NetworkError::AddressOutOfRange(address));
        }
        // The addresses of the network itself and of broadcasts count as taken, as with Docker.
        if !self.usable.contains(&number) || self.is_taken(number) {
            return Err(NetworkError::AddressInUse(address));
        }
        self.mark(number);
        Ok(())
    }

    /// Gives an address back.
    pub(crate) fn free(&mut self, address: IpAddr) {
        let number = number(address);
        if !self.subnet.contains(&address) {
            return;
        }
        let Some((first, last)) = self.run_of(number) else {
            return;
        };
        if first == number {
            self.taken.remove(&first);
        } else {
            self.taken.insert(first, number - 1);
        }
        if last > number {
            self.taken.insert(number + 1, last);
        }
    }

    /// Whether any address is left.
    #[cfg(test)]
    fn has_room(&self) -> bool {
        self.lowest().is_some()
    }

    /// The run of taken addresses a number is in.
    fn run_of(&self, number: u128) -> Option<(u128, u128)> {
        let (first, last) = self.taken.range(..=number).next_back()?;
        (*last >= number).then_some((*first, *last))
    }

    fn is_taken(&self, number: u128) -> bool {
        self.run_of(number).is_some()
    }

    fn lowest(&self) -> Option<u128> {
        // Runs that touch are one, so what follows a run is free.
        let number = match self.run_of(*self.range.start()) {
            Some((_, last)) => last.checked_add(1)?,
            None => *self.range.start(),
        };
        self.range.contains(&number).then_some(number)
    }

    fn mark(&mut self, number: u128) {
        let before = number.checked_sub(1).and_then(|before| self.run_of(before));
        let after = number.checked_add(1).and_then(|after| self.taken.remove(&after));
        let first = before.map_or(number, |(first, _)| first);
        self.taken.insert(first, after.unwrap_or(number));
    }

    fn address(&self, number: u128) -> IpAddr {
        match self.subnet {
            IpNet::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
            IpNet::V6(_) => Ipv6Addr::from_bits(number).into(),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The subnet's first and last address, as numbers.
fn ends(subnet: IpNet) -> (u128, u128) {
    (number(subnet.network()), number(subnet.broadcast()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn pool(subnet: &str, range: Option<&str>) -> AddressPool {
        AddressPool::new(subnet.parse().unwrap(), range.map(|range| range.parse().unwrap()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn all(pool: &mut AddressPool) -> Vec<String> {
        std::iter::from_fn(|| pool.take_any())
            .map(|address| address.to_string())
            .collect()
    }

    #[test]
    fn lowest_free_comes_first() {
        let mut pool = pool("172.17.0.0/16", None);
        for last in 1..=200 {
            assert_eq!(pool.take_any(), Some(Ipv4Addr::new(172, 17, 0, last).into()));
        }
        pool.free(ip("172.17.0.130"));
        pool.free(ip("172.17.0.7"));
        assert_eq!(pool.take_any(), Some(ip("172.17.0.7")));
        assert_eq!(pool.take_any(), Some(ip("172.17.0.130")));
        assert_eq!(pool.take_any(), Some(ip("172.17.0.201")));
    }

    #[test]
    fn network_and_broadcast_are_not_given_out_where_there_is_room() {
        assert_eq!(all(&mut pool("10.0.0.4/30", None)), ["10.0.0.5", "10.0.0.6"]);
        assert_eq!(all(&mut pool("10.0.0.4/31", None)), ["10.0.0.4", "10.0.0.5"]);
        assert_eq!(all(&mut pool("10.0.0.4/32", None)), ["10.0.0.4"]);
        assert_eq!(
            all(&mut pool("fd00::/126", None)),
            ["fd00::1", "fd00::2", "fd00::3"]
        );
        assert_eq!(all(&mut pool("fd00::/127", None)), ["fd00::", "fd00::1"]);
    }

    #[test]
    fn the_ends_of_all_addresses_are_reached() {
        let mut pool = pool("::/0", Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"));
        let last: u128 = u128::MAX;
        assert_eq!(pool.take_any(), Some(Ipv6Addr::from_bits(last - 1).into()));
        assert_eq!(pool.take_any(), Some(Ipv6Addr::from_bits(last).into()));
        assert_eq!(pool.take_any(), None);
        pool.free(Ipv6Addr::from_bits(last).into());
        assert!(pool.has_room());
    }

    #[test]
    fn wanted_addresses_are_checked() {
        let mut pool = pool("10.1.0.0/16", None);
        pool.take(ip("10.1.9.9")).unwrap();
        assert!(matches!(
            pool.take(ip("10.1.9.9")),
            Err(NetworkError::AddressInUse(_))
        ));
        for special in ["10.1.0.0", "10.1.255.255"] {
            let refused = pool.take(ip(special));
            assert!(matches!(refused, Err(NetworkError::AddressInUse(_))), "{special}");
        }
        for outside in ["10.2.0.1", "fd00::1"] {
            let refused = pool.take(ip(outside));
            assert!(
                matches!(refused, Err(NetworkError::AddressOutOfRange(_))),
                "{outside}"
            );
        }
        pool.free(ip("10.1.9.9"));
        pool.free(ip("10.99.0.1"));
        pool.take(ip("10.1.9.9")).unwrap();
    }

    #[test]
    fn a_range_bounds_what_is_given_out() {
        let mut pool = pool("10.9.0.0/16", Some("10.9.3.64/30"));
        assert_eq!(
            all(&mut pool),
            ["10.9.3.64", "10.9.3.65", "10.9.3.66", "10.9.3.67"]
        );
        pool.take(ip("10.9.8.8")).unwrap(); // asked for, all of the subnet will do
        pool.free(ip("10.9.3.66"));
        pool.free(ip("10.9.0.9"));
        assert_eq!(pool.take_any(), Some(ip("10.9.3.66")));
    }

    /// Whatever the sequence of requests, the pool does what a set of taken addresses would.
    #[test]
    fn no_address_is_ever_given_twice() {
        let mut seed = 0x5eed_u64;
        let mut random = move |below: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for (subnet, range) in [
            ("10.0.0.0/26", None),
            ("10.0.0.0/24", Some("10.0.0.64/27")),
            ("fd00::/122", None),
            ("fd00:1::/64", Some("fd00:1::80/123")),
            ("10.0.0.0/31", None),
        ] {
            let mut pool = pool(subnet, range);
            let mut model = BTreeSet::new();
            let subnet: IpNet = subnet.parse().unwrap();
            let span = subnet.hosts().take(256).collect::<Vec<_>>();
            for _ in 0..4000 {
                let some = span[random(span.len() as u64) as usize];
                match random(3) {
                    0 => {
                        let expected =
                            (*pool.range.start()..=*pool.range.end()).find(|number| !model.contains(number));
                        let given = pool.take_any().map(number);
                        assert_eq!(given, expected);
                        model.extend(given);
                    }
                    1 if pool.usable.contains(&number(some)) => {
                        assert_eq!(pool.take(some).is_ok(), model.insert(number(some)));
                    }
                    _ => {
                        pool.free(some);
                        model.remove(&number(some));
                    }
                }
                let taken: BTreeSet<u128> = pool.taken.iter().flat_map(|(a, b)| *a..=*b).collect();
                assert_eq!(taken, model);
                let touching = pool
                    .taken
                    .values()
                    .any(|last| pool.taken.contains_key(&(last + 1)));
                assert!(!touching, "{:?}", pool.taken);
            }
        }
    }
}
