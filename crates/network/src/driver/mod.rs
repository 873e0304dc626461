//! The links networks are made of on this machine.

mod bridge;
mod shared_link;

pub(crate) use shared_link::refuse_sharing;

use crate::netlink::{Batch, Socket, delete_link_at};
use crate::{Driver, IpvlanMode, MacAddr, NetworkError, NetworkSpec};
use rustix::io::Errno;

/// The link of a network.
pub(crate) struct Made {
    /// Number of the bridge, or of the parent.
    pub(crate) index: u32,
    /// Its hardware address, which containers' ones are derived from.
    pub(crate) mac: Option<MacAddr>,
    /// Whether it was made for the network, or for another one that shares it, and goes with the last of them.
    pub(crate) ours: bool,
}

/// Makes a network's link, or takes over the one that is there.
pub(crate) fn make(spec: &NetworkSpec, table: &str, socket: &mut Socket) -> Result<Made, NetworkError> {
    match &spec.driver {
        Driver::Bridge(options) => bridge::make(spec, options, &alias(table, &spec.id), socket),
        Driver::Macvlan(options) => shared_link::make(spec, options.parent.as_deref(), table, socket),
        Driver::Ipvlan(options) => shared_link::make(spec, options.parent.as_deref(), table, socket),
    }
}

impl Made {
    /// Deletes the link if it was made for the network, and is still there.
    pub(crate) fn unmake(&self, socket: &mut Socket) -> Result<(), NetworkError> {
        if !self.ours {
            return Ok(());
        }
        let mut batch = Batch::new();
        delete_link_at(&mut batch, self.index);
        match socket.request(&mut batch) {
            Err(error) if error.errno() != Errno::NODEV => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Whether endpoints' default routes lead out by the link itself, whatever is behind it.
pub(crate) fn needs_no_gateway(spec: &NetworkSpec) -> bool {
    match &spec.driver {
        Driver::Ipvlan(options) => {
            options.mode != IpvlanMode::L2 && !spec.internal && options.parent.is_some()
        }
        _ => false,
    }
}

/// What is noted of a link that was made for a network: the kernel keeps it as long as the link, so that the next daemon
/// knows whose it is.
fn alias(table: &str, network: &str) -> String {
    format!("corten {table} {network}")
}

/// Id of the network a link was made for by a daemon with this table.
pub(crate) fn owner<'a>(alias: &'a str, table: &str) -> Option<&'a str> {
    let rest = alias.strip_prefix("corten ")?;
    rest.strip_prefix(table)?.strip_prefix(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_know_their_owners() {
        let noted = alias("corten0", "abc");
        assert_eq!(owner(&noted, "corten0"), Some("abc"));
        assert_eq!(owner(&noted, "corten"), None);
        assert_eq!(owner("eth0", "corten0"), None);
    }
}
