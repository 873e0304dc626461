//! What a request asks for and no start could ever give: told when the container is created, in Docker's words, instead of
//! failing each start of it with the kernel's.

use std::collections::BTreeSet;

use corten_network::MacAddr;
use corten_types::is_ipc_sysctl;
use corten_wire::{ContainerConfig, HostConfig};

use crate::error::{Error, Result};
use crate::mounts::MountWish;
use crate::{devices, network_files};

/// Numbers of the processors and memory nodes this machine has.
const PROCESSORS: &str = "/sys/devices/system/cpu/online";
const MEMORY_NODES: &str = "/sys/devices/system/node/online";
/// The most numbers a list of them may name; the kernel's own limit is not above it on any machine.
const MAX_NUMBER: u32 = 8191;

/// Flags a tmpfs may be given; Docker's list.
const TMPFS_FLAGS: [&str; 33] = [
    "defaults",
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "dirsync",
    "remount",
    "mand",
    "nomand",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "bind",
    "rbind",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "unbindable",
    "runbindable",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
];

/// Refuses it.
pub(crate) fn check(host: &HostConfig) -> Result<()> {
    cpusets(host)?;
    for group in host.group_add.iter().flatten() {
        if group.is_empty() {
            return invalid("Unable to find group : no matching entries in group file".to_owned());
        }
        let number = group.parse::<u32>();
        if number.is_ok_and(|number| i32::try_from(number).is_err()) {
            return Err(Error::Invalid(
                "uids and gids must be in range 0-2147483647".to_owned(),
            ));
        }
    }
    for name in host.sysctls.keys() {
        sysctl(name, host)?;
    }
    for options in host.tmpfs.values() {
        options.split(',').try_for_each(tmpfs_option)?;
    }
    for mapping in host.devices.iter().flatten() {
        if mapping.path_on_host.is_empty() {
            return invalid(
                "error gathering device information while adding custom device \"\": no such file or directory"
                    .to_owned(),
            );
        }
        if !mapping
            .cgroup_permissions
            .bytes()
            .all(|access| b"rwm".contains(&access))
        {
            return invalid(format!("bad mode specified: {}", mapping.cgroup_permissions));
        }
    }
    for rule in host.device_cgroup_rules.iter().flatten() {
        devices::parse_rule(rule)?;
    }
    network_files::parse_addresses(host.dns.as_deref().unwrap_or_default())?;
    network_files::extra_hosts(host.extra_hosts.as_deref().unwrap_or_default()).map(drop)
}

/// The longest name the kernel takes for a machine or a domain.
const LONGEST_NAME: usize = 64;

/// Refuses texts the kernel cannot take as a name, an argument or a path.
pub(crate) fn texts(config: &ContainerConfig, argv: &[String], mounts: &[MountWish]) -> Result<()> {
    let names = [
        ("hostname", &config.hostname),
        ("domain name", &config.domainname),
    ];
    for (what, name) in names {
        if name.len() > LONGEST_NAME {
            return invalid(format!("invalid {what}: longer than {LONGEST_NAME} bytes"));
        }
    }
    let single = [("user", &config.user), ("working directory", &config.working_dir)];
    // A program of such a name is one that is not there, which the start says.
    let lists = argv.iter().skip(1).map(|text| ("command", text));
    let lists = lists.chain(
        config
            .env
            .iter()
            .flatten()
            .map(|text| ("environment variable", text)),
    );
    let places = mounts.iter().map(|mount| ("mount", &mount.point.destination));
    let mut all = names.into_iter().chain(single).chain(lists).chain(places);
    match all.find(|(_, text)| text.contains('\0')) {
        None => Ok(()),
        Some((what, text)) => invalid(format!("invalid {what}: {text:?} contains a NUL byte")),
    }
}

