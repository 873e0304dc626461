//! Chains of others on the forward hook.

use super::super::batch::push;
use crate::netlink::{Attributes, Batch, NetlinkError, Socket};
use std::collections::HashSet;

/// A chain that forwarded packets come to of themselves.
#[derive(Debug)]
pub(super) struct Chain {
    /// `NFPROTO_*` of its table.
    pub(super) family: u8,
    pub(super) table: String,
    pub(super) name: String,
    /// Whether it drops what comes to its end.
    pub(super) drops: bool,
}

/// All chains on the forward hook, but those of daemons of an earlier version of ours: they would undo any change, and lose
/// nothing without it.
pub(super) fn forward_chains(socket: &mut Socket) -> Result<Vec<Chain>, NetlinkError> {
    let mut batch = Batch::new();
    push(
        &mut batch,
        "list chains",
        libc::NFT_MSG_GETCHAIN,
        libc::NLM_F_DUMP,
        libc::NFPROTO_UNSPEC as u8,
    );
    let mut chains = Vec::new();
    let mut older = HashSet::new();
    socket.query(&mut batch, |_, payload| {
        chains.extend(parse(payload));
        older.extend(guarded(payload));
    })?;
    chains.retain(|chain| {
        let is_inet = i32::from(chain.family) == libc::NFPROTO_INET;
        !(is_inet && chain.name == "forward" && older.contains(&chain.table))
    });
    Ok(chains)
}

fn parse(payload: &[u8]) -> Option<Chain> {
    const FORWARD: u32 = 2;
    const DROP: u32 = 0;
    let attributes = Attributes(payload.get(4..)?);
    let hook = attributes.nested(4);
    (hook.find_be32(1)? == FORWARD).then_some(())?;
    Some(Chain {
        family: payload[0],
        table: attributes.find_text(1)?.to_owned(),
        name: attributes.find_text(3)?.to_owned(),
        drops: attributes.find_be32(5) == Some(DROP),
    })
}

/// The table, if this is the chain by which those of earlier versions are known.
fn guarded(payload: &[u8]) -> Option<String> {
    const PREROUTING: u32 = 0;
    const RAW: i32 = -300;
    let attributes = Attributes(payload.get(4..)?);
    let hook = attributes.nested(4);
    let is_guard = i32::from(payload[0]) == libc::NFPROTO_INET
        && attributes.find_text(3) == Some("guard")
        && hook.find_be32(1) == Some(PREROUTING)
        && hook.find_be32(2) == Some(RAW as u32);
    is_guard.then(|| attributes.find_text(1).map(str::to_owned))?
}
