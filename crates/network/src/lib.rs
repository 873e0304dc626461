//! Container networking: networks and their addresses, published ports, and the files that name it all.
//!
//! Lives here: netlink and nf_tables spoken directly (`netlink`, `nft`), the bookkeeping of addresses and ports
//! (`ipam`, `ports`: no I/O but the sockets that hold ports), the links networks are made of (`driver`, `wire`), and all
//! networks of a daemon made of them (`networks`). Never here: containers' lives, records on disk (a [`NetworkSpec`] and a
//! [`Lease`] are written down by their holder), names of containers, async code, helper programs.
//!
//! Every socket belongs to the network namespace of the thread that opened it: networks work on the namespace in
//! which [`Networks::open`] was called, and tests give each plane a namespace of its own.

mod config;
mod disguise;
mod driver;
mod endpoint_name;
mod error;
mod files;
mod firewall;
mod host;
mod ipam;
mod lease;
mod mac;
mod name_server;
mod netlink;
mod netns;
mod networks;
mod nft;
mod ports;
mod reaper;
mod spec;
mod watch;
mod wire;

pub use config::{DefaultBridge, HostFirewall, PlaneConfig};
pub use error::{NetworkError, Version};
pub use files::{
    ExtraHost, HostsFile, extra_lines, host_resolv_conf, host_servers, hostname_file, hosts_file, own_lines,
    own_resolv_conf, resolv_conf,
};
pub use ipnet::{AddrParseError, IpNet, Ipv4Net, Ipv6Net};
pub use lease::{EndpointRequest, HostPort, Lease, PortBinding, PortRequest, Proto};
pub use mac::{InvalidMacAddr, MacAddr};
pub use name_server::{NAME_SERVER, NameServer};
pub use netlink::NetlinkError;
pub use netns::isolated;
pub use networks::{Networks, Restored};
pub use spec::{
    BridgeOptions, Driver, GatewayMode, IpvlanFlag, IpvlanMode, IpvlanOptions, MacvlanMode, MacvlanOptions,
    NetworkSpec, Options, Pool, PoolRequest,
};
