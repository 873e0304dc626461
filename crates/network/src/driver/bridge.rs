//! A bridge, its addresses, and the kernel settings it depends on.

use super::Made;
use crate::netlink::{
    Batch, Link, Socket, add_address, addresses_of, bring_up, create_bridge, delete_address, link_by_name,
    set_alias,
};
use crate::{BridgeOptions, MacAddr, NetworkError, NetworkSpec, host};
use ipnet::IpNet;
use std::io;

const DEFAULT_MTU: u32 = 1500;

/// Creates or adopts the bridge; it is up and has its addresses then.
pub(super) fn make(
    spec: &NetworkSpec,
    options: &BridgeOptions,
    alias: &str,
    socket: &mut Socket,
) -> Result<Made, NetworkError> {
    let name = &options.bridge;
    let (link, is_new) = match link_by_name(socket, name)? {
        Some(link) => (link, false),
        None => (
            create(name, spec.mtu.unwrap_or(DEFAULT_MTU), alias, socket)?,
            true,
        ),
    };
    let ours = is_new || link.alias == alias;
    let made = match link.mac {
        Some(mac) if link.kind == "bridge" => Made {
            index: link.index,
            mac: Some(mac),
            ours,
        },
        _ => return Err(NetworkError::NotABridge(name.clone())),
    };
    let ready = prepare(spec, options, &made, is_new, alias, socket);
    if let Err(error) = ready {
        if is_new && let Err(error) = made.unmake(socket) {
            tracing::warn!(bridge = name, %error, "cannot delete interface");
        }
        return Err(error);
    }
    Ok(made)
}

fn prepare(
    spec: &NetworkSpec,
    options: &BridgeOptions,
    made: &Made,
    is_new: bool,
    alias: &str,
    socket: &mut Socket,
) -> Result<(), NetworkError> {
    let setting = |name: &str| format!("/proc/sys/net/ipv6/conf/{}/{name}", options.bridge);
    // The host must not take addresses from router advertisements that a container sends (CVE-2020-13401).
    host::set(&setting("accept_ra"), "0", true)?;
    if spec.ipv6 {
        host::set(&setting("disable_ipv6"), "0", false)?;
    }
    let present = if is_new {
        Vec::new()
    } else {
        addresses_of(socket, made.index)?
    };
    let mut batch = Batch::new();
    for pool in &spec.pools {
        let Some(address) = spec.bridge_address(pool.subnet) else {
            continue;
        };
        if present.contains(&address) {
            continue;
        }
        // As dockerd does with a bridge whose address is not the one configured.
        let same_family = |other: &&IpNet| other.addr().is_ipv6() == address.addr().is_ipv6();
        for old in present.iter().filter(same_family) {
            delete_address(&mut batch, made.index, *old);
        }
        add_address(&mut batch, made.index, address);
    }
    let Some(mac) = made.mac else { return Ok(()) };
    bring_up(&mut batch, made.index, mac, made.ours.then_some(alias));
    Ok(socket.request(&mut batch)?)
}

fn create(name: &str, mtu: u32, alias: &str, socket: &mut Socket) -> Result<Link, NetworkError> {
    let mut octets = [0; 6];
    host::random(&mut octets)?;
    let mac = MacAddr::local(octets);
    let mut batch = Batch::new();
    create_bridge(&mut batch, name, mac, mtu);
    // With it, so that a daemon that comes after a kill knows whose it is.
    set_alias(&mut batch, name, alias);
    socket.request(&mut batch)?;
    link_by_name(socket, name)?
        .ok_or_else(|| NetworkError::system(format!("create bridge {name}"))(io::ErrorKind::NotFound.into()))
}
