//! Netlink spoken directly: sockets, messages, and the few rtnetlink requests a container needs.
//!
//! Knows nothing of containers, subnets' owners or policies: it encodes what it is told and reports what the
//! kernel answers.

mod addr;
mod changes;
mod conntrack;
mod link;
mod message;
mod neighbour;
mod route;
mod shared_link;
mod socket;

pub(crate) use addr::{add_address, addresses_of, delete_address};
pub(crate) use changes::{Changes, News};
pub(crate) use conntrack::forget_connections;
pub(crate) use link::{
    Link, Veth, bring_up, create_bridge, create_veth, delete_link, delete_link_at, link_by_name, links,
    rename, set_port, set_up, settle,
};
pub(crate) use message::{Attributes, Batch, Message};
pub(crate) use neighbour::{forget_neighbour, set_neighbour};
pub(crate) use route::{
    Via, delete_default_route, destinations, destinations_elsewhere, local_route, set_default_route,
};
pub(crate) use shared_link::{
    Attached, SharedLink, create_dummy, create_shared_link, create_vlan, set_alias,
};
pub use socket::NetlinkError;
pub(crate) use socket::{Protocol, Socket};

use std::net::IpAddr;

/// The address as the kernel writes it.
fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// `AF_INET` or `AF_INET6`.
fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}
