//! Requests about links: bridges, veth pairs, and their state.

use super::{Attributes, Batch, NetlinkError, Socket};
use crate::MacAddr;
use rustix::fd::{AsRawFd, BorrowedFd};

// Numbers of linux/if_link.h, linux/veth.h that libc does not name.
pub(super) const INFO_KIND: u16 = 1;
pub(super) const INFO_DATA: u16 = 2;
const INFO_SLAVE_KIND: u16 = 4;
const INFO_SLAVE_DATA: u16 = 5;
const VETH_INFO_PEER: u16 = 1;
const BRPORT_MODE: u16 = 4;
const BRPORT_ISOLATED: u16 = 33;
const INET_CONF: u16 = 1;
const INET6_ADDR_GEN_MODE: u16 = 8;
const ADDR_GEN_MODE_NONE: u8 = 1;
const IPV4_DEVCONF_ROUTE_LOCALNET: u16 = 26;
const SKIP_STATISTICS: u32 = 1 << 3;

/// What is asked of an existing link.
pub(crate) struct Link {
    /// Its number in its namespace.
    pub(crate) index: u32,
    /// Its name.
    pub(crate) name: String,
    /// `bridge`, `veth` …; empty for hardware.
    pub(crate) kind: String,
    /// Its hardware address, when it has an Ethernet one.
    pub(crate) mac: Option<MacAddr>,
    /// Number of the bridge it is a port of.
    pub(crate) master: Option<u32>,
    /// What its maker noted of it.
    pub(crate) alias: String,
}

/// A veth pair to be made.
pub(crate) struct Veth<'a> {
    /// Name of the end that stays and becomes a port of `bridge`.
    pub(crate) host: &'a str,
    /// Name of the end in `netns`.
    pub(crate) peer: &'a str,
    /// Hardware address of the end in `netns`.
    pub(crate) mac: MacAddr,
    /// Number of the bridge.
    pub(crate) bridge: u32,
    /// Bytes a packet may have.
    pub(crate) mtu: u32,
    /// Where the peer is made.
    pub(crate) netns: BorrowedFd<'a>,
}

/// Makes a bridge with a hardware address of its own, so that it does not change as ports come and go.
pub(crate) fn create_bridge(batch: &mut Batch, name: &str, mac: MacAddr, mtu: u32) {
    batch
        .push(
            "create bridge",
            libc::RTM_NEWLINK,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        )
        .header(&info(0, false))
        .text(libc::IFLA_IFNAME, name)
        .bytes(libc::IFLA_ADDRESS, &mac.octets())
        .u32(libc::IFLA_MTU, mtu)
        .nest(libc::IFLA_LINKINFO, |m| {
            m.text(INFO_KIND, "bridge");
        });
}

/// Brings the bridge up, lets no packets for 127.0.0.0/8 be routed over it (earlier versions did), and makes the hardware
/// address it has its own: one nobody set would follow those of its ports. `alias` notes whose it is, if it is ours.
pub(crate) fn bring_up(batch: &mut Batch, index: u32, mac: MacAddr, alias: Option<&str>) {
    let mut message = batch.push("bring bridge up", libc::RTM_NEWLINK, 0);
    message
        .header(&info(index, true))
        .bytes(libc::IFLA_ADDRESS, &mac.octets())
        .nest(libc::IFLA_AF_SPEC, |m| {
            m.nest(libc::AF_INET as u16, |m| {
                m.nest(INET_CONF, |m| {
                    m.u32(IPV4_DEVCONF_ROUTE_LOCALNET, 0);
                });
            });
        });
    if let Some(alias) = alias {
        message.text(libc::IFLA_IFALIAS, alias);
    }
}

/// Makes a veth pair: one end here as a port of the bridge, the other in another namespace, both down.
///
/// With one queue each way: a veth sends without queueing or locks, and the kernel would otherwise make as many as
/// there are processors, with several sysfs objects for each.
pub(crate) fn create_veth(batch: &mut Batch, veth: &Veth<'_>) {
    batch
        .push(
            "create veth pair",
            libc::RTM_NEWLINK,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        )
        .header(&info(0, false))
        .text(libc::IFLA_IFNAME, veth.host)
        .u32(libc::IFLA_MTU, veth.mtu)
        .u32(libc::IFLA_MASTER, veth.bridge)
        .u32(libc::IFLA_NUM_TX_QUEUES, 1)
        .u32(libc::IFLA_NUM_RX_QUEUES, 1)
        .nest(libc::IFLA_LINKINFO, |m| {
            m.text(INFO_KIND, "veth").nest(INFO_DATA, |m| {
                m.nest(VETH_INFO_PEER, |m| {
                    m.header(&info(0, false))
                        .text(libc::IFLA_IFNAME, veth.peer)
                        .bytes(libc::IFLA_ADDRESS, &veth.mac.octets())
                        .u32(libc::IFLA_MTU, veth.mtu)
                        .u32(libc::IFLA_NUM_TX_QUEUES, 1)
                        .u32(libc::IFLA_NUM_RX_QUEUES, 1)
                        .u32(libc::IFLA_NET_NS_FD, veth.netns.as_raw_fd() as u32);
                });
            });
        });
}

