//! Requests about addresses of links.

use super::{Attributes, Batch, NetlinkError, Socket, family, octets};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
const BROADCAST: u16 = 4;
const LINK_SCOPE: u8 = libc::RT_SCOPE_LINK;

/// Adds an address: an IPv4 one with its subnet's broadcast address as Docker sets it, an IPv6 one without looking whether
/// somebody else has it, which would take a second.
pub(crate) fn add_address(batch: &mut Batch, link: u32, address: IpNet) {
    let mut header = header(address, link);
    if address.addr().is_ipv6() {
        header[2] = libc::IFA_F_NODAD as u8;
    }
    let mut message = batch.push(
        "add address",
        libc::RTM_NEWADDR,
        libc::NLM_F_CREATE | libc::NLM_F_EXCL,
    );
    message
        .header(&header)
        .bytes(LOCAL, &octets(address.addr()))
        .bytes(ADDRESS, &octets(address.addr()));
    if let IpNet::V4(address) = address {
        message.bytes(BROADCAST, &address.broadcast().octets());
    }
}

/// Takes an address away.
pub(crate) fn delete_address(batch: &mut Batch, link: u32, address: IpNet) {
    batch
        .push("delete address", libc::RTM_DELADDR, 0)
        .header(&header(address, link))
        .bytes(LOCAL, &octets(address.addr()));
}

/// The addresses of one link, in the kernel's order, those valid on the link alone left out.
pub(crate) fn addresses_of(socket: &mut Socket, link: u32) -> Result<Vec<IpNet>, NetlinkError> {
    let mut batch = Batch::new();
    batch
        .push("list addresses", libc::RTM_GETADDR, libc::NLM_F_DUMP)
        .header(&[0; 8]);
    let mut addresses = Vec::new();
    socket.query(&mut batch, |_, payload| {
        addresses.extend(
            parse(payload)
                .filter(|(of, _)| *of == link)
                .map(|(_, address)| address),
        );
    })?;
    Ok(addresses)
}

/// Number of the link, and the address.
fn parse(payload: &[u8]) -> Option<(u32, IpNet)> {
    let attributes = Attributes(payload.get(8..)?);
    let (length, scope) = (payload[1], payload[3]);
    let address = attributes.find(LOCAL).or_else(|| attributes.find(ADDRESS))?;
    let address = match i32::from(payload[0]) {
        libc::AF_INET => {
            let octets: [u8; 4] = address.try_into().ok()?;
            Ipv4Net::new(Ipv4Addr::from(octets), length).ok()?.into()
        }
        libc::AF_INET6 if scope != LINK_SCOPE => {
            let octets: [u8; 16] = address.try_into().ok()?;
            Ipv6Net::new(Ipv6Addr::from(octets), length).ok()?.into()
        }
        _ => return None,
    };
    Some((u32::from_ne_bytes(payload.get(4..8)?.try_into().ok()?), address))
}

/// `struct ifaddrmsg`.
fn header(address: IpNet, link: u32) -> [u8; 8] {
    let mut header = [family(address.addr()), address.prefix_len(), 0, 0, 0, 0, 0, 0];
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header
}
