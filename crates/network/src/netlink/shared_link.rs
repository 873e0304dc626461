//! Requests about links on other links: macvlan, ipvlan, VLANs, and the dummy that stands for nothing.

use super::Batch;
use super::link::{INFO_DATA, INFO_KIND, info};
use crate::{IpvlanFlag, IpvlanMode, MacAddr, MacvlanMode};
use rustix::fd::{AsRawFd, BorrowedFd};

const FIRST_DATA: u16 = 1;
const SECOND_DATA: u16 = 2;

/// How a link shares its parent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SharedLink {
    /// With a hardware address of its own.
    Macvlan(MacvlanMode, MacAddr),
    /// With the parent's.
    Ipvlan(IpvlanMode, IpvlanFlag),
}

/// A link to be made on another, in another namespace.
pub(crate) struct Attached<'a> {
    /// Number of the parent, in the socket's namespace.
    pub(crate) parent: u32,
    /// Its name there.
    pub(crate) name: &'a str,
    /// Bytes a packet may have; the parent's if not given.
    pub(crate) mtu: Option<u32>,
    /// Where it is made.
    pub(crate) netns: BorrowedFd<'a>,
}

/// Makes a link that shares its parent.
pub(crate) fn create_shared_link(batch: &mut Batch, link: &Attached<'_>, kind: SharedLink) {
    let step = match kind {
        SharedLink::Macvlan(..) => "create macvlan",
        SharedLink::Ipvlan(..) => "create ipvlan",
    };
    let mut message = batch.push(step, libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
    message
        .header(&info(0, false))
        .text(libc::IFLA_IFNAME, link.name)
        .u32(libc::IFLA_LINK, link.parent)
        .u32(libc::IFLA_NET_NS_FD, link.netns.as_raw_fd() as u32);
    if let Some(mtu) = link.mtu {
        message.u32(libc::IFLA_MTU, mtu);
    }
    match kind {
        SharedLink::Macvlan(mode, mac) => {
            let mode: u32 = match mode {
                MacvlanMode::Private => 1,
                MacvlanMode::Vepa => 2,
                MacvlanMode::Bridge => 4,
                MacvlanMode::Passthru => 8,
            };
            message
                .bytes(libc::IFLA_ADDRESS, &mac.octets())
                .nest(libc::IFLA_LINKINFO, |m| {
                    m.text(INFO_KIND, "macvlan").nest(INFO_DATA, |m| {
                        m.u32(FIRST_DATA, mode);
                    });
                });
        }
        SharedLink::Ipvlan(mode, flag) => {
            let mode: u16 = match mode {
                IpvlanMode::L2 => 0,
                IpvlanMode::L3 => 1,
                IpvlanMode::L3s => 2,
            };
            let flag: u16 = match flag {
                IpvlanFlag::Bridge => 0,
                IpvlanFlag::Private => 1,
                IpvlanFlag::Vepa => 2,
            };
            message.nest(libc::IFLA_LINKINFO, |m| {
                m.text(INFO_KIND, "ipvlan").nest(INFO_DATA, |m| {
                    m.bytes(FIRST_DATA, &mode.to_ne_bytes())
                        .bytes(SECOND_DATA, &flag.to_ne_bytes());
                });
            });
        }
    }
}

/// Makes the VLAN `id` of a link and brings it up.
pub(crate) fn create_vlan(batch: &mut Batch, name: &str, parent: u32, id: u16) {
    batch
        .push(
            "create VLAN",
            libc::RTM_NEWLINK,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        )
        .header(&info(0, true))
        .text(libc::IFLA_IFNAME, name)
        .u32(libc::IFLA_LINK, parent)
        .nest(libc::IFLA_LINKINFO, |m| {
            m.text(INFO_KIND, "vlan").nest(INFO_DATA, |m| {
                m.bytes(FIRST_DATA, &id.to_ne_bytes());
            });
        });
}

/// Makes a link that leads nowhere and brings it up.
pub(crate) fn create_dummy(batch: &mut Batch, name: &str) {
    batch
        .push(
            "create dummy",
            libc::RTM_NEWLINK,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        )
        .header(&info(0, true))
        .text(libc::IFLA_IFNAME, name)
        .nest(libc::IFLA_LINKINFO, |m| {
            m.text(INFO_KIND, "dummy");
        });
}

/// Notes something of a link.
pub(crate) fn set_alias(batch: &mut Batch, name: &str, alias: &str) {
    batch
        .push("name owner of link", libc::RTM_NEWLINK, 0)
        .header(&info(0, false))
        .text(libc::IFLA_IFNAME, name)
        .text(libc::IFLA_IFALIAS, alias);
}