/// Brings a bridge port up, as a port that may send a frame back where it came from (`hairpin`) or may not talk to
/// other isolated ports (`isolated`), and keeps the useless link-local address off it where it `has_ipv6` at all.
pub(crate) fn set_port(batch: &mut Batch, name: &str, hairpin: bool, isolated: bool, has_ipv6: bool) {
    let mut message = batch.push("bring host interface up", libc::RTM_NEWLINK, 0);
    message
        .header(&info(0, true))
        .text(libc::IFLA_IFNAME, name)
        .nest(libc::IFLA_LINKINFO, |m| {
            m.text(INFO_SLAVE_KIND, "bridge").nest(INFO_SLAVE_DATA, |m| {
                m.bytes(BRPORT_MODE, &[u8::from(hairpin)])
                    .bytes(BRPORT_ISOLATED, &[u8::from(isolated)]);
            });
        });
    if has_ipv6 {
        message.nest(libc::IFLA_AF_SPEC, |m| {
            m.nest(libc::AF_INET6 as u16, |m| {
                m.bytes(INET6_ADDR_GEN_MODE, &[ADDR_GEN_MODE_NONE]);
            });
        });
    }
}

/// Brings a link up.
pub(crate) fn set_up(batch: &mut Batch, step: &'static str, index: u32) {
    batch.push(step, libc::RTM_NEWLINK, 0).header(&info(index, true));
}

/// Gives a link that is down another name.
pub(crate) fn rename(batch: &mut Batch, index: u32, name: &str) {
    batch
        .push("name link", libc::RTM_NEWLINK, 0)
        .header(&info(index, false))
        .text(libc::IFLA_IFNAME, name);
}

/// Makes the kernel act at once on a change of the link's carrier.
///
/// It otherwise does so on a worker, some time after the link was brought up; until then the link drops what it is to
/// send, and a bridge port does not forward. To report the state of a link, the kernel first brings it up to date
/// (since Linux 6.8; before, this is of no use, and no harm).
pub(crate) fn settle(batch: &mut Batch, link: &str) {
    batch
        .push("settle link", libc::RTM_GETLINK, 0)
        .header(&info(0, false))
        .text(libc::IFLA_IFNAME, link)
        .u32(libc::IFLA_EXT_MASK, SKIP_STATISTICS);
}

/// Deletes a link by name; with a veth, its peer goes too.
pub(crate) fn delete_link(batch: &mut Batch, name: &str) {
    batch
        .push("delete link", libc::RTM_DELLINK, 0)
        .header(&info(0, false))
        .text(libc::IFLA_IFNAME, name);
}

/// Deletes a link by number.
pub(crate) fn delete_link_at(batch: &mut Batch, index: u32) {
    batch
        .push("delete link", libc::RTM_DELLINK, 0)
        .header(&info(index, false));
}

/// The link called `name`, if there is one.
pub(crate) fn link_by_name(socket: &mut Socket, name: &str) -> Result<Option<Link>, NetlinkError> {
    let mut batch = Batch::new();
    batch
        .push("look up link", libc::RTM_GETLINK, 0)
        .header(&info(0, false))
        .text(libc::IFLA_IFNAME, name)
        .u32(libc::IFLA_EXT_MASK, SKIP_STATISTICS);
    let mut found = None;
    match socket.query(&mut batch, |_, payload| found = parse(payload)) {
        Err(error) if error.errno() == rustix::io::Errno::NODEV => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(found),
    }
}

/// All links of the socket's namespace.
pub(crate) fn links(socket: &mut Socket) -> Result<Vec<Link>, NetlinkError> {
    let mut batch = Batch::new();
    batch
        .push("list links", libc::RTM_GETLINK, libc::NLM_F_DUMP)
        .header(&info(0, false))
        .u32(libc::IFLA_EXT_MASK, SKIP_STATISTICS);
    let mut found = Vec::new();
    socket.query(&mut batch, |_, payload| found.extend(parse(payload)))?;
    Ok(found)
}

fn parse(payload: &[u8]) -> Option<Link> {
    let attributes = Attributes(payload.get(16..)?);
    Some(Link {
        index: u32::from_ne_bytes(payload.get(4..8)?.try_into().ok()?),
        name: attributes.find_text(libc::IFLA_IFNAME)?.to_owned(),
        kind: attributes
            .nested(libc::IFLA_LINKINFO)
            .find_text(INFO_KIND)
            .unwrap_or_default()
            .to_owned(),
        mac: attributes
            .find(libc::IFLA_ADDRESS)
            .and_then(|a| a.try_into().ok())
            .map(MacAddr::new),
        master: attributes.find_u32(libc::IFLA_MASTER),
        alias: attributes
            .find_text(libc::IFLA_IFALIAS)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// `struct ifinfomsg`.
pub(super) fn info(index: u32, up: bool) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    if up {
        let flag = (libc::IFF_UP as u32).to_ne_bytes();
        header[8..12].copy_from_slice(&flag);
        header[12..16].copy_from_slice(&flag);
    }
    header
}
