//! An IPv4 address with a prefix length, and the questions asked of subnets.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An address and the length of its network's prefix, such as `172.17.0.1/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ipv4Net {
    address: Ipv4Addr,
    prefix_len: u8,
}

/// Text that is no `A.B.C.D/N`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid CIDR address: {0}")]
pub struct InvalidIpv4Net(String);

impl Ipv4Net {
    /// Nothing if the prefix is longer than 32 bits.
    pub const fn new(address: Ipv4Addr, prefix_len: u8) -> Option<Self> {
        if prefix_len <= 32 {
            Some(Self { address, prefix_len })
        } else {
            None
        }
    }

    /// The address as given, host bits included.
    pub const fn address(self) -> Ipv4Addr {
        self.address
    }

    /// Number of bits, counted from the left, that name the network.
    pub const fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// The bits that name the network, as a mask.
    pub const fn mask(self) -> u32 {
        (u32::MAX as u64).wrapping_shl(32 - self.prefix_len as u32) as u32
    }

    /// The subnet itself: the same with all host bits zero.
    pub const fn network(self) -> Self {
        Self {
            address: Ipv4Addr::from_bits(self.address.to_bits() & self.mask()),
            prefix_len: self.prefix_len,
        }
    }

    /// The subnet's last address.
    pub const fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !self.mask())
    }

    /// Whether the address belongs to this subnet.
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & self.mask() == 0
    }

    /// Whether the two subnets share an address.
    pub const fn overlaps(self, other: Self) -> bool {
        self.contains(other.network().address) || other.contains(self.network().address)
    }
}

impl fmt::Display for Ipv4Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

impl FromStr for Ipv4Net {
    type Err = InvalidIpv4Net;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (address, length) = text.split_once('/')?;
            Self::new(address.parse().ok()?, length.parse().ok()?)
        };
        parse().ok_or_else(|| InvalidIpv4Net(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn a_subnet_knows_its_ends() {
        let bip = net("172.17.0.1/16");
        assert_eq!(bip.network(), net("172.17.0.0/16"));
        assert_eq!(bip.broadcast(), Ipv4Addr::new(172, 17, 255, 255));
        assert_eq!(net("0.0.0.0/0").mask(), 0);
        assert_eq!(net("1.2.3.4/32").network(), net("1.2.3.4/32"));
        assert!(bip.contains(Ipv4Addr::new(172, 17, 9, 9)) && !bip.contains(Ipv4Addr::new(172, 18, 0, 1)));
    }

    #[test]
    fn overlap_is_mutual() {
        for (a, b, expected) in [
            ("172.17.0.0/16", "172.17.4.0/24", true),
            ("172.17.0.0/16", "172.18.0.0/16", false),
            ("10.0.0.0/8", "10.255.255.255/32", true),
        ] {
            assert_eq!(net(a).overlaps(net(b)), expected);
            assert_eq!(net(b).overlaps(net(a)), expected);
        }
    }

    #[test]
    fn bad_text_is_refused() {
        for text in ["", "1.2.3.4", "1.2.3.4/33", "1.2.3/8", "a/8"] {
            let error = text.parse::<Ipv4Net>().unwrap_err().to_string();
            assert_eq!(error, format!("invalid CIDR address: {text}"));
        }
    }
}
