//! Which addresses of a subnet are in use; pure bookkeeping.

use crate::{Ipv4Net, NetworkError};
use std::net::Ipv4Addr;

/// The addresses of one subnet. The lowest free one is given out first, as on Docker's default bridge.
#[derive(Debug)]
pub(crate) struct AddressPool {
    subnet: Ipv4Net,
    /// A bit for each address from the subnet's first on, as far as one was ever used; set when taken.
    taken: Vec<u64>,
    /// No word before this one has a free bit.
    first_candidate: usize,
    /// One more than the number of the last address that may be given out.
    end: u32,
    /// Numbers of the addresses given out to who asks for none.
    range: std::ops::Range<u32>,
}

impl AddressPool {
    /// All of `gateway`'s subnet but its own address, the first and the last; who asks for no address gets one of `range`.
    pub(crate) fn new(gateway: Ipv4Net, range: Option<Ipv4Net>) -> Self {
        let subnet = gateway.network();
        let last = subnet.broadcast().to_bits() - subnet.address().to_bits();
        let mut pool = Self {
            subnet,
            taken: Vec::new(),
            first_candidate: 0,
            end: last,
            range: 0..last,
        };
        if let Some(range) = range {
            let number = |address: Ipv4Addr| address.to_bits().saturating_sub(subnet.address().to_bits());
            pool.range = number(range.network().address())..(number(range.broadcast()) + 1).min(last);
            pool.first_candidate = (pool.range.start / 64) as usize;
        }
        pool.mark(0);
        pool.mark(gateway.address().to_bits() - subnet.address().to_bits());
        pool
    }

    /// Whether any address is left for containers beside the bridge's.
    pub(crate) fn has_room(&self) -> bool {
        self.lowest().is_some()
    }

    /// Takes the lowest free address, or the one asked for.
    pub(crate) fn take(&mut self, wanted: Option<Ipv4Addr>) -> Result<Ipv4Addr, NetworkError> {
        let number = match wanted {
            None => self.lowest().ok_or(NetworkError::NoAddress(self.subnet))?,
            Some(address) => {
                let number = self
                    .number(address)
                    .ok_or(NetworkError::AddressOutOfRange(address))?;
                if self.is_taken(number) {
                    return Err(NetworkError::AddressInUse(address));
                }
                number
            }
        };
        self.mark(number);
        Ok(Ipv4Addr::from_bits(self.subnet.address().to_bits() + number))
    }

    /// Gives an address back.
    pub(crate) fn free(&mut self, address: Ipv4Addr) {
        let Some(number) = self.number(address) else {
            return;
        };
        let word = (number / 64) as usize;
        if let Some(bits) = self.taken.get_mut(word) {
            *bits &= !(1 << (number % 64));
            if word >= (self.range.start / 64) as usize {
                self.first_candidate = self.first_candidate.min(word);
            }
        }
    }

    fn number(&self, address: Ipv4Addr) -> Option<u32> {
        let number = self
            .subnet
            .contains(address)
            .then(|| address.to_bits() - self.subnet.address().to_bits())?;
        (number < self.end && number > 0).then_some(number)
    }

