//! Subnets: as asked for, and as settled.

use crate::NetworkError;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

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
        if let Some(range) = self.range {
            if range.addr().is_ipv6() != subnet.addr().is_ipv6() {
                complain(format_args!(
                    "invalid ip-range {range}: parent subnet is an IPv{version} block"
                ));
            } else if range != range.trunc() {
                complain(format_args!(
                    "invalid ip-range {range}: it should be {}",
                    range.trunc()
                ));
            } else if range.prefix_len() < subnet.prefix_len() {
                complain(format_args!(
                    "invalid ip-range {range}: CIDR block is bigger than its parent subnet {subnet}"
                ));
            } else if !subnet.contains(&range) {
                complain(format_args!(
                    "invalid ip-range {range}: parent subnet {subnet} doesn't contain ip-range"
                ));
            }
        }
        let gateway = self.gateway.iter().map(|address| ("gateway", *address));
        let auxiliary = self
            .auxiliary
            .values()
            .map(|address| ("auxiliary address", *address));
        for (what, address) in gateway.chain(auxiliary) {
            if address.is_ipv6() != subnet.addr().is_ipv6() {
                complain(format_args!(
                    "invalid {what} {address}: parent subnet is an IPv{version} block"
                ));
            } else if !subnet.contains(&address) {
                complain(format_args!(
                    "invalid {what} {address}: parent subnet {subnet} doesn't contain this address"
                ));
            }
        }
        if !wrong.is_empty() {
            return Err(NetworkError::InvalidPool(wrong));
        }
        if let Some(gateway) = self.gateway
            && self.auxiliary.values().any(|address| *address == gateway)
        {
            return Err(NetworkError::AddressInUse(gateway));
        }
        Ok(Pool {
            subnet,
            range: self.range,
            gateway: self.gateway,
            auxiliary: self.auxiliary.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
             invalid auxiliary address 10.2.0.1: parent subnet 10.1.2.0/16 doesn't contain this address"
        );
        assert_eq!(error.kind().http_status(), 400);
    }
}
