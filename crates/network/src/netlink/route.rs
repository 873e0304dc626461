//! Requests about routes.

use super::{Attributes, Batch, NetlinkError, Socket, octets};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const DESTINATION: u16 = 1;
const OUTPUT_LINK: u16 = 4;
const GATEWAY: u16 = 5;

/// Where a default route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// To this address.
    Gateway(IpAddr),
    /// Out by the link, whatever is behind it.
    Link {
        /// Whether it is for IPv6.
        ipv6: bool,
    },
}

impl Via {
    fn is_ipv6(self) -> bool {
        match self {
            Self::Gateway(gateway) => gateway.is_ipv6(),
            Self::Link { ipv6 } => ipv6,
        }
    }
}

/// Makes this the family's default route, instead of the one there is.
pub(crate) fn set_default_route(batch: &mut Batch, link: u32, via: Via) {
    let mut header = header(via.is_ipv6());
    header[5] = libc::RTPROT_BOOT;
    header[6] = match via {
        Via::Gateway(_) => libc::RT_SCOPE_UNIVERSE,
        Via::Link { .. } => libc::RT_SCOPE_LINK,
    };
    header[7] = libc::RTN_UNICAST;
    let mut message = batch.push(
        "add default route",
        libc::RTM_NEWROUTE,
        libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
    );
    message.header(&header);
    if let Via::Gateway(gateway) = via {
        message.bytes(GATEWAY, &octets(gateway));
    }
    message.u32(OUTPUT_LINK, link);
}

/// Takes the family's default route away.
pub(crate) fn delete_default_route(batch: &mut Batch, ipv6: bool) {
    let mut header = header(ipv6);
    header[6] = libc::RT_SCOPE_NOWHERE; // any
    batch
        .push("delete default route", libc::RTM_DELROUTE, 0)
        .header(&header);
}

/// Lets answers to `::1` come in by a link, too: connections from there to published ports have their source translated on
/// the way out, and the kernel takes what goes back to `::1` only by an interface that has a route for it. (What claims to
/// go to `::1` on the wire it drops before it translates anything.) The route goes with the link; its metric is its own,
/// lest it replace another link's.
pub(crate) fn accept_loopback6(batch: &mut Batch, link: u32) {
    const PRIORITY: u16 = 6;
    const METRIC: u32 = 1024;
    let mut header = header(true);
    header[1] = 128;
    header[4] = libc::RT_TABLE_LOCAL;
    header[5] = libc::RTPROT_BOOT;
    header[6] = libc::RT_SCOPE_UNIVERSE;
    header[7] = libc::RTN_LOCAL;
    batch
        .push(
            "add route for ::1",
            libc::RTM_NEWROUTE,
            libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        )
        .header(&header)
        .bytes(DESTINATION, &Ipv6Addr::LOCALHOST.octets())
        .u32(OUTPUT_LINK, link)
        .u32(PRIORITY, METRIC + link);
}

/// Destinations of all routes of both families in all tables, default routes and those on single links left out.
pub(crate) fn destinations(socket: &mut Socket) -> Result<Vec<IpNet>, NetlinkError> {
    let mut destinations = Vec::new();
    for ipv6 in [false, true] {
        let mut header = header(ipv6);
        header[4] = 0;
        let mut batch = Batch::new();
        batch
            .push("list routes", libc::RTM_GETROUTE, libc::NLM_F_DUMP)
            .header(&header);
        socket.query(&mut batch, |_, payload| destinations.extend(parse(payload)))?;
    }
    Ok(destinations)
}

fn parse(payload: &[u8]) -> Option<IpNet> {
    let attributes = Attributes(payload.get(12..)?);
    let destination = attributes.find(DESTINATION)?;
    let net: IpNet = match i32::from(payload[0]) {
        libc::AF_INET => {
            let octets: [u8; 4] = destination.try_into().ok()?;
            Ipv4Net::new(Ipv4Addr::from(octets), payload[1]).ok()?.into()
        }
        libc::AF_INET6 => {
            let address = Ipv6Addr::from(<[u8; 16]>::try_from(destination).ok()?);
            if address.is_unicast_link_local() || address.is_multicast() || address.is_loopback() {
                return None;
            }
            Ipv6Net::new(address, payload[1]).ok()?.into()
        }
        _ => return None,
    };
    (net.prefix_len() > 0).then_some(net)
}

/// `struct rtmsg` of the main table.
fn header(ipv6: bool) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = if ipv6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
    header[4] = libc::RT_TABLE_MAIN;
    header
}
