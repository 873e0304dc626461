//! Requests about IPv4 routes.

use super::{Attributes, Batch, NetlinkError, Socket};
use crate::Ipv4Net;
use std::net::Ipv4Addr;

const DESTINATION: u16 = 1;
const OUTPUT_LINK: u16 = 4;
const GATEWAY: u16 = 5;

/// Adds the default route.
pub(crate) fn add_default_route(batch: &mut Batch, link: u32, gateway: Ipv4Addr) {
    let mut header = [0; 12];
    header[0] = libc::AF_INET as u8;
    header[4] = libc::RT_TABLE_MAIN;
    header[5] = libc::RTPROT_BOOT;
    header[6] = libc::RT_SCOPE_UNIVERSE;
    header[7] = libc::RTN_UNICAST;
    batch
        .push(
            "add default route",
            libc::RTM_NEWROUTE,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        )
        .header(&header)
        .bytes(GATEWAY, &gateway.octets())
        .u32(OUTPUT_LINK, link);
}

/// Destinations of all IPv4 routes in all tables, default routes left out.
pub(crate) fn ipv4_destinations(socket: &mut Socket) -> Result<Vec<Ipv4Net>, NetlinkError> {
    let mut header = [0; 12];
    header[0] = libc::AF_INET as u8;
    let mut batch = Batch::new();
    batch
        .push("list routes", libc::RTM_GETROUTE, libc::NLM_F_DUMP)
        .header(&header);
    let mut destinations = Vec::new();
    socket.query(&mut batch, |_, payload| {
        if let Some(destination) = parse(payload) {
            destinations.push(destination);
        }
    })?;
    Ok(destinations)
}

fn parse(payload: &[u8]) -> Option<Ipv4Net> {
    let attributes = Attributes(payload.get(12..)?);
    let octets: [u8; 4] = attributes.find(DESTINATION)?.try_into().ok()?;
    Ipv4Net::new(Ipv4Addr::from(octets), payload[1]).filter(|net| net.prefix_len() > 0)
}
