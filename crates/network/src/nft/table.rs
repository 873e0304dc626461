//! The one table of a network: made anew in one transaction, then changed by map elements only.
//!
//! ```text
//! table inet NAME {
//!   map by_address { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
//!   map by_port    { type             inet_proto . inet_service : ipv4_addr . inet_service }
//!   chain guard       prerouting  raw       drop daddr or saddr 127/8 unless from lo
//!   chain prerouting  prerouting  dstnat    fib daddr type local → by_address, by_port
//!   chain output      output      dstnat    the same, for this machine's own connections
//!   chain forward     forward     filter    bridge → anywhere, published and known connections → bridge
//!   chain postrouting postrouting srcnat    masquerade subnet → outside, hairpin, 127/8 → bridge
//! }
//! ```

use super::Ruleset;
use super::batch::{Transaction, push};
use crate::Proto;
use crate::netlink::{Attributes, Batch, Message, NetlinkError, Socket};
use rustix::io::Errno;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Published on one address of the machine.
pub(super) const BY_ADDRESS: &str = "by_address";
/// Published on all addresses of the machine.
pub(super) const BY_PORT: &str = "by_port";

// Numbers by which the nft program shows keys; the kernel does not look at them.
const TYPE_ADDRESS: u32 = 7;
const TYPE_PROTOCOL: u32 = 12;
const TYPE_SERVICE: u32 = 13;
const TYPE_BITS: u32 = 6;
const TYPE_TARGET: u32 = TYPE_ADDRESS << TYPE_BITS | TYPE_SERVICE;

/// Elements in one message: their list's length is a 16-bit number of bytes.
const ELEMENTS_PER_MESSAGE: usize = 512;

/// Connections to a port of this machine that go to a container instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forward {
    /// Transport protocol.
    pub(crate) proto: Proto,
    /// Address and port of this machine; the unspecified address stands for all of them.
    pub(crate) from: SocketAddrV4,
    /// Address and port of the container.
    pub(crate) to: SocketAddrV4,
}

/// The table by its rules; holds no state, the kernel does.
pub(crate) struct Table {
    rules: Ruleset,
}

impl Table {
    /// Describes the table; nothing is made yet.
    pub(crate) fn new(rules: Ruleset) -> Self {
        Self { rules }
    }

