//! Elements of the tables' sets and maps.

use super::family::Family;
use super::set::Set;
use crate::Proto;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// One element: what a rule looks for, and in a map what it finds there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Element {
    pub(crate) family: Family,
    pub(crate) set: Set,
    pub(super) key: Vec<u8>,
    /// The last key of a range; empty elsewhere.
    pub(super) last: Vec<u8>,
    /// Empty in a set.
    pub(super) data: Vec<u8>,
    /// Whether an interval ends before this key, instead of beginning with it.
    pub(super) ends: bool,
}

impl Element {
    /// A port of this machine that leads to a container; an unspecified address stands for all of its family.
    pub(crate) fn forward(proto: Proto, from: SocketAddr, to: SocketAddr) -> Self {
        let mut key = Vec::with_capacity(24);
        let set = if from.ip().is_unspecified() {
            Set::Published
        } else {
            push_address(&mut key, from.ip());
            Set::PublishedAt
        };
        push_service(&mut key, Some(proto), from.port());
        let mut data = Vec::with_capacity(20);
        push_address(&mut data, to.ip());
        push_service(&mut data, None, to.port());
        Self {
            data,
            ..Self::plain(Family::of(from.ip()), set, key)
        }
    }

    /// A port of a container that is open without translation.
    pub(crate) fn open(proto: Proto, at: SocketAddr) -> Self {
        let mut key = Vec::with_capacity(24);
        push_address(&mut key, at.ip());
        push_service(&mut key, Some(proto), at.port());
        Self::plain(Family::of(at.ip()), Set::Open, key)
    }

    /// An interface.
    pub(crate) fn interface(family: Family, set: Set, name: &str) -> Self {
        Self::plain(family, set, interface(name).to_vec())
    }

    /// Packets that come in by one interface and leave by another.
    pub(crate) fn pair(family: Family, set: Set, from: &str, to: &str) -> Self {
        Self::plain(family, set, [interface(from), interface(to)].concat())
    }

    /// A subnet, with what it is mapped to in a map: the element it begins with, and the one before which it ends.
    pub(crate) fn subnet(set: Set, subnet: IpNet, data: Option<IpAddr>) -> impl Iterator<Item = Self> {
        let family = Family::of(subnet.addr());
        let mut begins = Self::plain(family, set, octets(subnet.network()));
        if let Some(address) = data {
            push_address(&mut begins.data, address);
        }
        // The last of all addresses needs no end.
        let ends = next(octets(subnet.broadcast())).map(|key| Self {
            ends: true,
            ..Self::plain(family, set, key)
        });
        [begins].into_iter().chain(ends)
    }

    /// A subnet and the bridge it is on.
    pub(crate) fn own(subnet: IpNet, bridge: &str) -> Self {
        let bridge = interface(bridge);
        let on = |address| [octets(address).as_slice(), &bridge].concat();
        Self {
            last: on(subnet.broadcast()),
            ..Self::plain(Family::of(subnet.addr()), Set::Own, on(subnet.network()))
        }
    }

    fn plain(family: Family, set: Set, key: Vec<u8>) -> Self {
        Self {
            family,
            set,
            key,
            last: Vec::new(),
            data: Vec::new(),
            ends: false,
        }
    }
}

/// An interface name as the kernel compares it.
pub(super) fn interface(name: &str) -> [u8; libc::IFNAMSIZ] {
    let mut bytes = [0; libc::IFNAMSIZ];
    for (byte, from) in bytes.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *byte = from;
    }
    bytes
}

/// The number after a big-endian one.
fn next(mut key: Vec<u8>) -> Option<Vec<u8>> {
    for byte in key.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(key);
        }
    }
    None
}

fn octets(address: IpAddr) -> Vec<u8> {
    let mut octets = Vec::with_capacity(16);
    push_address(&mut octets, address);
    octets
}

fn push_address(to: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => to.extend(address.octets()),
        IpAddr::V6(address) => to.extend(address.octets()),
    }
}

/// Protocol and port, each padded to four bytes.
fn push_service(to: &mut Vec<u8>, proto: Option<Proto>, port: u16) {
    if let Some(proto) = proto {
        to.extend([proto.number(), 0, 0, 0]);
    }
    let [high, low] = port.to_be_bytes();
    to.extend([high, low, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_end_before_the_next_address() {
        let of = |text: &str| -> Vec<_> {
            Element::subnet(Set::Masqueraded, text.parse().unwrap(), None)
                .map(|element| (element.key, element.ends))
                .collect()
        };
        assert_eq!(
            of("10.0.0.0/16"),
            [(vec![10, 0, 0, 0], false), (vec![10, 1, 0, 0], true)]
        );
        assert_eq!(of("255.255.0.0/16"), [(vec![255, 255, 0, 0], false)]);
    }

    #[test]
    fn keys_have_the_lengths_their_sets_promise() {
        use super::super::set::length_of;
        let v4: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
        let any4: SocketAddr = "0.0.0.0:80".parse().unwrap();
        let any6: SocketAddr = "[::]:80".parse().unwrap();
        let own = |net: &str| Element::own(net.parse().unwrap(), "br0");
        let elements = [
            Element::forward(Proto::Tcp, v4, v4),
            Element::forward(Proto::Tcp, any4, v4),
            Element::forward(Proto::Udp, v6, v6),
            Element::forward(Proto::Udp, any6, v6),
            Element::open(Proto::Sctp, v4),
            Element::open(Proto::Sctp, v6),
            Element::interface(Family::V4, Set::Bridges, "br0"),
            Element::pair(Family::V6, Set::Talking, "br0", "br0"),
            own("10.0.0.0/24"),
            own("fd00::/64"),
        ];
        for element in elements {
            let shape = element.set.shape(element.family);
            assert_eq!(element.key.len() as u32, length_of(&shape.key), "{}", shape.name);
            assert_eq!(
                element.data.len() as u32,
                length_of(&shape.data),
                "{}",
                shape.name
            );
            assert!(element.last.is_empty() || element.last.len() == element.key.len());
        }
    }
}
