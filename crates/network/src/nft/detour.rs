//! A table of its own in a container's namespace: what is sent to one address and port comes in on another port there.
//!
//! The ports are rewritten packet by packet, without connection tracking: a namespace in which nobody else asks for it is spared
//! it, for queries and for everything else that passes there.

use super::batch::Transaction;
use super::chain::{Hook, Place};
use super::expr::{End, Header, Meta, Register};
use super::family::Family;
use crate::netlink::{NetlinkError, Socket};
use std::net::SocketAddrV4;

const PLACE: Place<'_> = Place {
    family: Family::V4,
    table: "corten-names",
};
const CHAIN: &str = "output";
/// Before packets are tracked.
const RAW: i32 = -300;
/// Protocols, each with where its header has the checksum, in bytes.
const PROTOCOLS: [(i32, u32); 2] = [(libc::IPPROTO_UDP, 6), (libc::IPPROTO_TCP, 16)];

/// From `at`, UDP and TCP, to the same address's port `to` and back; what was there before is replaced.
pub(crate) fn detour(socket: &mut Socket, at: SocketAddrV4, to: u16) -> Result<(), NetlinkError> {
    let r0 = Register(0);
    let mut transaction = Transaction::new();
    let new = |transaction: &mut Transaction| {
        let step = "create nf_tables table";
        transaction
            .push(
                step,
                libc::NFT_MSG_NEWTABLE,
                libc::NLM_F_CREATE,
                PLACE.family.number(),
            )
            .text(1, PLACE.table);
    };
    new(&mut transaction);
    transaction
        .push(
            "replace nf_tables table",
            libc::NFT_MSG_DELTABLE,
            0,
            PLACE.family.number(),
        )
        .text(1, PLACE.table);
    new(&mut transaction);
    PLACE.base_chain(&mut transaction, CHAIN, ("filter", Hook::Output, RAW));
    for (protocol, checksum) in PROTOCOLS {
        for (end, from, into) in [(End::Destination, at.port(), to), (End::Source, to, at.port())] {
            PLACE.rule(&mut transaction, CHAIN, |rule| {
                rule.payload(Header::Network, end.address(PLACE.family), 4, r0)
                    .equal(r0, &at.ip().octets());
                rule.meta(Meta::Transport, r0).equal(r0, &[protocol as u8]);
                rule.payload(Header::Transport, end.port(), 2, r0)
                    .equal(r0, &from.to_be_bytes());
                rule.untracked()
                    .load(r0, &into.to_be_bytes())
                    .rewrite_port(end, checksum, r0);
            });
        }
    }
    transaction.commit(socket)
}
