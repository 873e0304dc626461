//! Requests about IPv4 addresses of links.

use super::{Attributes, Batch, NetlinkError, Socket};
use crate::Ipv4Net;
use std::net::Ipv4Addr;

const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
const BROADCAST: u16 = 4;

/// An address a link has.
struct InterfaceAddress {
    /// Number of the link.
    link: u32,
    /// The address with its prefix length.
    address: Ipv4Net,
}

/// Adds an address, with its subnet's broadcast address as Docker sets it.
pub(crate) fn add_address(batch: &mut Batch, link: u32, address: Ipv4Net) {
    batch
        .push(
            "add address",
            libc::RTM_NEWADDR,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        )
        .header(&header(link, address.prefix_len()))
        .bytes(LOCAL, &address.address().octets())
        .bytes(ADDRESS, &address.address().octets())
        .bytes(BROADCAST, &address.broadcast().octets());
}

/// Takes an address away.
pub(crate) fn delete_address(batch: &mut Batch, link: u32, address: Ipv4Net) {
    batch
        .push("delete address", libc::RTM_DELADDR, 0)
        .header(&header(link, address.prefix_len()))
        .bytes(LOCAL, &address.address().octets());
}

/// The IPv4 addresses of one link, in the kernel's order.
pub(crate) fn addresses_of(socket: &mut Socket, link: u32) -> Result<Vec<Ipv4Net>, NetlinkError> {
    let mut batch = Batch::new();
    batch
        .push("list addresses", libc::RTM_GETADDR, libc::NLM_F_DUMP)
        .header(&header(0, 0));
    let mut addresses = Vec::new();
    socket.query(&mut batch, |_, payload| {
        addresses.extend(parse(payload).filter(|a| a.link == link).map(|a| a.address));
    })?;
    Ok(addresses)
}

fn parse(payload: &[u8]) -> Option<InterfaceAddress> {
    if i32::from(*payload.first()?) != libc::AF_INET {
        return None;
    }
    let attributes = Attributes(payload.get(8..)?);
    let octets: [u8; 4] = attributes
        .find(LOCAL)
        .or_else(|| attributes.find(ADDRESS))?
        .try_into()
        .ok()?;
    Some(InterfaceAddress {
        link: u32::from_ne_bytes(payload.get(4..8)?.try_into().ok()?),
        address: Ipv4Net::new(Ipv4Addr::from(octets), payload[1])?,
    })
}

/// `struct ifaddrmsg`.
fn header(link: u32, prefix_len: u8) -> [u8; 8] {
    let mut header = [libc::AF_INET as u8, prefix_len, 0, 0, 0, 0, 0, 0];
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header
}
