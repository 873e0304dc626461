//! Requests about tracked connections.

use super::{Attributes, Batch, NetlinkError, Socket};
use rustix::io::Errno;
use std::collections::HashSet;

const SUBSYSTEM: u16 = 1; // NFNL_SUBSYS_CTNETLINK
const GET: u16 = 1;
const DELETE: u16 = 2;
const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
const PROTOCOL_NUMBER: u16 = 1;
const PROTOCOL_DESTINATION_PORT: u16 = 3;
const ID: u16 = 12;

/// Forgets connections of a protocol to these ports, whatever the address, so that the next packet of each is looked
/// at anew. A datagram's sender that never falls silent would otherwise go on talking to where the port led before.
pub(crate) fn forget_connections(
    socket: &mut Socket,
    protocol: u8,
    ports: &HashSet<u16>,
) -> Result<(), NetlinkError> {
    // Family, tuple and number of each.
    let mut found: Vec<(u8, Vec<u8>, Vec<u8>)> = Vec::new();
    let mut batch = Batch::new();
    batch
        .push("list connections", SUBSYSTEM << 8 | GET, libc::NLM_F_DUMP)
        .header(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
    socket.query(&mut batch, |_, payload| {
        let attributes = Attributes(payload.get(4..).unwrap_or_default());
        let tuple = attributes.nested(TUPLE_ORIGINAL);
        let transport = tuple.nested(TUPLE_PROTOCOL);
        let port = transport
            .find(PROTOCOL_DESTINATION_PORT)
            .and_then(|port| Some(u16::from_be_bytes(port.get(..2)?.try_into().ok()?)));
        if transport.find(PROTOCOL_NUMBER) == Some(&[protocol][..])
            && port.is_some_and(|port| ports.contains(&port))
            && tuple.find(TUPLE_IP).is_some()
        {
            let tuple = attributes.find(TUPLE_ORIGINAL).unwrap_or_default().to_vec();
            let id = attributes.find(ID).unwrap_or_default().to_vec();
            found.push((payload[0], tuple, id));
        }
    })?;
    for (family, tuple, id) in found {
        let mut batch = Batch::new();
        batch
            .push("forget connection", SUBSYSTEM << 8 | DELETE, 0)
            .header(&[family, 0, 0, 0])
            .nested_bytes(TUPLE_ORIGINAL, &tuple)
            .bytes(ID, &id);
        match socket.request(&mut batch) {
            Err(error) if error.errno() != Errno::NOENT => return Err(error),
            _ => {} // ended by itself
        }
    }
    Ok(())
}
