//! Requests about routes.

use super::{Attributes, Batch, NetlinkError, Socket, octets};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const DESTINATION: u16 = 1;
const OUTPUT_LINK: u16 = 4;
const GATEWAY: u16 = 5;
/// Every namespace's loopback interface has this number.
const LOOPBACK: u32 = 1;

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

/// Makes addresses this machine's own without giving them to an interface, or no longer. A metric that is nobody else's
/// keeps the route apart from another's to the same addresses.
pub(crate) fn local_route(batch: &mut Batch, to: IpNet, metric: u32, add: bool) {
    const PRIORITY: u16 = 6;
    let mut header = header(to.addr().is_ipv6());
    header[1] = to.prefix_len();
    header[4] = libc::RT_TABLE_LOCAL;
    header[5] = libc::RTPROT_BOOT;
    header[6] = libc::RT_SCOPE_HOST;
    header[7] = libc::RTN_LOCAL;
    let (step, kind, flags) = match add {
        true => (
            "add local route",
            libc::RTM_NEWROUTE,
            libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        ),
        false => ("delete local route", libc::RTM_DELROUTE, 0),
    };
    batch
        .push(step, kind, flags)
        .header(&header)
        .bytes(DESTINATION, &octets(to.network()))
        .u32(OUTPUT_LINK, LOOPBACK)
        .u32(PRIORITY, metric);
}

/// Destinations of all routes of both families in all tables, default routes and those on single links left out.
pub(crate) fn destinations(socket: &mut Socket) -> Result<Vec<IpNet>, NetlinkError> {
    let mut destinations = Vec::new();
    each_route(socket, |payload| destinations.extend(parse(payload)))?;
    Ok(destinations)
}

/// The same without what is this machine's own by its loopback.
pub(crate) fn destinations_elsewhere(socket: &mut Socket) -> Result<Vec<IpNet>, NetlinkError> {
    let mut destinations = Vec::new();
    each_route(socket, |payload| {
        let link = Attributes(payload.get(12..).unwrap_or_default()).find_u32(OUTPUT_LINK);
        let is_local = payload.get(7) == Some(&libc::RTN_LOCAL);
        if !(is_local && link == Some(LOOPBACK)) {
            destinations.extend(parse(payload));
        }
    })?;
    Ok(destinations)
}

fn each_route(socket: &mut Socket, mut each: impl FnMut(&[u8])) -> Result<(), NetlinkError> {
    for ipv6 in [false, true] {
        let mut header = header(ipv6);
        header[4] = 0;
        let mut batch = Batch::new();
        batch
            .push("list routes", libc::RTM_GETROUTE, libc::NLM_F_DUMP)
            .header(&header);
        socket.query(&mut batch, |_, payload| each(payload))?;
    }
    Ok(())
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
