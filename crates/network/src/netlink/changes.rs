//! The kernel's news of changes to nf_tables.

use super::socket::{split, word};
use super::{Attributes, message::HEADER};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, netlink};
use std::io;

const SUBSYSTEM: u16 = 10; // NFNL_SUBSYS_NFTABLES
const GROUP: u32 = 7; // NFNLGRP_NFTABLES
/// Whatever is told of (a table, a chain, a rule, a set, elements), its first attribute is the table's name.
const TABLE: u16 = 1;

/// What the news say of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that is not our own doing.
    None,
    /// Somebody else changed it, or may have: news were lost.
    Foreign,
}

/// A socket that hears of all changes in its network namespace.
pub(crate) struct Changes {
    fd: OwnedFd,
    table: String,
    own: u32,
    buffer: Vec<u8>,
}

impl Changes {
    /// Listens from now on for what others than the socket numbered `own` do to the table.
    pub(crate) fn open(table: &str, own: u32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            flags,
            Some(netlink::NETFILTER),
        )?;
        // Bound, not just a member: the kernel takes a socket without a number for the cause of what has none.
        rustix::net::bind(&fd, &netlink::SocketAddrNetlink::new(0, 1 << (GROUP - 1)))?;
        Ok(Self {
            fd,
            table: table.to_owned(),
            own,
            buffer: vec![0; 32 * 1024],
        })
    }

    /// Reads all the news there are.
    pub(crate) fn read(&mut self) -> Change {
        let mut change = Change::None;
        loop {
            let length = match rustix::net::recv(&self.fd, &mut self.buffer[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::NOBUFS) => {
                    change = Change::Foreign; // more happened than there was room for
                    continue;
                }
                Err(_) => return change,
            };
            let mut rest = &self.buffer[..length];
            while let Some((message, after)) = split(rest) {
                if self.is_foreign(message) {
                    change = Change::Foreign;
                }
                rest = after;
            }
        }
    }

    fn is_foreign(&self, message: &[u8]) -> bool {
        let kind = word(message, 4) as u16;
        let sender = word(message, 12);
        let (family, attributes) = (message.get(HEADER), message.get(HEADER + 4..));
        kind >> 8 == SUBSYSTEM
            && sender != self.own
            && family == Some(&(libc::NFPROTO_INET as u8))
            && Attributes(attributes.unwrap_or_default()).find_text(TABLE) == Some(&self.table)
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