    fn is_taken(&self, number: u32) -> bool {
        self.taken
            .get((number / 64) as usize)
            .is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    fn lowest(&self) -> Option<u32> {
        let mut word = self.first_candidate;
        loop {
            let first = u32::try_from(word).ok()?.checked_mul(64)?;
            if first >= self.range.end {
                return None;
            }
            // What lies before the range counts as taken.
            let before = self.range.start.saturating_sub(first).min(63);
            let bits = self.taken.get(word).copied().unwrap_or(0) | ((1 << before) - 1);
            let bit = bits.trailing_ones();
            if bit < 64 {
                return Some(first + bit).filter(|number| *number < self.range.end);
            }
            word += 1;
        }
    }

    fn mark(&mut self, number: u32) {
        let word = (number / 64) as usize;
        if word >= self.taken.len() {
            self.taken.resize(word + 1, 0);
        }
        self.taken[word] |= 1 << (number % 64);
        while self.taken.get(self.first_candidate) == Some(&u64::MAX) {
            self.first_candidate += 1;
        }
    }
}

/// The subnets Docker takes its networks from, in its order: 172.17 … 172.31, then 192.168 in sixteenths.
pub(crate) fn default_pools() -> impl Iterator<Item = Ipv4Net> {
    let sixteens = (17..=31).filter_map(|second| Ipv4Net::new(Ipv4Addr::new(172, second, 0, 0), 16));
    let twenties = (0..=240)
        .step_by(16)
        .filter_map(|third| Ipv4Net::new(Ipv4Addr::new(192, 168, third, 0), 20));
    sixteens.chain(twenties)
}

/// The subnets of a size that a range is cut into.
fn subnets(base: Ipv4Net, size: u8) -> impl Iterator<Item = Ipv4Net> {
    let count = 1u64 << size.saturating_sub(base.prefix_len()).min(31);
    let step = 1u64 << (32 - size.min(32));
    let first = u64::from(base.network().address().to_bits());
    (0..count).filter_map(move |index| {
        let address = u32::try_from(first + index * step).ok()?;
        Ipv4Net::new(Ipv4Addr::from_bits(address), size)
    })
}

/// The bridge's address in the first pool that overlaps none of `used`.
pub(crate) fn choose_pool(pools: &[(Ipv4Net, u8)], used: &[Ipv4Net]) -> Result<Ipv4Net, NetworkError> {
    let own = pools.iter().flat_map(|(base, size)| subnets(*base, *size));
    let dockers = default_pools().take(if pools.is_empty() { usize::MAX } else { 0 });
    own.chain(dockers)
        .find(|pool| !used.iter().any(|other| other.overlaps(*pool)))
        .and_then(|pool| {
            Ipv4Net::new(
                Ipv4Addr::from_bits(pool.address().to_bits() + 1),
                pool.prefix_len(),
            )
        })
        .ok_or(NetworkError::NoPool)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(gateway: &str) -> AddressPool {
        AddressPool::new(gateway.parse().unwrap(), None)
    }

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    #[test]
    fn lowest_free_comes_first() {
        let mut pool = pool("172.17.0.1/16");
        for last in 2..=200 {
            assert_eq!(pool.take(None).unwrap(), Ipv4Addr::new(172, 17, 0, last));
        }
        pool.free(ip("172.17.0.130"));
        pool.free(ip("172.17.0.7"));
        assert_eq!(pool.take(None).unwrap(), ip("172.17.0.7"));
        assert_eq!(pool.take(None).unwrap(), ip("172.17.0.130"));
        assert_eq!(pool.take(None).unwrap(), ip("172.17.0.201"));
    }

    #[test]
    fn a_gateway_in_the_middle_is_skipped() {
        let mut pool = pool("10.0.0.2/29");
        let given: Vec<_> = std::iter::from_fn(|| pool.take(None).ok())
            .map(|a| a.octets()[3])
            .collect();
        assert_eq!(given, [1, 3, 4, 5, 6]);
        let error = pool.take(None).unwrap_err().to_string();
        assert_eq!(
            error,
            "no available IPv4 addresses on this network's address pools: bridge (10.0.0.0/29)"
        );
        pool.free(ip("10.0.0.4"));
        assert_eq!(pool.take(None).unwrap(), ip("10.0.0.4"));
    }

    #[test]
    fn wanted_addresses_are_checked() {
        let mut pool = pool("10.1.0.1/16");
        assert_eq!(pool.take(Some(ip("10.1.9.9"))).unwrap(), ip("10.1.9.9"));
        for taken in ["10.1.9.9", "10.1.0.1"] {
            assert!(
                matches!(pool.take(Some(ip(taken))), Err(NetworkError::AddressInUse(_))),
                "{taken}"
            );
        }
        for outside in ["10.2.0.1", "10.1.0.0", "10.1.255.255"] {
            assert!(
                matches!(
                    pool.take(Some(ip(outside))),
                    Err(NetworkError::AddressOutOfRange(_))
                ),
                "{outside}"
            );
        }
        pool.free(ip("10.1.9.9"));
        pool.free(ip("10.99.0.1"));
        assert!(pool.take(Some(ip("10.1.9.9"))).is_ok());
    }

    #[test]
    fn tiny_subnets_have_no_room() {
        assert!(!pool("10.0.0.1/32").has_room());
        assert!(!pool("10.0.0.1/31").has_room());
        assert!(pool("10.0.0.1/30").has_room());
    }

    #[test]
    fn a_range_bounds_what_is_given_out() {
        let mut pool = AddressPool::new(
            "10.9.0.1/16".parse().unwrap(),
            Some("10.9.3.64/30".parse().unwrap()),
        );
        let given: Vec<_> = std::iter::from_fn(|| pool.take(None).ok()).collect();
        assert_eq!(
            given,
            [ip("10.9.3.64"), ip("10.9.3.65"), ip("10.9.3.66"), ip("10.9.3.67")]
        );
        assert!(
            pool.take(Some(ip("10.9.8.8"))).is_ok(),
            "asked for, all of the subnet will do"
        );
        pool.free(ip("10.9.3.66"));
        pool.free(ip("10.9.0.9"));
        assert_eq!(pool.take(None).unwrap(), ip("10.9.3.66"));
    }

    #[test]
    fn own_pools_are_cut_into_subnets() {
        let pools = [("10.10.0.0/22".parse().unwrap(), 24)];
        assert_eq!(choose_pool(&pools, &[]).unwrap().to_string(), "10.10.0.1/24");
        let used = ["10.10.0.0/23".parse().unwrap()];
        assert_eq!(choose_pool(&pools, &used).unwrap().to_string(), "10.10.2.1/24");
        assert!(choose_pool(&pools, &["10.0.0.0/8".parse().unwrap()]).is_err());
    }

    #[test]
    fn pools_are_dockers_and_avoid_routes() {
        let all: Vec<_> = default_pools().collect();
        assert_eq!(all.len(), 15 + 16);
        assert_eq!(all[15].to_string(), "192.168.0.0/20");
        assert_eq!(all[30].to_string(), "192.168.240.0/20");
        assert_eq!(choose_pool(&[], &[]).unwrap().to_string(), "172.17.0.1/16");
        let used = ["172.16.0.0/14".parse().unwrap(), "172.20.3.0/24".parse().unwrap()];
        assert_eq!(choose_pool(&[], &used).unwrap().to_string(), "172.21.0.1/16");
        let used = [
            "172.16.0.0/12".parse().unwrap(),
            "192.168.0.0/19".parse().unwrap(),
        ];
        assert_eq!(choose_pool(&[], &used).unwrap().to_string(), "192.168.32.1/20");
        assert!(
            choose_pool(
                &[],
                &["0.0.0.0/1".parse().unwrap(), "128.0.0.0/1".parse().unwrap()]
            )
            .is_err()
        );
    }
}
