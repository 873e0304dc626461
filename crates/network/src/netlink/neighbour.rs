//! Requests about neighbour (ARP, neighbour discovery) entries.

use super::{Batch, family, octets};
use crate::MacAddr;
use std::net::IpAddr;

const DESTINATION: u16 = 1;
const LINK_ADDRESS: u16 = 2;

/// Replaces whatever is known of `address` on the link by `mac`, as if it had just answered.
pub(crate) fn set_neighbour(batch: &mut Batch, link: u32, address: IpAddr, mac: MacAddr) {
    batch
        .push(
            "set neighbour",
            libc::RTM_NEWNEIGH,
            libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        )
        .header(&header(link, address, libc::NUD_REACHABLE))
        .bytes(DESTINATION, &octets(address))
        .bytes(LINK_ADDRESS, &mac.octets());
}

/// Forgets what is known of `address` on the link.
pub(crate) fn forget_neighbour(batch: &mut Batch, link: u32, address: IpAddr) {
    batch
        .push("forget neighbour", libc::RTM_DELNEIGH, 0)
        .header(&header(link, address, 0))
        .bytes(DESTINATION, &octets(address));
}

/// `struct ndmsg`.
fn header(link: u32, address: IpAddr, state: u16) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = family(address);
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header[8..10].copy_from_slice(&state.to_ne_bytes());
    header
}