    /// Puts the table in place with exactly these elements, whatever it was before, in one transaction.
    pub(crate) fn replace(&self, socket: &mut Socket, forwards: &[Forward]) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.whole(&mut transaction, "create nf_tables table", libc::NFT_MSG_NEWTABLE);
        // The table exists now for sure, so that this cannot fail.
        self.whole(
            &mut transaction,
            "replace nf_tables table",
            libc::NFT_MSG_DELTABLE,
        );
        self.whole(&mut transaction, "create nf_tables table", libc::NFT_MSG_NEWTABLE);
        self.map(
            &mut transaction,
            BY_ADDRESS,
            1,
            12,
            (TYPE_ADDRESS << TYPE_BITS | TYPE_PROTOCOL) << TYPE_BITS | TYPE_SERVICE,
        );
        self.map(
            &mut transaction,
            BY_PORT,
            2,
            8,
            TYPE_PROTOCOL << TYPE_BITS | TYPE_SERVICE,
        );
        self.rules.write(&mut transaction);
        self.elements(
            &mut transaction,
            "publish port",
            libc::NFT_MSG_NEWSETELEM,
            forwards,
        );
        transaction.commit(socket)
    }

    /// Adds elements: the ports are published when this returns.
    pub(crate) fn add(&self, socket: &mut Socket, forwards: &[Forward]) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.elements(
            &mut transaction,
            "publish port",
            libc::NFT_MSG_NEWSETELEM,
            forwards,
        );
        transaction.commit(socket)
    }

    /// Takes elements away, all or none.
    pub(crate) fn remove(&self, socket: &mut Socket, forwards: &[Forward]) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.elements(
            &mut transaction,
            "withdraw port",
            libc::NFT_MSG_DELSETELEM,
            forwards,
        );
        transaction.commit(socket)
    }

    /// Deletes the table, if it is there.
    pub(crate) fn delete(&self, socket: &mut Socket) -> Result<(), NetlinkError> {
        let mut transaction = Transaction::new();
        self.whole(&mut transaction, "delete nf_tables table", libc::NFT_MSG_DELTABLE);
        match transaction.commit(socket) {
            Err(error) if error.errno() == Errno::NOENT => Ok(()),
            other => other,
        }
    }

    /// The elements the kernel holds; none when there is no such table.
    pub(crate) fn forwards(&self, socket: &mut Socket) -> Result<Vec<Forward>, NetlinkError> {
        let mut found = Vec::new();
        for map in [BY_ADDRESS, BY_PORT] {
            let mut batch = Batch::new();
            push(
                &mut batch,
                "list published ports",
                libc::NFT_MSG_GETSETELEM,
                libc::NLM_F_DUMP,
            )
            .text(1, &self.rules.table)
            .text(2, map);
            let result = socket.query(&mut batch, |_, payload| {
                let list = Attributes(payload.get(4..).unwrap_or_default()).nested(3);
                found.extend(list.filter_map(|(_, element)| parse(Attributes(element))));
            });
            match result {
                Err(error) if error.errno() == Errno::NOENT => {}
                other => other?,
            }
        }
        Ok(found)
    }

    fn whole(&self, transaction: &mut Transaction, step: &'static str, kind: i32) {
        let flags = if kind == libc::NFT_MSG_NEWTABLE {
            libc::NLM_F_CREATE
        } else {
            0
        };
        transaction.push(step, kind, flags).text(1, &self.rules.table);
    }

    fn map(&self, transaction: &mut Transaction, name: &str, id: u32, key_len: u32, key_type: u32) {
        const IS_MAP: u32 = 0x8;
        transaction
            .push("create nf_tables map", libc::NFT_MSG_NEWSET, libc::NLM_F_CREATE)
            .text(1, &self.rules.table)
            .text(2, name)
            .be32(3, IS_MAP)
            .be32(4, key_type)
            .be32(5, key_len)
            .be32(6, TYPE_TARGET)
            .be32(7, 8)
            .be32(10, id);
    }

    fn elements(&self, transaction: &mut Transaction, step: &'static str, kind: i32, all: &[Forward]) {
        let flags = match kind {
            libc::NFT_MSG_NEWSETELEM => libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            _ => 0,
        };
        for map in [BY_ADDRESS, BY_PORT] {
            let of_map: Vec<_> = all
                .iter()
                .filter(|forward| forward.from.ip().is_unspecified() == (map == BY_PORT))
                .collect();
            for chunk in of_map.chunks(ELEMENTS_PER_MESSAGE) {
                transaction
                    .push(step, kind, flags)
                    .text(1, &self.rules.table)
                    .text(2, map)
                    .nest(3, |m| chunk.iter().for_each(|forward| write(m, forward)));
            }
        }
    }
}

fn write(message: &mut Message<'_>, forward: &Forward) {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&forward.from.ip().octets());
    key[4] = forward.proto.number();
    key[8..10].copy_from_slice(&forward.from.port().to_be_bytes());
    let key = if forward.from.ip().is_unspecified() {
        &key[4..]
    } else {
        &key[..]
    };
    let mut target = [0; 8];
    target[..4].copy_from_slice(&forward.to.ip().octets());
    target[4..6].copy_from_slice(&forward.to.port().to_be_bytes());
    message.nest(1, |m| {
        m.nest(1, |m| {
            m.bytes(1, key);
        })
        .nest(2, |m| {
            m.bytes(1, &target);
        });
    });
}

fn parse(element: Attributes<'_>) -> Option<Forward> {
    let key = element.nested(1).find(1)?;
    let target = element.nested(2).find(1)?;
    let (address, rest) = match key.len() {
        12 => (ipv4(key)?, &key[4..]),
        8 => (Ipv4Addr::UNSPECIFIED, key),
        _ => return None,
    };
    Some(Forward {
        proto: Proto::from_number(rest[0])?,
        from: SocketAddrV4::new(address, u16::from_be_bytes([rest[4], rest[5]])),
        to: SocketAddrV4::new(
            ipv4(target)?,
            u16::from_be_bytes([*target.get(4)?, *target.get(5)?]),
        ),
    })
}

fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(..4)?).ok()?))
}