/// Refuses texts that would be more than one line of `hosts`, `hostname` or `resolv.conf`: who may name a machine may not say
/// where other names lead.
pub(crate) fn lines(config: &ContainerConfig, host: &HostConfig) -> Result<()> {
    let names = [
        ("hostname", &config.hostname),
        ("domain name", &config.domainname),
    ];
    let lists = [
        ("add-host", &host.extra_hosts),
        ("DNS search domain", &host.dns_search),
        ("DNS option", &host.dns_options),
    ];
    let of_lists = lists
        .into_iter()
        .flat_map(|(what, texts)| texts.iter().flatten().map(move |text| (what, text)));
    let mut all = names.into_iter().chain(of_lists);
    match all.find(|(_, text)| text.contains(char::is_control)) {
        None => Ok(()),
        Some((what, text)) => invalid(format!("invalid {what}: {text:?} contains a control character")),
    }
}

fn invalid<T>(message: String) -> Result<T> {
    Err(Error::Invalid(message))
}

/// Refuses processors and memory nodes the machine does not have.
pub(crate) fn cpusets(host: &HostConfig) -> Result<()> {
    cpuset("cpuset cpus", "CPUs", &host.cpuset_cpus, PROCESSORS)?;
    cpuset("cpuset mems", "memory nodes", &host.cpuset_mems, MEMORY_NODES)
}

/// Checks a list of numbers against those in the file `available`.
fn cpuset(what: &str, plural: &str, asked: &str, available: &str) -> Result<()> {
    if asked.is_empty() {
        return Ok(());
    }
    let Some(wanted) = numbers(asked) else {
        return invalid(format!(
            "Invalid value {asked} for {what}: invalid format: {asked}"
        ));
    };
    // A kernel that tells nothing of its nodes has one.
    let text = std::fs::read_to_string(available).unwrap_or_else(|_| "0".to_owned());
    let text = text.trim();
    if numbers(text).is_some_and(|there| !wanted.is_subset(&there)) {
        return invalid(format!(
            "Requested {plural} are not available - requested {asked}, available: {text}"
        ));
    }
    Ok(())
}

/// Reads `0-3,7`.
fn numbers(list: &str) -> Option<BTreeSet<u32>> {
    let number = |text: &str| text.parse().ok().filter(|number| *number <= MAX_NUMBER);
    let mut found = BTreeSet::new();
    for part in list.split(',') {
        match part.split_once('-') {
            None => drop(found.insert(number(part)?)),
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                if first > last {
                    return None;
                }
                found.extend(first..=last);
            }
        }
    }
    Some(found)
}

/// A parameter of the host's own, or one of a namespace the container shares with it.
fn sysctl(name: &str, host: &HostConfig) -> Result<()> {
    let key = name.replace('/', ".");
    if key == "kernel.hostname" {
        return invalid(format!(
            "sysctl {name:?} is not allowed as it conflicts with the OCI \"hostname\" field"
        ));
    }
    let climbs = key.split('.').any(str::is_empty);
    let (own, shared) = if is_ipc_sysctl(&key) {
        (
            true,
            (host.ipc_mode == "host").then_some("is not allowed in the hosts ipc namespace"),
        )
    } else if key.starts_with("net.") {
        (
            true,
            (host.network_mode == "host").then_some("not allowed in host network namespace"),
        )
    } else if key == "kernel.domainname" {
        (
            true,
            (host.uts_mode == "host").then_some("is not in a separate kernel namespace"),
        )
    } else {
        (false, None)
    };
    match shared {
        Some(why) => invalid(format!("sysctl {name:?} {why}")),
        None if !own || climbs => invalid(format!("sysctl {name:?} is not in a separate kernel namespace")),
        None => Ok(()),
    }
}

