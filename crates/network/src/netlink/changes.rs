//! The kernel's news of changes to nf_tables.

use super::socket::{split, word};
use super::{Attributes, message::HEADER};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, netlink};
use std::io;
use std::ops::BitOrAssign;

const SUBSYSTEM: u16 = 10; // NFNL_SUBSYS_NFTABLES
const GROUP: u32 = 7; // NFNLGRP_NFTABLES
/// Whatever is told of (a table, a chain, a rule, a set, elements), its first attribute is the table's name.
const TABLE: u16 = 1;

/// What others have done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    /// They changed our tables, or may have: news were lost.
    pub(crate) ours: bool,
    /// They changed chains or rules of their own.
    pub(crate) theirs: bool,
}

impl BitOrAssign for News {
    fn bitor_assign(&mut self, other: Self) {
        self.ours |= other.ours;
        self.theirs |= other.theirs;
    }
}

/// A socket that hears of all changes in its network namespace.
pub(crate) struct Changes {
    fd: OwnedFd,
    table: String,
    own: u32,
    buffer: Vec<u8>,
}

impl Changes {
    /// Listens from now on for what others than the socket numbered `own` do, to the tables of this name and elsewhere.
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
    pub(crate) fn read(&mut self) -> News {
        let mut news = News::default();
        loop {
            let length = match rustix::net::recv(&self.fd, &mut self.buffer[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::NOBUFS) => {
                    // More happened than there was room for.
                    news |= News {
                        ours: true,
                        theirs: true,
                    };
                    continue;
                }
                Err(_) => return news,
            };
            let mut rest = &self.buffer[..length];
            while let Some((message, after)) = split(rest) {
                news |= self.told_by(message);
                rest = after;
            }
        }
    }

    fn told_by(&self, message: &[u8]) -> News {
        /// What decides about packets: sets and their elements only do where a rule says so.
        const DECIDING: [i32; 6] = [
            libc::NFT_MSG_NEWTABLE,
            libc::NFT_MSG_DELTABLE,
            libc::NFT_MSG_NEWCHAIN,
            libc::NFT_MSG_DELCHAIN,
            libc::NFT_MSG_NEWRULE,
            libc::NFT_MSG_DELRULE,
        ];
        let kind = word(message, 4) as u16;
        let sender = word(message, 12);
        let (Some(family), Some(attributes)) = (message.get(HEADER), message.get(HEADER + 4..)) else {
            return News::default();
        };
        if kind >> 8 != SUBSYSTEM || sender == self.own {
            return News::default();
        }
        let family = i32::from(*family);
        let of_ours = matches!(family, libc::NFPROTO_IPV4 | libc::NFPROTO_IPV6)
            && Attributes(attributes).find_text(TABLE) == Some(&self.table);
        let of_theirs = matches!(
            family,
            libc::NFPROTO_INET | libc::NFPROTO_IPV4 | libc::NFPROTO_IPV6
        ) && DECIDING.contains(&i32::from(kind & 0xff));
        News {
            ours: of_ours,
            theirs: of_theirs && !of_ours,
        }
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
