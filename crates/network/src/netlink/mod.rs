//! Netlink spoken directly: sockets, messages, and the few rtnetlink requests a container needs.
//!
//! Knows nothing of containers, subnets' owners or policies: it encodes what it is told and reports what the
//! kernel answers.

mod addr;
mod link;
mod message;
mod neighbour;
mod route;
mod socket;

pub(crate) use addr::{add_address, addresses_of, delete_address};
pub(crate) use link::{
    Link, Veth, bring_up, create_bridge, create_veth, delete_link, link_by_name, ports_of, set_port, set_up,
    settle,
};
pub(crate) use message::{Attributes, Batch, Message};
pub(crate) use neighbour::{forget_neighbour, set_neighbour};
pub(crate) use route::{add_default_route, ipv4_destinations};
pub use socket::NetlinkError;
pub(crate) use socket::{Protocol, Socket};
