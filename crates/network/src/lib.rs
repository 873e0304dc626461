//! Container networking: addresses, the default bridge, published ports, and the files that name it all.
//!
//! Lives here: netlink and nf_tables spoken directly (`netlink`, `nft`), the bookkeeping of addresses and ports
//! (`ipam`, `ports`: no I/O but the sockets that hold ports), and the bridge network made of them (`bridge`). Never
//! here: containers' lives, records on disk (a [`Lease`] is written down by its holder), async code, helper programs.
//!
//! Every socket belongs to the network namespace of the thread that opened it: a network works on the namespace in
//! which [`BridgeNetwork::open`] was called, and tests give each network a namespace of its own.

mod bridge;
mod config;
mod endpoint_name;
mod error;
mod files;
mod firewall;
mod host;
mod ipam;
mod lease;
mod mac;
mod net;
mod netlink;
mod netns;
mod nft;
mod ports;
mod reaper;

pub use bridge::{BridgeNetwork, Restored};
pub use config::NetworkConfig;
pub use error::NetworkError;
pub use files::{ExtraHost, HostsFile, host_resolv_conf, hostname_file, hosts_file, resolv_conf};
pub use lease::{EndpointRequest, HostPort, Lease, PortBinding, PortRequest, Proto};
pub use mac::{InvalidMacAddr, MacAddr};
pub use net::{InvalidIpv4Net, Ipv4Net};
pub use netlink::NetlinkError;
pub use netns::isolated;
