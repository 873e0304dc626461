//! A table of its own in a container's namespace: connections to one address and port are led to another port there.

use super::batch::Transaction;
use super::chain::{Hook, Place};
use super::expr::{Header, Meta, Register};
use super::family::Family;
use crate::netlink::{NetlinkError, Socket};
use std::net::SocketAddrV4;

const PLACE: Place<'_> = Place {
    family: Family::V4,
    table: "corten-names",
};
const CHAIN: &str = "output";
const DESTINATION: u32 = 16;
const PORT: u32 = 2;

/// From `from`, UDP and TCP, to the same address's port `to`; what was there before is replaced.
pub(crate) fn detour(socket: &mut Socket, from: SocketAddrV4, to: u16) -> Result<(), NetlinkError> {
    let (r0, r1) = (Register(0), Register(1));
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
    PLACE.base_chain(&mut transaction, CHAIN, ("nat", Hook::Output, -100));
    for protocol in [libc::IPPROTO_UDP, libc::IPPROTO_TCP] {
        PLACE.rule(&mut transaction, CHAIN, |rule| {
            rule.payload(Header::Network, DESTINATION, 4, r0)
                .equal(r0, &from.ip().octets());
            rule.meta(Meta::Transport, r0).equal(r0, &[protocol as u8]);
            rule.payload(Header::Transport, PORT, 2, r0)
                .equal(r0, &from.port().to_be_bytes());
            rule.load(r0, &from.ip().octets()).load(r1, &to.to_be_bytes());
            rule.destination(Family::V4, r0, r1);
        });
    }
    transaction.commit(socket)
}
