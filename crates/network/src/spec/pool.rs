//! Subnets: as asked for, and as settled.

use crate::NetworkError;
use crate::error::Version;
use crate::ipam::{AddressPool, overlap};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The subnet, host bits zero.
    pub subnet: IpNet,
    /// The part of it that addresses are taken from where none is asked for; `None` for all of it.
    #[serde(default)]
    pub range: Option<IpNet>,
    /// Where containers' default routes point.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// Addresses that containers are never given, by what their owner calls them.
    #[serde(default)]
    pub auxiliary: BTreeMap<String, IpAddr>,
}

impl Pool {
    /// All of a subnet.
    pub fn of(subnet: IpNet) -> Self {
        Self {
            subnet: subnet.trunc(),
            range: None,
            gateway: None,
            auxiliary: BTreeMap::new(),
        }
    }

    /// Whether it is one of IPv6 addresses.
    pub fn is_ipv6(&self) -> bool {
        self.subnet.addr().is_ipv6()
    }
}

/// A subnet asked for.
#[derive(Debug, Clone, Default)]
pub struct PoolRequest {
    /// The subnet; `None` for one of the default ranges'.
    pub subnet: Option<IpNet>,
    /// The part of it that addresses are taken from.
    pub range: Option<IpNet>,
    /// Where containers' default routes are to point; the lowest address if not given.
    pub gateway: Option<IpAddr>,
    /// Addresses that containers are not to be given.
    pub auxiliary: BTreeMap<String, IpAddr>,
}

impl PoolRequest {
    /// Whether it is about IPv6 addresses; IPv4 when it does not say.
    pub(crate) fn is_ipv6(&self) -> bool {
        let first = self.subnet.map(|subnet| subnet.addr());
        first
            .or(self.range.map(|range| range.addr()))
            .or(self.gateway)
            .or(self.auxiliary.values().next().copied())
            .is_some_and(|address| address.is_ipv6())
    }

    /// The request as a pool with this subnet, if all fits together.
    ///
    /// # Errors
    /// Everything that does not, a line each.
    pub(crate) fn check(&self, subnet: IpNet) -> Result<Pool, NetworkError> {
        let version = if subnet.addr().is_ipv6() { 6 } else { 4 };
        let mut wrong = String::new();
        let mut complain = |what: std::fmt::Arguments<'_>| {
            let _ = write!(wrong, "{}{what}", if wrong.is_empty() { "" } else { "\n" });
        };
        if subnet != subnet.trunc() {
            complain(format_args!(
                "invalid subnet {subnet}: it should be {}",
                subnet.trunc()
            ));
        }
        if let Some(why) = senseless(subnet) {
            complain(format_args!("invalid subnet {subnet}: {why}"));
        }
        if let Some(range) = self.range {
            if range.addr().is_ipv6() != subnet.addr().is_ipv6() {
                complain(format_args!(
                    "invalid ip-range {range}: parent subnet is an IPv{version} block"
                ));
            } else {
                if range != range.trunc() {
                    complain(format_args!(
                        "invalid ip-range {range}: it should be {}",
                        range.trunc()
                    ));
                }
                if range.prefix_len() < subnet.prefix_len() {
                    complain(format_args!(
                        "invalid ip-range {range}: CIDR block is bigger than its parent subnet {subnet}"
                    ));
                } else if !subnet.contains(&range) {
                    complain(format_args!(
                        "invalid ip-range {range}: parent subnet {subnet} doesn't contain ip-range"
                    ));
                }
            }
        }
        // Docker calls the gateway by its address and the others by their names.
        let gateway = self
            .gateway
            .map(|address| (format!("gateway {address}"), address));
        let auxiliary = self
            .auxiliary
            .iter()
            .map(|(name, address)| (format!("auxiliary address {name}"), *address));
        for (what, address) in gateway.into_iter().chain(auxiliary) {
            if address.is_ipv6() != subnet.addr().is_ipv6() {
                complain(format_args!(
                    "invalid {what}: parent subnet is an IPv{version} block"
                ));
            } else if !subnet.contains(&address) {
                complain(format_args!(
                    "invalid {what}: parent subnet {subnet} doesn't contain this address"
                ));
            }
        }
        if !wrong.is_empty() {
            return Err(NetworkError::InvalidPool(wrong));
        }
        if subnet.prefix_len() == 0 {
            return Err(NetworkError::EmptyPool(Version::of(subnet.addr())));
        }
        let mut addresses = AddressPool::new(subnet, self.range);
        if let Some(gateway) = self.gateway
            && addresses.take(gateway).is_err()
        {
            return Err(NetworkError::GatewayInUse(gateway));
        }
        for (name, address) in &self.auxiliary {
            if addresses.take(*address).is_err() {
                return Err(NetworkError::AuxiliaryInUse(name.clone(), *address));
            }
        }
        Ok(Pool {
            subnet,
            range: self.range,
            gateway: self.gateway,
            auxiliary: self.auxiliary.clone(),
        })
    }
}

