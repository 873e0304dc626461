//! Ethernet hardware addresses.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A 48-bit hardware address, written `02:42:ac:11:00:02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddr([u8; 6]);

/// Text that is no hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid MAC address: {0}")]
pub struct InvalidMacAddr(String);

impl MacAddr {
    /// The address of these octets.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// Its six octets.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// A locally administered unicast address made of these random octets.
    pub(crate) const fn local(mut octets: [u8; 6]) -> Self {
        octets[0] = (octets[0] & 0xfc) | 0x02;
        Self(octets)
    }

    /// The locally administered address that `ip` has on the bridge whose own address is `self`.
    ///
    /// It looks random and differs from host to host, but an IP address that is given out again keeps it: no
    /// neighbour's ARP cache ever holds a wrong entry, and nothing need be announced on the wire.
    pub(crate) fn for_address(self, ip: IpAddr) -> Self {
        let mut octets = [0; 8];
        octets[..6].copy_from_slice(&self.0);
        // Rounds of the splitmix64 finalizer, a bijection that spreads every bit over all others.
        let mut x = mix(u64::from_be_bytes(octets));
        x ^= match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => mix((ip.to_bits() >> 64) as u64) ^ ip.to_bits() as u64,
        };
        x = mix(x.wrapping_add(0x9e37_79b9_7f4a_7c15));
        octets = x.to_be_bytes();
        Self::local([octets[0], octets[1], octets[2], octets[3], octets[4], octets[5]])
    }
}

/// Spreads every bit of a number over all others (the splitmix64 finalizer).
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddr {
    type Err = InvalidMacAddr;

    /// Reads the three ways Go knows: `02:42:ac:11:00:02`, `02-42-ac-11-00-02` and `0242.ac11.0002`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidMacAddr(text.to_owned());
        let digits = |part: &str, count: usize| {
            (part.len() == count && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .then(|| u16::from_str_radix(part, 16).ok())
                .flatten()
        };
        let octets: Option<Vec<u8>> = match text.as_bytes().get(2) {
            Some(mark @ (b':' | b'-')) => text
                .split(char::from(*mark))
                .map(|part| u8::try_from(digits(part, 2)?).ok())
                .collect(),
            _ => {
                let pairs: Option<Vec<[u8; 2]>> = text
                    .split('.')
                    .map(|part| Some(digits(part, 4)?.to_be_bytes()))
                    .collect();
                pairs.map(|pairs| pairs.concat())
            }
        };
        let octets = octets.and_then(|octets| octets.try_into().ok());
        octets.map(Self).ok_or_else(invalid)
    }
}

impl TryFrom<String> for MacAddr {
    type Error = InvalidMacAddr;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn text_and_back() {
        let mac: MacAddr = "02:42:ac:11:00:02".parse().unwrap();
        assert_eq!(mac.to_string(), "02:42:ac:11:00:02");
        assert_eq!("02-42-AC-11-00-02".parse(), Ok(mac));
        assert_eq!("0242.ac11.0002".parse(), Ok(mac));
        for text in [
            "",
            "02:42:ac:11:00",
            "02:42:ac:11:00:02:03",
            "2:42:ac:11:00:02",
            "+2:42:ac:11:00:02x",
            "02:42-ac:11:00:02",
            "+2:42:ac:11:00:02",
            "0242.ac11",
            "0242.ac11.0002.0003",
            "242.ac11.00002",
            "0242:ac11:0002",
        ] {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn derived_addresses_are_local_stable_and_distinct() {
        let bridge = MacAddr::local([0xff; 6]);
        let of = |last| bridge.for_address(Ipv4Addr::new(172, 17, 0, last).into());
        assert_eq!(of(2), of(2));
        let mut all: Vec<_> = (0..=255).map(|last| of(last).octets()).collect();
        assert!(all.iter().all(|octets| octets[0] & 3 == 2));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 256);
        assert_ne!(
            of(2),
            MacAddr::local([1; 6]).for_address(Ipv4Addr::new(172, 17, 0, 2).into())
        );
    }
}
