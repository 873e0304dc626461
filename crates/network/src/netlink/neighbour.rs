//! Requests about neighbour (ARP) entries.

use super::Batch;
use crate::MacAddr;
use std::net::Ipv4Addr;

const DESTINATION: u16 = 1;
const LINK_ADDRESS: u16 = 2;

/// Replaces whatever is known of `address` on the link by `mac`, as if it had just answered.
pub(crate) fn set_neighbour(batch: &mut Batch, link: u32, address: Ipv4Addr, mac: MacAddr) {
    batch
        .push(
            "set neighbour",
            libc::RTM_NEWNEIGH,
            libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        )
        .header(&header(link, libc::NUD_REACHABLE))
        .bytes(DESTINATION, &address.octets())
        .bytes(LINK_ADDRESS, &mac.octets());
}

/// Forgets what is known of `address` on the link.
pub(crate) fn forget_neighbour(batch: &mut Batch, link: u32, address: Ipv4Addr) {
    batch
        .push("forget neighbour", libc::RTM_DELNEIGH, 0)
        .header(&header(link, 0))
        .bytes(DESTINATION, &address.octets());
}

/// `struct ndmsg`.
fn header(link: u32, state: u16) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = libc::AF_INET as u8;
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header[8..10].copy_from_slice(&state.to_ne_bytes());
    header
}
