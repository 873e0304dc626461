//! The sets and maps of a table: all that differs from network to network and from port to port.

use super::family::Family;

/// Numbers by which the nft program shows keys; the kernel does not look at them.
const IPV4: u32 = 7;
const IPV6: u32 = 8;
const PROTOCOL: u32 = 12;
const SERVICE: u32 = 13;
const INTERFACE: u32 = 41;
const TYPE_BITS: u32 = 6;

/// Length of an interface's name.
const NAME: u32 = libc::IFNAMSIZ as u32;

/// How long a flow the host has let in is remembered, in milliseconds: long enough for a client that tries again.
const ADMITTED_FOR: u64 = 4_000;
/// How many such flows are remembered at a time.
const ADMITTED_AT_MOST: u32 = 65_536;

/// A set or map of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Set {
    /// Published on one address of the machine: address, protocol, port → container's address, port.
    PublishedAt,
    /// Published on all addresses of the machine: protocol, port → container's address, port.
    Published,
    /// Flows that the host's own filter has just let in: source, port, destination, port, protocol. The kernel adds to it.
    Admitted,
    /// All bridges.
    Bridges,
    /// Bridges without a way out.
    Internal,
    /// Each bridge whose containers may talk to each other, twice: packets that come in and leave by it.
    Talking,
    /// An interface of the host and a bridge whose containers' own addresses may be reached from there.
    Trusted,
    /// Subnets that reach the outside under the address of the interface they leave by.
    Masqueraded,
    /// Subnets that reach the outside under an address of their own, and that address.
    Sources,
    /// Subnet and bridge of each network.
    Own,
    /// Ports of containers open without translation: address, protocol, port.
    Open,
    /// Bridges whose containers' addresses are open to all.
    Direct,
    /// Bridges whose containers answer the outside's pings.
    Routed,
}

/// How a set's keys lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Each for itself.
    Single,
    /// Intervals: an element begins one, another ends it.
    Intervals,
    /// Joined keys of which parts are ranges: an element has the first and the last.
    Ranges,
    /// Each for itself and for a time, added by the kernel.
    Passing,
}

/// What the kernel is told of a set.
pub(super) struct Shape {
    /// Its name.
    pub(super) name: &'static str,
    /// Types of a key's parts, first one first.
    pub(super) key: Vec<u32>,
    /// Types of the parts of what a map maps to; none for a set.
    pub(super) data: Vec<u32>,
    /// How its keys lie.
    pub(super) keys: Keys,
}

impl Set {
    /// All of them.
    pub(super) const ALL: [Self; 13] = [
        Self::PublishedAt,
        Self::Published,
        Self::Admitted,
        Self::Bridges,
        Self::Internal,
        Self::Talking,
        Self::Trusted,
        Self::Masqueraded,
        Self::Sources,
        Self::Own,
        Self::Open,
        Self::Direct,
        Self::Routed,
    ];

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PublishedAt => "published_at",
            Self::Published => "published",
            Self::Admitted => "admitted",
            Self::Bridges => "bridges",
            Self::Internal => "internal",
            Self::Talking => "talking",
            Self::Trusted => "trusted",
            Self::Masqueraded => "masqueraded",
            Self::Sources => "sources",
            Self::Own => "own",
            Self::Open => "open",
            Self::Direct => "direct",
            Self::Routed => "routed",
        }
    }

    /// What the kernel is told of it.
    pub(super) fn shape(self, family: Family) -> Shape {
        let address = match family {
            Family::V4 => IPV4,
            Family::V6 => IPV6,
        };
        let (key, data): (Vec<u32>, Vec<u32>) = match self {
            Self::PublishedAt => (vec![address, PROTOCOL, SERVICE], vec![address, SERVICE]),
            Self::Published => (vec![PROTOCOL, SERVICE], vec![address, SERVICE]),
            Self::Admitted => (vec![address, SERVICE, address, SERVICE, PROTOCOL], vec![]),
            Self::Bridges | Self::Internal | Self::Direct | Self::Routed => (vec![INTERFACE], vec![]),
            Self::Talking | Self::Trusted => (vec![INTERFACE, INTERFACE], vec![]),
            Self::Masqueraded => (vec![address], vec![]),
            Self::Sources => (vec![address], vec![address]),
            Self::Own => (vec![address, INTERFACE], vec![]),
            Self::Open => (vec![address, PROTOCOL, SERVICE], vec![]),
        };
        let keys = match self {
            Self::Masqueraded | Self::Sources => Keys::Intervals,
            Self::Own => Keys::Ranges,
            Self::Admitted => Keys::Passing,
            _ => Keys::Single,
        };
        Shape {
            name: self.name(),
            key,
            data,
            keys,
        }
    }
}

impl Shape {
    /// `NFT_SET_*`.
    pub(super) fn flags(&self) -> u32 {
        const INTERVAL: u32 = 0x4;
        const MAP: u32 = 0x8;
        const TIMEOUT: u32 = 0x10;
        const EVAL: u32 = 0x20;
        const CONCAT: u32 = 0x80;
        let keys = match self.keys {
            Keys::Single => 0,
            Keys::Intervals => INTERVAL,
            Keys::Ranges => INTERVAL | CONCAT,
            Keys::Passing => TIMEOUT | EVAL,
        };
        keys | if self.data.is_empty() { 0 } else { MAP }
    }

    /// How long its elements stay, in milliseconds, and how many there are at most, if the kernel adds them.
    pub(super) fn passing(&self) -> Option<(u64, u32)> {
        (self.keys == Keys::Passing).then_some((ADMITTED_FOR, ADMITTED_AT_MOST))
    }
}

/// Number of the type made of these, for the nft program.
pub(super) fn type_of(parts: &[u32]) -> u32 {
    parts.iter().fold(0, |joined, part| joined << TYPE_BITS | part)
}

/// Bytes of a part of a value, padded to four.
pub(super) fn length_of_part(part: u32) -> u32 {
    match part {
        IPV6 => 16,
        INTERFACE => NAME,
        _ => 4,
    }
}

/// Bytes of a value made of these types.
pub(super) fn length_of(parts: &[u32]) -> u32 {
    parts.iter().copied().map(length_of_part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_listed_once_under_a_name_of_its_own() {
        let mut all = Set::ALL.to_vec();
        all.dedup();
        assert_eq!(all.len(), Set::ALL.len());
        let mut names: Vec<_> = Set::ALL.iter().map(|set| set.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Set::ALL.len());
    }

    #[test]
    fn keys_fit_the_kernels_registers() {
        for set in Set::ALL {
            let shape = set.shape(Family::V6);
            assert!(
                length_of(&shape.key) <= 64 && length_of(&shape.data) <= 64,
                "{}",
                shape.name
            );
        }
        assert_eq!(length_of(&Set::PublishedAt.shape(Family::V6).key), 24);
        assert_eq!(length_of(&Set::Admitted.shape(Family::V6).key), 44);
        assert_eq!(length_of(&Set::Talking.shape(Family::V4).key), 32);
    }
}
