//! Which subnets a network gets.

use super::AddressPool;
use crate::{NetworkError, Pool, PoolRequest};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The ranges that subnets are cut from where nobody named one, each with the length of the subnets' prefixes.
#[derive(Debug, Clone)]
pub(crate) struct Pools {
    ranges: Vec<(IpNet, u8)>,
}

impl Pools {
    /// The operator's ranges; Docker's for a family they leave out, which for IPv6 is `unique_local`.
    pub(crate) fn new(own: &[(IpNet, u8)], unique_local: Ipv6Net) -> Self {
        let mut ranges = own.to_vec();
        if !own.iter().any(|(range, _)| range.addr().is_ipv4()) {
            ranges.extend(dockers());
        }
        if !own.iter().any(|(range, _)| range.addr().is_ipv6()) {
            ranges.push((unique_local.into(), 64));
        }
        Self { ranges }
    }

    /// The first subnet of a family that overlaps none of `used`.
    pub(crate) fn first_free(&self, ipv6: bool, used: &[IpNet]) -> Result<IpNet, NetworkError> {
        let ranges = self
            .ranges
            .iter()
            .filter(|(range, _)| range.addr().is_ipv6() == ipv6);
        ranges
            .flat_map(|(range, size)| subnets(*range, *size))
            .find(|subnet| !used.iter().any(|other| overlap(*subnet, *other)))
            .ok_or(NetworkError::NoPool)
    }

    /// What a network of these families gets: the subnets asked for, one from the ranges for a family without, and
    /// gateways where `with_gateways` and none was named. `networks` are the subnets of other networks, `routes` where
    /// the host's routes lead: the latter are avoided, but who names a subnet gets it.
    pub(crate) fn choose(
        &self,
        families: (bool, bool),
        wanted: &[PoolRequest],
        with_gateways: bool,
        networks: &[IpNet],
        routes: &[IpNet],
    ) -> Result<Vec<Pool>, NetworkError> {
        let mut chosen: Vec<Pool> = Vec::new();
        for request in wanted {
            let Some(subnet) = request.subnet else { continue };
            let pool = request.check(subnet)?;
            let present = networks
                .iter()
                .copied()
                .chain(chosen.iter().map(|pool| pool.subnet));
            if present.into_iter().any(|other| overlap(other, pool.subnet)) {
                return Err(NetworkError::PoolOverlap);
            }
            chosen.push(pool);
        }
        for (wants, ipv6) in [(families.0, false), (families.1, true)] {
            let has = chosen.iter().any(|pool| pool.subnet.addr().is_ipv6() == ipv6);
            if !wants || has {
                continue;
            }
            let mut used: Vec<IpNet> = networks.iter().chain(routes).copied().collect();
            used.extend(chosen.iter().map(|pool| pool.subnet));
            let subnet = self.first_free(ipv6, &used)?;
            // What was said without a subnet is about the family's only one.
            let request = wanted
                .iter()
                .find(|request| request.subnet.is_none() && request.is_ipv6() == ipv6);
            chosen.push(match request {
                Some(request) => request.check(subnet)?,
                None => Pool::of(subnet),
            });
        }
        chosen.retain(|pool| {
            if pool.subnet.addr().is_ipv6() {
                families.1
            } else {
                families.0
            }
        });
        if with_gateways {
            chosen.iter_mut().try_for_each(add_gateway)?;
        }
        Ok(chosen)
    }
}

/// Docker's subnets for IPv4, in its order: 172.17 … 172.31, then 192.168 in sixteenths.
fn dockers() -> impl Iterator<Item = (IpNet, u8)> {
    let sixteens = (17..=31).map(|second| (Ipv4Addr::new(172, second, 0, 0), 16, 16));
    sixteens
        .chain([(Ipv4Addr::new(192, 168, 0, 0), 16, 20)])
        .filter_map(|(base, length, size)| Some((Ipv4Net::new(base, length).ok()?.into(), size)))
}

/// A `/48` of the unique local addresses (RFC 4193), always the same for the same seed.
pub(crate) fn unique_local(seed: &str) -> Ipv6Net {
    // FNV-1a, then the splitmix64 finalizer: forty well spread bits, the same on every machine and in every version.
    let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let id = crate::mac::mix(hash) >> 24;
    let bits = (0xfd_u128 << 120) | (u128::from(id) << 80);
    Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), 48)
}

/// Whether the two share an address.
pub(crate) fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

/// The subnets of a size that a range is cut into; of those of a large IPv6 range, the first 2³².
fn subnets(range: IpNet, size: u8) -> impl Iterator<Item = IpNet> {
    let count = 1_u128 << size.saturating_sub(range.prefix_len()).min(32);
    let spare = range.max_prefix_len().saturating_sub(size);
    (0..count).map_while(move |index| {
        let step = index.checked_shl(spare.into())?;
        let address: IpAddr = match range.network() {
            IpAddr::V4(base) => {
                let number = u128::from(base.to_bits()).checked_add(step)?;
                Ipv4Addr::from_bits(u32::try_from(number).ok()?).into()
            }
            IpAddr::V6(base) => Ipv6Addr::from_bits(base.to_bits().checked_add(step)?).into(),
        };
        IpNet::new(address, size).ok()
    })
}

