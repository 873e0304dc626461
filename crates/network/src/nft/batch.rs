//! An nf_tables transaction: everything between begin and end happens at once, or nothing does.

use crate::netlink::{Batch, Message, NetlinkError, Socket};

const SUBSYSTEM: u16 = 10; // NFNL_SUBSYS_NFTABLES
const BEGIN: u16 = 16; // NFNL_MSG_BATCH_BEGIN
const END: u16 = 17;

/// A transaction under construction.
pub(super) struct Transaction {
    batch: Batch,
}

impl Transaction {
    pub(super) fn new() -> Self {
        let mut batch = Batch::new();
        frame(&mut batch, "begin nf_tables batch", BEGIN);
        Self { batch }
    }

    /// Adds a request; `kind` is one of `libc::NFT_MSG_*`, `family` one of `libc::NFPROTO_*`.
    pub(super) fn push(&mut self, step: &'static str, kind: i32, flags: i32, family: u8) -> Message<'_> {
        push(&mut self.batch, step, kind, flags, family)
    }

    /// Hands the transaction to the kernel.
    pub(super) fn commit(mut self, socket: &mut Socket) -> Result<(), NetlinkError> {
        frame(&mut self.batch, "commit nf_tables batch", END);
        socket.request(&mut self.batch)
    }
}

/// A request outside any transaction: only good for questions.
pub(super) fn push<'a>(
    batch: &'a mut Batch,
    step: &'static str,
    kind: i32,
    flags: i32,
    family: u8,
) -> Message<'a> {
    let mut message = batch.push(step, SUBSYSTEM << 8 | kind as u16, flags);
    message.header(&[family, 0, 0, 0]);
    message
}

fn frame(batch: &mut Batch, step: &'static str, kind: u16) {
    let [high, low] = SUBSYSTEM.to_be_bytes();
    batch
        .push(step, kind, 0)
        .header(&[libc::AF_UNSPEC as u8, 0, high, low]);
}