fn tmpfs_option(option: &str) -> Result<()> {
    if option.is_empty() || TMPFS_FLAGS.contains(&option) {
        return Ok(());
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    match option.split_once('=') {
        None => invalid(format!("invalid tmpfs option [{option:?}]")),
        Some((key, value)) => {
            let fits = match key {
                "size" | "nr_inodes" | "nr_blocks" => {
                    let units: &[char] = if key == "size" {
                        &['k', 'K', 'm', 'M', 'g', 'G', 't', 'T', '%']
                    } else {
                        &['k', 'K', 'm', 'M', 'g', 'G', 't', 'T']
                    };
                    digits(value.strip_suffix(units).unwrap_or(value))
                }
                "mode" => digits(value) && u32::from_str_radix(value, 8).is_ok_and(|mode| mode <= 0o7777),
                "uid" | "gid" => digits(value) && value.parse::<u32>().is_ok(),
                "mpol" => true,
                _ => false,
            };
            if fits {
                Ok(())
            } else {
                invalid(format!("invalid tmpfs option [{key:?} {value:?}]"))
            }
        }
    }
}

/// A hardware address no link can have, or one for a network that is not the container's own.
pub(crate) fn mac_address(wish: Option<&str>, host: &HostConfig) -> Result<()> {
    let Some(text) = wish else { return Ok(()) };
    if host.network_mode == "host" || host.network_mode.starts_with("container:") {
        return invalid("conflicting options: mac-address and the network mode".to_owned());
    }
    is_own_mac(text)
}

/// Refuses what no interface can have as its own hardware address.
pub(crate) fn is_own_mac(text: &str) -> Result<()> {
    match text.parse::<MacAddr>() {
        // A group's address is nobody's own, and no interface can have the one of zeros.
        Ok(address) if address.octets()[0] & 1 == 0 && address.octets() != [0; 6] => Ok(()),
        _ => invalid(format!("invalid MAC address: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(change: impl Fn(&mut HostConfig)) -> Option<String> {
        let mut host = HostConfig::default();
        change(&mut host);
        check(&host).err().map(|error| error.to_string())
    }

    #[test]
    fn parameters_of_the_host_are_refused_however_they_are_written() {
        let sysctl = |name: &str| said(|host| drop(host.sysctls.insert(name.to_owned(), "1".to_owned())));
        for own in [
            "net.ipv4.ip_forward",
            "net/ipv4/conf/eth0.1/forwarding",
            "kernel.shmmax",
            "fs.mqueue.msg_max",
        ] {
            assert_eq!(sysctl(own), None, "{own}");
        }
        for host in [
            "vm.swappiness",
            "net/../vm/swappiness",
            "net/ipv4/../../vm/swappiness",
            "kernel.panic",
            "",
            "net.",
        ] {
            let sentence = format!("sysctl {host:?} is not in a separate kernel namespace");
            assert_eq!(sysctl(host), Some(sentence));
        }
        let shared = said(|host| {
            "host".clone_into(&mut host.network_mode);
            host.sysctls
                .insert("net.core.somaxconn".to_owned(), "1".to_owned());
        });
        assert_eq!(
            shared.unwrap(),
            "sysctl \"net.core.somaxconn\" not allowed in host network namespace"
        );
    }

    #[test]
    fn nothing_is_no_group_and_no_device() {
        assert_eq!(
            said(|host| host.group_add = Some(vec![String::new()])).unwrap(),
            "Unable to find group : no matching entries in group file"
        );
        assert!(said(|host| host.devices = Some(vec![Default::default()])).is_some());
    }

    #[test]
    fn lists_of_processors() {
        assert_eq!(numbers("0-2,5"), Some([0, 1, 2, 5].into()));
        for bad in ["", ",", "1-0", "x", "0-", "-1", "99999999", "0-4000000000"] {
            assert_eq!(numbers(bad), None, "{bad}");
        }
        assert_eq!(
            said(|host| "abc".clone_into(&mut host.cpuset_cpus)).unwrap(),
            "Invalid value abc for cpuset cpus: invalid format: abc"
        );
        let many = said(|host| "8000".clone_into(&mut host.cpuset_cpus)).unwrap();
        assert!(
            many.starts_with("Requested CPUs are not available - requested 8000, available: 0"),
            "{many}"
        );
    }

    #[test]
    fn options_of_a_tmpfs() {
        let tmpfs = |options: &str| said(|host| drop(host.tmpfs.insert("/t".to_owned(), options.to_owned())));
        assert_eq!(tmpfs("size=10%,mode=1777,uid=5,noatime,exec,nr_inodes=1k"), None);
        assert_eq!(tmpfs(""), None);
        assert_eq!(tmpfs("frob").unwrap(), "invalid tmpfs option [\"frob\"]");
        for bad in ["size=x", "mode=9", "uid=-1", "frob=1", "size="] {
            assert!(tmpfs(bad).is_some(), "{bad}");
        }
    }
}