/// The gateway is the lowest address containers could be given, and none of the auxiliary ones.
fn add_gateway(pool: &mut Pool) -> Result<(), NetworkError> {
    if pool.gateway.is_some() {
        return Ok(());
    }
    let gateway = AddressPool::new(pool.subnet, pool.range).take_any();
    let gateway = gateway.ok_or(NetworkError::NoRoomForGateway)?;
    match pool.auxiliary.iter().find(|(_, address)| **address == gateway) {
        Some((name, _)) => Err(NetworkError::AuxiliaryInUse(name.clone(), gateway)),
        None => {
            pool.gateway = Some(gateway);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn pools(own: &[(&str, u8)]) -> Pools {
        let own: Vec<_> = own
            .iter()
            .map(|(range, size)| (range.parse().unwrap(), *size))
            .collect();
        Pools::new(&own, unique_local("daemon"))
    }

    fn wish(subnet: &str) -> PoolRequest {
        PoolRequest {
            subnet: Some(subnet.parse().unwrap()),
            ..PoolRequest::default()
        }
    }

    fn v4(pools: &Pools, used: &[&str]) -> Result<String, String> {
        pools
            .first_free(false, &nets(used))
            .map(|net| net.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn own_pools_are_cut_into_subnets() {
        let pools = pools(&[("10.10.0.0/22", 24)]);
        assert_eq!(v4(&pools, &[]), Ok("10.10.0.0/24".into()));
        assert_eq!(v4(&pools, &["10.10.0.0/23"]), Ok("10.10.2.0/24".into()));
        let error = "all predefined address pools have been fully subnetted";
        assert_eq!(v4(&pools, &["10.0.0.0/8"]), Err(error.into()));
        // A family they leave out is Docker's.
        assert!(pools.first_free(true, &[]).unwrap().to_string().starts_with("fd"));
    }

    #[test]
    fn pools_are_dockers_and_avoid_routes() {
        let all: Vec<_> = dockers().flat_map(|(range, size)| subnets(range, size)).collect();
        assert_eq!(all.len(), 15 + 16);
        assert_eq!(all[15].to_string(), "192.168.0.0/20");
        assert_eq!(all[30].to_string(), "192.168.240.0/20");
        let pools = pools(&[]);
        assert_eq!(v4(&pools, &[]), Ok("172.17.0.0/16".into()));
        assert_eq!(
            v4(&pools, &["172.16.0.0/14", "172.20.3.0/24"]),
            Ok("172.21.0.0/16".into())
        );
        assert_eq!(
            v4(&pools, &["172.16.0.0/12", "192.168.0.0/19"]),
            Ok("192.168.32.0/20".into())
        );
        assert!(v4(&pools, &["0.0.0.0/1", "128.0.0.0/1"]).is_err());
    }

    #[test]
    fn unique_local_prefixes_are_stable_and_differ() {
        let one = unique_local("a");
        assert_eq!(one, unique_local("a"));
        assert_ne!(one, unique_local("b"));
        assert_eq!((one.prefix_len(), one.network().octets()[0]), (48, 0xfd));
        let pools = pools(&[]);
        let first = pools.first_free(true, &[]).unwrap();
        let second = pools.first_free(true, &[first]).unwrap();
        assert_eq!((first.prefix_len(), second.prefix_len()), (64, 64));
        assert!(!overlap(first, second));
    }

    #[test]
    fn each_family_gets_what_it_lacks() {
        let pools = pools(&[]);
        let chosen = pools
            .choose(
                (true, true),
                &[wish("fd00:7::/64")],
                true,
                &nets(&["172.17.0.0/16"]),
                &nets(&["172.18.4.0/24"]),
            )
            .unwrap();
        let shown: Vec<_> = chosen
            .iter()
            .map(|pool| format!("{} {}", pool.subnet, pool.gateway.unwrap()))
            .collect();
        assert_eq!(shown, ["fd00:7::/64 fd00:7::1", "172.19.0.0/16 172.19.0.1"]);
        let only6 = pools.choose((false, true), &[], false, &[], &[]).unwrap();
        assert!(only6.len() == 1 && only6[0].subnet.addr().is_ipv6() && only6[0].gateway.is_none());
    }

    #[test]
    fn wishes_are_checked() {
        let pools = pools(&[]);
        let choose = |wanted: &[PoolRequest], networks: &[&str]| {
            pools
                .choose(
                    (true, false),
                    wanted,
                    true,
                    &nets(networks),
                    &nets(&["10.0.0.0/8"]),
                )
                .map_err(|error| error.to_string())
        };
        // The host's routes do not stand in the way of who names a subnet.
        assert!(choose(&[wish("10.1.0.0/16")], &[]).is_ok());
        let overlap = "invalid pool request: Pool overlaps with other one on this address space";
        assert_eq!(
            choose(&[wish("10.1.0.0/16")], &["10.1.2.0/24"]).unwrap_err(),
            overlap
        );
        assert_eq!(
            choose(&[wish("10.1.0.0/16"), wish("10.1.2.0/24")], &[]).unwrap_err(),
            overlap
        );
        let with_router = |address: &str| {
            let request = PoolRequest {
                range: Some("10.1.5.0/24".parse().unwrap()),
                auxiliary: [("router".to_owned(), address.parse().unwrap())].into(),
                ..wish("10.1.0.0/16")
            };
            choose(&[request], &[])
        };
        let chosen = with_router("10.1.5.1").unwrap();
        assert_eq!(chosen[0].gateway.unwrap().to_string(), "10.1.5.0");
        assert_eq!(
            with_router("10.1.5.0").unwrap_err(),
            "failed to allocate secondary ip address (router:10.1.5.0): Address already in use"
        );
        let no_room = PoolRequest {
            range: Some("10.1.0.0/32".parse().unwrap()),
            ..wish("10.1.0.0/16")
        };
        assert_eq!(
            choose(&[no_room], &[]).unwrap_err(),
            "failed to allocate gateway (): no available addresses on this pool"
        );
    }
}