/// Why no container could ever talk under the addresses of this subnet.
fn senseless(subnet: IpNet) -> Option<&'static str> {
    let shares = |other: IpNet| subnet.prefix_len() > 0 && overlap(subnet, other);
    let [loopback4, multicast4] = [
        Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
        Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4).into(),
    ];
    let [loopback6, multicast6] = [
        Ipv6Net::from(Ipv6Addr::LOCALHOST).into(),
        Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8).into(),
    ];
    if shares(loopback4) || shares(loopback6) {
        Some("it has addresses of the loopback")
    } else if shares(multicast4) || shares(multicast6) {
        Some("it has multicast addresses")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_that_can_never_work_are_refused() {
        let error = |request: PoolRequest, subnet: &str| {
            let error = request.check(subnet.parse().unwrap()).unwrap_err();
            (error.to_string(), error.kind().http_status())
        };
        for (subnet, why) in [
            ("127.0.0.0/8", "it has addresses of the loopback"),
            ("127.77.0.0/16", "it has addresses of the loopback"),
            ("126.0.0.0/7", "it has addresses of the loopback"),
            ("::/64", "it has addresses of the loopback"),
            ("224.0.0.0/4", "it has multicast addresses"),
            ("239.1.0.0/16", "it has multicast addresses"),
            ("ff02::/64", "it has multicast addresses"),
        ] {
            assert_eq!(
                error(PoolRequest::default(), subnet),
                (
                    format!("invalid network config:\ninvalid subnet {subnet}: {why}"),
                    400
                )
            );
        }
        assert_eq!(
            error(PoolRequest::default(), "0.0.0.0/0"),
            ("ipv4 pool is empty".to_owned(), 400)
        );
        for gateway in ["10.1.0.0", "10.1.0.255"] {
            let request = PoolRequest {
                gateway: Some(gateway.parse().unwrap()),
                ..PoolRequest::default()
            };
            let sentence = format!("failed to allocate gateway ({gateway}): Address already in use");
            assert_eq!(error(request, "10.1.0.0/24"), (sentence, 500));
        }
        let twice = PoolRequest {
            auxiliary: ["a", "b"]
                .map(|name| (name.to_owned(), "10.1.0.5".parse().unwrap()))
                .into(),
            ..PoolRequest::default()
        };
        assert_eq!(
            error(twice, "10.1.0.0/24"),
            (
                "failed to allocate secondary ip address (b:10.1.0.5): Address already in use".to_owned(),
                500
            )
        );
    }

    #[test]
    fn everything_wrong_is_said() {
        let request = PoolRequest {
            subnet: None,
            range: Some("10.0.0.0/8".parse().unwrap()),
            gateway: Some("fd00::1".parse().unwrap()),
            auxiliary: [("a".to_owned(), "10.2.0.1".parse().unwrap())].into(),
        };
        let error = request.check("10.1.2.0/16".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid network config:\n\
             invalid subnet 10.1.2.0/16: it should be 10.1.0.0/16\n\
             invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.1.2.0/16\n\
             invalid gateway fd00::1: parent subnet is an IPv4 block\n\
             invalid auxiliary address a: parent subnet 10.1.2.0/16 doesn't contain this address"
        );
        assert_eq!(error.kind().http_status(), 400);
        let request = PoolRequest {
            range: Some("192.168.0.1/24".parse().unwrap()),
            ..PoolRequest::default()
        };
        let error = request.check("10.0.0.0/8".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid network config:\n\
             invalid ip-range 192.168.0.1/24: it should be 192.168.0.0/24\n\
             invalid ip-range 192.168.0.1/24: parent subnet 10.0.0.0/8 doesn't contain ip-range"
        );
    }
}
