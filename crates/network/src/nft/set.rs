//! The sets and maps of the table: all that differs from network to network and from port to port.

/// Numbers by which the nft program shows keys; the kernel does not look at them.
const IPV4: u32 = 7;
const IPV6: u32 = 8;
const PROTOCOL: u32 = 12;
const SERVICE: u32 = 13;
const INTERFACE: u32 = 41;
const TYPE_BITS: u32 = 6;

/// Length of an interface's name.
const NAME: u32 = libc::IFNAMSIZ as u32;

/// Which families the table filters and translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirewallFamilies {
    /// IPv4 (`--iptables`).
    pub(crate) ipv4: bool,
    /// IPv6 (`--ip6tables`).
    pub(crate) ipv6: bool,
}

/// A set or map of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Set {
    /// Published on one IPv4 address of the machine: address, protocol, port → container's address, port.
    ByAddress,
    /// Published on all IPv4 addresses of the machine: protocol, port → container's address, port.
    ByPort,
    /// As [`Self::ByAddress`], for IPv6.
    ByAddress6,
    /// As [`Self::ByPort`], for IPv6.
    ByPort6,
    /// All bridges.
    Bridges,
    /// Each bridge whose containers may talk to each other, twice: packets that come in and leave by it.
    Within,
    /// Bridges without a way out.
    Internal,
    /// An interface of the host and a bridge whose containers' own addresses may be reached from there.
    Trusted,
    /// Subnets of all bridges.
    Subnets,
    /// The same for IPv6.
    Subnets6,
    /// Subnets that reach the outside under the address of the interface they leave by.
    Masquerade,
    /// The same for IPv6.
    Masquerade6,
    /// Subnets that reach the outside under an address of their own.
    Source,
    /// The same for IPv6.
    Source6,
    /// Ports of containers open without translation: address, protocol, port.
    Open,
    /// The same for IPv6.
    Open6,
    /// Bridges whose containers' addresses are open to all, for IPv4.
    Direct,
    /// The same for IPv6.
    Direct6,
    /// Bridges whose containers answer the outside's pings, for IPv4.
    Routed,
    /// The same for IPv6.
    Routed6,
}

/// What the kernel is told of a set.
pub(super) struct Shape {
    /// Its name.
    pub(super) name: &'static str,
    /// Types of a key's parts, first one first.
    pub(super) key: &'static [u32],
    /// Types of the parts of what a map maps to; none for a set.
    pub(super) data: &'static [u32],
    /// Whether its keys are intervals.
    pub(super) interval: bool,
}

impl Set {
    /// All of them.
    pub(super) const ALL: [Self; 20] = [
        Self::ByAddress,
        Self::ByPort,
        Self::ByAddress6,
        Self::ByPort6,
        Self::Bridges,
        Self::Within,
        Self::Internal,
        Self::Trusted,
        Self::Subnets,
        Self::Subnets6,
        Self::Masquerade,
        Self::Masquerade6,
        Self::Source,
        Self::Source6,
        Self::Open,
        Self::Open6,
        Self::Direct,
        Self::Direct6,
        Self::Routed,
        Self::Routed6,
    ];

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        self.shape().name
    }

    /// What the kernel is told of it.
    pub(super) fn shape(self) -> Shape {
        const PAIR: &[u32] = &[INTERFACE, INTERFACE];
        let map = |name, key, data| Shape {
            name,
            key,
            data,
            interval: false,
        };
        let set = |name, key| map(name, key, &[]);
        let subnets = |name, key, data| Shape {
            name,
            key,
            data,
            interval: true,
        };
        match self {
            Self::ByAddress => map("by_address", &[IPV4, PROTOCOL, SERVICE], &[IPV4, SERVICE]),
            Self::ByPort => map("by_port", &[PROTOCOL, SERVICE], &[IPV4, SERVICE]),
            Self::ByAddress6 => map("by_address6", &[IPV6, PROTOCOL, SERVICE], &[IPV6, SERVICE]),
            Self::ByPort6 => map("by_port6", &[PROTOCOL, SERVICE], &[IPV6, SERVICE]),
            Self::Bridges => set("bridges", &[INTERFACE]),
            Self::Within => set("within", PAIR),
            Self::Internal => set("internal", &[INTERFACE]),
            Self::Trusted => set("trusted", PAIR),
            Self::Subnets => subnets("subnets", &[IPV4], &[]),
            Self::Subnets6 => subnets("subnets6", &[IPV6], &[]),
            Self::Masquerade => subnets("masquerade", &[IPV4], &[]),
            Self::Masquerade6 => subnets("masquerade6", &[IPV6], &[]),
            Self::Source => subnets("source", &[IPV4], &[IPV4]),
            Self::Source6 => subnets("source6", &[IPV6], &[IPV6]),
            Self::Open => set("open", &[IPV4, PROTOCOL, SERVICE]),
            Self::Open6 => set("open6", &[IPV6, PROTOCOL, SERVICE]),
            Self::Direct => set("direct", &[INTERFACE]),
            Self::Direct6 => set("direct6", &[INTERFACE]),
            Self::Routed => set("routed", &[INTERFACE]),
            Self::Routed6 => set("routed6", &[INTERFACE]),
        }
    }
}

/// Number of the type made of these, for the nft program.
pub(super) fn type_of(parts: &[u32]) -> u32 {
    parts.iter().fold(0, |joined, part| joined << TYPE_BITS | part)
}

/// Bytes of a value made of these types, each part padded to four.
pub(super) fn length_of(parts: &[u32]) -> u32 {
    let of = |part: &u32| match *part {
        IPV6 => 16,
        INTERFACE => NAME,
        _ => 4,
    };
    parts.iter().map(of).sum()
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
            let shape = set.shape();
            assert!(
                length_of(shape.key) <= 64 && length_of(shape.data) <= 64,
                "{}",
                shape.name
            );
        }
        assert_eq!(length_of(Set::ByAddress6.shape().key), 24);
        assert_eq!(length_of(Set::Within.shape().key), 32);
    }
}
