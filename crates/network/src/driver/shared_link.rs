//! The parents of macvlan and ipvlan networks: interfaces of the machine, VLANs on them, or a dummy that leads nowhere.

use super::{Made, alias, owner};
use crate::netlink::{Batch, Link, Socket, create_dummy, create_vlan, link_by_name, set_alias};
use crate::{Driver, MacvlanMode, NetworkError, NetworkSpec, config};
use rustix::io::Errno;

/// Finds the parent, or makes it.
pub(super) fn make(
    spec: &NetworkSpec,
    parent: Option<&str>,
    table: &str,
    socket: &mut Socket,
) -> Result<Made, NetworkError> {
    let dummy = dummy(spec);
    let name = parent.unwrap_or(&dummy);
    config::check_interface("parent interface", name)?;
    let (link, is_new) = match link_by_name(socket, name)? {
        Some(link) => (link, false),
        None => {
            let mut batch = Batch::new();
            let what = match parent {
                Some(parent) => {
                    let (base, id) = vlan(parent)?;
                    let base =
                        link_by_name(socket, base)?.ok_or_else(|| NetworkError::NoParent(base.to_owned()))?;
                    create_vlan(&mut batch, parent, base.index, id);
                    "VLANs (8021q)"
                }
                None => {
                    create_dummy(&mut batch, &dummy);
                    "dummy interfaces, which a network without a parent needs"
                }
            };
            set_alias(&mut batch, name, &alias(table, &spec.id));
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
        // It may have been made for another network.
        ours: is_new || owner(&noted, table).is_some(),
    })
}

/// Refuses a network on the parent of another where the two cannot share it: ipvlan has one mode for all of a parent, and passthru takes the
/// parent over.
pub(crate) fn refuse_sharing(spec: &NetworkSpec, other: &NetworkSpec) -> Result<(), NetworkError> {
    let id = &other.id;
    let sentence = match (&spec.driver, &other.driver) {
        (Driver::Ipvlan(one), Driver::Ipvlan(two)) if is_same(&one.parent, &two.parent) => {
            let parent = one.parent.as_deref().unwrap_or_default();
            format!(
                "network {} is already using parent interface {parent}",
                dummy(other)
            )
        }
        (Driver::Macvlan(one), Driver::Macvlan(two)) if is_same(&one.parent, &two.parent) => {
            let parent = one.parent.as_deref().unwrap_or_default();
            match (one.mode, two.mode) {
                (MacvlanMode::Passthru, _) => format!(
                    "cannot use mode passthru, macvlan network {id} is already using parent interface {parent}"
                ),
                (_, MacvlanMode::Passthru) => {
                    format!(
                        "macvlan network {id} is already using parent interface {parent} in mode passthru"
                    )
                }
                _ => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    Err(NetworkError::ParentTaken(sentence))
}

fn is_same(one: &Option<String>, two: &Option<String>) -> bool {
    one.is_some() && one == two
}

/// Docker's name for a parent that leads nowhere.
fn dummy(spec: &NetworkSpec) -> String {
    format!("dm-{}", spec.id.get(..12).unwrap_or(&spec.id))
}

/// A VLAN's name taken apart: the interface it is on, and its number.
fn vlan(name: &str) -> Result<(&str, u16), NetworkError> {
    let wrong = |sentence: String| Err(NetworkError::InvalidOption(sentence));
    let Some((base, id)) = name.rsplit_once('.') else {
        return wrong(format!(
            "invalid subinterface vlan name {name}, example formatting is eth0.10"
        ));
    };
    if base.is_empty() {
        return wrong(format!(
            "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received {name}"
        ));
    }
    let Ok(number) = id.parse::<i64>() else {
        return wrong(format!(
            "unable to parse a valid vlan id from: {id} (ex. eth0.10 for vlan 10)"
        ));
    };
    match u16::try_from(number) {
        Ok(id) if (1..=4094).contains(&id) => Ok((base, id)),
        _ => wrong(format!("vlan id must be between 1-4094, received: {number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_shared_where_that_can_be() {
        let network = |driver: &str, parent: &str, mode: &str| {
            let options = [("parent", parent), (&format!("{driver}_mode"), mode)];
            let options = options
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into();
            let id = format!("{driver}-{parent}-{mode}");
            let driver = crate::Options::parse(driver, &id, false, &options)
                .unwrap()
                .driver;
            NetworkSpec::new(&id, "n", driver)
        };
        let refused = |one, two| refuse_sharing(&one, &two).err().map(|error| error.to_string());
        let ipvlan = |parent| network("ipvlan", parent, "l2");
        let macvlan = |parent, mode| network("macvlan", parent, mode);
        assert_eq!(
            refused(ipvlan("eth0"), ipvlan("eth0")).unwrap(),
            "network dm-ipvlan-eth0- is already using parent interface eth0"
        );
        assert_eq!(refused(ipvlan("eth0"), ipvlan("eth1")), None);
        assert_eq!(refused(ipvlan(""), ipvlan("")), None);
        assert_eq!(refused(macvlan("eth0", "bridge"), macvlan("eth0", "vepa")), None);
        assert_eq!(
            refused(macvlan("eth0", "passthru"), macvlan("eth0", "bridge")).unwrap(),
            "cannot use mode passthru, macvlan network macvlan-eth0-bridge is already using parent interface eth0"
        );
        assert_eq!(
            refused(macvlan("eth0", "bridge"), macvlan("eth0", "passthru")).unwrap(),
            "macvlan network macvlan-eth0-passthru is already using parent interface eth0 in mode passthru"
        );
    }

    #[test]
    fn vlans_are_named_after_their_interface() {
        assert_eq!(vlan("eth0.10").unwrap(), ("eth0", 10));
        assert_eq!(vlan("eth0.10.20").unwrap(), ("eth0.10", 20));
        for (name, sentence) in [
            (
                "eth0",
                "invalid subinterface vlan name eth0, example formatting is eth0.10",
            ),
            (
                "eth0.",
                "unable to parse a valid vlan id from:  (ex. eth0.10 for vlan 10)",
            ),
            (
                "eth0.x",
                "unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)",
            ),
            ("eth0.0", "vlan id must be between 1-4094, received: 0"),
            ("eth0.4095", "vlan id must be between 1-4094, received: 4095"),
            (
                ".5",
                "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received .5",
            ),
        ] {
            assert_eq!(vlan(name).unwrap_err().to_string(), sentence);
        }
    }
}
