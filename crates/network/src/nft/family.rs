//! The two families of addresses. A daemon has a table for each, under one name.

use std::net::IpAddr;

/// A version of the internet protocol, as nf_tables sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Which families are filtered and translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirewallFamilies {
    /// IPv4 (`--iptables`).
    pub(crate) ipv4: bool,
    /// IPv6 (`--ip6tables`).
    pub(crate) ipv6: bool,
}

impl FirewallFamilies {
    /// Whether there is a table for this one.
    pub(crate) fn has(self, family: Family) -> bool {
        match family {
            Family::V4 => self.ipv4,
            Family::V6 => self.ipv6,
        }
    }

    /// Those there is a table for.
    pub(crate) fn iter(self) -> impl Iterator<Item = Family> {
        [Family::V4, Family::V6]
            .into_iter()
            .filter(move |family| self.has(*family))
    }

    /// Whether there is any.
    pub(crate) fn any(self) -> bool {
        self.ipv4 || self.ipv6
    }
}

impl Family {
    /// Of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv6() { Self::V6 } else { Self::V4 }
    }

    /// The kernel's number (`NFPROTO_*`).
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::V4 => libc::NFPROTO_IPV4 as u8,
            Self::V6 => libc::NFPROTO_IPV6 as u8,
        }
    }

    /// Where in the IP header the source is.
    pub(super) fn source(self) -> u32 {
        match self {
            Self::V4 => 12,
            Self::V6 => 8,
        }
    }

    /// Where in the IP header the destination is.
    pub(super) fn destination(self) -> u32 {
        match self {
            Self::V4 => 16,
            Self::V6 => 24,
        }
    }

    /// Bytes of an address.
    pub(super) fn length(self) -> u32 {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// Number of its control protocol.
    pub(super) fn control(self) -> u8 {
        match self {
            Self::V4 => libc::IPPROTO_ICMP as u8,
            Self::V6 => libc::IPPROTO_ICMPV6 as u8,
        }
    }
}
