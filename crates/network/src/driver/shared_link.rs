//! The parents of macvlan and ipvlan networks: interfaces of the machine, VLANs on them, or a dummy that leads nowhere.

use super::Made;
use crate::netlink::{Batch, Link, Socket, create_dummy, create_vlan, link_by_name, set_alias};
use crate::{NetworkError, NetworkSpec, config};
use rustix::io::Errno;

/// Finds the parent, or makes it.
pub(super) fn make(
    spec: &NetworkSpec,
    parent: Option<&str>,
    alias: &str,
    socket: &mut Socket,
) -> Result<Made, NetworkError> {
    // Docker's name for a parent that leads nowhere.
    let dummy = format!("dm-{}", spec.id.get(..12).unwrap_or(&spec.id));
    let name = parent.unwrap_or(&dummy);
    config::check_interface("parent interface", name)?;
    let (link, is_new) = match link_by_name(socket, name)? {
        Some(link) => (link, false),
        None => {
            let mut batch = Batch::new();
            let what = match parent {
                Some(parent) => {
                    let (base, id) = vlan(parent).ok_or_else(|| NetworkError::NoParent(parent.to_owned()))?;
                    let base = link_by_name(socket, base)?
                        .ok_or_else(|| NetworkError::NoParent(parent.to_owned()))?;
                    create_vlan(&mut batch, parent, base.index, id);
                    "VLANs (8021q)"
                }
                None => {
                    create_dummy(&mut batch, &dummy);
                    "dummy interfaces, which a network without a parent needs"
                }
            };
            set_alias(&mut batch, name, alias);
            match socket.request(&mut batch) {
                Err(error) if error.errno() == Errno::OPNOTSUPP => {
                    return Err(NetworkError::KernelLacks(what.to_owned()));
                }
                other => other?,
            }
            let link = link_by_name(socket, name)?;
            (link.ok_or_else(|| NetworkError::NoParent(name.to_owned()))?, true)
        }
    };
    let Link {
        index,
        mac,
        alias: noted,
        ..
    } = link;
    Ok(Made {
        index,
        mac,
        ours: is_new || noted == alias,
    })
}

/// A VLAN's name taken apart: the interface it is on, and its number.
fn vlan(name: &str) -> Option<(&str, u16)> {
    let (base, id) = name.rsplit_once('.')?;
    let id = id.parse().ok().filter(|id| (1..=4094).contains(id))?;
    (!base.is_empty()).then_some((base, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlans_are_named_after_their_interface() {
        assert_eq!(vlan("eth0.10"), Some(("eth0", 10)));
        assert_eq!(vlan("eth0.10.20"), Some(("eth0.10", 20)));
        for name in ["eth0", "eth0.", "eth0.0", "eth0.4095", ".5", "eth0.x"] {
            assert_eq!(vlan(name), None, "{name}");
        }
    }
}
