//! The host's side of the network: the bridge itself, its address, and the kernel settings it depends on.

use crate::endpoint_name::is_our_veth;
use crate::ipam::choose_pool;
use crate::netlink::{
    Batch, Link, Socket, add_address, addresses_of, bring_up, create_bridge, delete_address,
    ipv4_destinations, link_by_name, ports_of,
};
use crate::{Ipv4Net, MacAddr, NetworkConfig, NetworkError};
use std::{fs, io};

/// A bridge that is up and has its address.
pub(crate) struct Host {
    /// Its name.
    pub(crate) bridge: String,
    /// Its number.
    pub(crate) index: u32,
    /// Its hardware address, which containers' ones are derived from.
    pub(crate) mac: MacAddr,
    /// Its address: the containers' gateway.
    pub(crate) address: Ipv4Net,
    /// Whether that is not the one configured, because running containers depend on it.
    pub(crate) kept: bool,
}

impl Host {
    /// Creates or adopts the bridge, as the configuration says.
    pub(crate) fn prepare(config: &NetworkConfig, socket: &mut Socket) -> Result<Self, NetworkError> {
        let bridge = match link_by_name(socket, &config.bridge)? {
            Some(link) => link,
            None => create(config, socket)?,
        };
        let mac = match bridge.mac {
            Some(mac) if bridge.kind == "bridge" => mac,
            _ => return Err(NetworkError::NotABridge(config.bridge.clone())),
        };
        let present = addresses_of(socket, bridge.index)?;
        let wanted = config.bip.filter(|bip| !present.contains(bip));
        // Containers that run have the old gateway and addresses of the old subnet: another address would cut them off.
        // A veth goes with its container's namespace, so who has one still lives.
        let kept = match (wanted, present.first()) {
            (Some(_), Some(_)) => ports_of(socket, bridge.index)?
                .iter()
                .any(|port| port.kind == "veth" && is_our_veth(&port.name)),
            _ => false,
        };
        let address = match config.bip.filter(|_| !kept).or_else(|| present.first().copied()) {
            Some(address) => address,
            None => choose_pool(&config.pools, &ipv4_destinations(socket)?)?,
        };
        if let Some(wanted) = wanted.filter(|_| kept) {
            tracing::warn!(
                "containers are running on bridge {}: it keeps its address {address}; bip {wanted} takes effect when the \
                 daemon is started while none runs",
                config.bridge
            );
        }
        let mut batch = Batch::new();
        if !present.contains(&address) {
            // As dockerd does with a bridge whose address is not the one configured.
            present
                .iter()
                .for_each(|old| delete_address(&mut batch, bridge.index, *old));
            add_address(&mut batch, bridge.index, address);
        }
        bring_up(&mut batch, bridge.index, mac);
        socket.request(&mut batch)?;

        // The host must not take addresses from router advertisements that a container sends (CVE-2020-13401).
        set(
            &format!("/proc/sys/net/ipv6/conf/{}/accept_ra", config.bridge),
            "0",
            true,
        )?;
        if config.ip_forward {
            set("/proc/sys/net/ipv4/ip_forward", "1", false)?;
        }
        let mac = bridge
            .mac
            .ok_or_else(|| NetworkError::NotABridge(config.bridge.clone()))?;
        Ok(Self {
            bridge: config.bridge.clone(),
            index: bridge.index,
            mac,
            address,
            kept,
        })
    }
}

/// Fills the buffer with random bytes.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), NetworkError> {
    // Requests of up to 256 bytes are served whole.
    rustix::rand::getrandom(bytes, rustix::rand::GetRandomFlags::empty())
        .map(drop)
        .map_err(io::Error::from)
        .map_err(NetworkError::system("get random bytes"))
}

fn create(config: &NetworkConfig, socket: &mut Socket) -> Result<Link, NetworkError> {
    let mut octets = [0; 6];
    random(&mut octets)?;
    let mut batch = Batch::new();
    create_bridge(&mut batch, &config.bridge, MacAddr::local(octets), config.mtu);
    socket.request(&mut batch)?;
    link_by_name(socket, &config.bridge)?.ok_or_else(|| {
        NetworkError::system(format!("create bridge {}", config.bridge))(io::ErrorKind::NotFound.into())
    })
}

/// Writes a kernel setting unless it already has that value.
fn set(path: &str, value: &str, may_be_missing: bool) -> Result<(), NetworkError> {
    match fs::read_to_string(path) {
        Ok(present) if present.trim() == value => return Ok(()),
        Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        _ => {}
    }
    fs::write(path, value).map_err(NetworkError::system(format!("set {path} to {value}")))
}
