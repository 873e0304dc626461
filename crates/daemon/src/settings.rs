//! Flags and file made into settings.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::path::PathBuf;

use corten_network::{Ipv4Net, NetworkConfig};

use crate::config_file::ConfigFile;
use crate::flags::Flags;

/// Everything a daemon is started with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) hosts: Vec<PathBuf>,
    /// Listen on Docker's own socket, too, if nobody does.
    pub(crate) docker_socket: bool,
    pub(crate) data_root: PathBuf,
    pub(crate) exec_root: PathBuf,
    pub(crate) pidfile: PathBuf,
    /// `None` runs without the default bridge.
    pub(crate) network: Option<NetworkConfig>,
    pub(crate) dns: Vec<IpAddr>,
    pub(crate) cgroup_parent: String,
    pub(crate) group: String,
    pub(crate) log_options: BTreeMap<String, String>,
    pub(crate) live_restore: bool,
    pub(crate) shutdown_timeout: i64,
    pub(crate) debug: bool,
    pub(crate) log_level: String,
    pub(crate) shim: Option<PathBuf>,
    pub(crate) validate: bool,
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Flags over file over defaults. A setting in both places is a mistake, as it is to dockerd.
    pub(crate) fn settle(flags: Flags) -> Result<Self, String> {
        let (file, warnings) = ConfigFile::read(flags.config_file.as_deref())?;
        Self::merge(flags, file, warnings)
    }

    fn merge(flags: Flags, file: ConfigFile, warnings: Vec<String>) -> Result<Self, String> {
        let driver = one("storage-driver", flags.storage_driver, file.storage_driver)?;
        if driver
            .as_deref()
            .is_some_and(|name| !matches!(name, "overlay2" | "overlay"))
        {
            return Err(format!(
                "the storage driver {} is not supported by Corten",
                driver.unwrap_or_default()
            ));
        }
        let log_driver = one("log-driver", flags.log_driver, file.log_driver)?;
        if log_driver.as_deref().is_some_and(|name| name != "json-file") {
            return Err(format!(
                "the log driver {} is not supported by Corten yet",
                log_driver.unwrap_or_default()
            ));
        }
        if !flags.hosts.is_empty() && !file.hosts.is_empty() {
            return Err(both("hosts", &flags.hosts, &file.hosts));
        }
        let wishes = if flags.hosts.is_empty() {
            file.hosts
        } else {
            flags.hosts
        };
        let exec_root =
            one("exec-root", flags.exec_root, file.exec_root)?.unwrap_or_else(|| "/run/corten".into());
        let docker_socket = wishes.is_empty() && exec_root.as_os_str() == "/run/corten";
        let hosts = if wishes.is_empty() {
            vec![exec_root.join("corten.sock")]
        } else {
            wishes
                .iter()
                .map(|wish| unix_path(wish))
                .collect::<Result<_, _>>()?
        };
        let bridge = one("bridge", flags.bridge, file.bridge)?.unwrap_or_else(|| "corten0".to_owned());
        let bip = one("bip", flags.bip, file.bip)?;
        let network = if bridge == "none" {
            None
        } else {
            let bip = match bip {
                Some(text) => Some(bridge_address(&text)?),
                None => None,
            };
            Some(NetworkConfig {
                table: one("firewall-table", flags.firewall_table, file.firewall_table)?
                    .unwrap_or_else(|| bridge.clone()),
                bridge,
                bip,
                mtu: one("mtu", flags.mtu, file.mtu)?.unwrap_or(1500),
                ip_forward: one("ip-forward", flags.ip_forward, file.ip_forward)?.unwrap_or(true),
                ip_masq: one("ip-masq", flags.ip_masq, file.ip_masq)?.unwrap_or(true),
                icc: one("icc", flags.icc, file.icc)?.unwrap_or(true),
            })
        };
        let dns = flags.dns.into_iter().chain(file.dns);
        let dns = dns
            .map(|text| text.parse().map_err(|_| format!("{text} is not an ip address")))
            .collect::<Result<_, _>>()?;
        let mut log_options = file.log_opts;
        for option in flags.log_opts {
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| format!("invalid log option: {option}"))?;
            log_options.insert(key.to_owned(), value.to_owned());
        }
        let absolute = |path: PathBuf| {
            std::path::absolute(&path).map_err(|error| format!("cannot use {}: {error}", path.display()))
        };
        let exec_root = absolute(exec_root)?;
        Ok(Self {
            hosts,
            docker_socket,
            data_root: absolute(
                one("data-root", flags.data_root, file.data_root)?
                    .unwrap_or_else(|| "/var/lib/corten".into()),
            )?,
            pidfile: absolute(
                one("pidfile", flags.pidfile, file.pidfile)?.unwrap_or_else(|| exec_root.join("corten.pid")),
            )?,
            exec_root,
            network,
            dns,
            cgroup_parent: one("cgroup-parent", flags.cgroup_parent, file.cgroup_parent)?
                .unwrap_or_else(|| "/docker".to_owned()),
            group: one("group", flags.group, file.group)?.unwrap_or_else(|| "docker".to_owned()),
            log_options,
            live_restore: one("live-restore", flags.live_restore, file.live_restore)?.unwrap_or(true),
            shutdown_timeout: one("shutdown-timeout", flags.shutdown_timeout, file.shutdown_timeout)?
                .unwrap_or(15),
            debug: one("debug", flags.debug, file.debug)?.unwrap_or(false),
            log_level: one("log-level", flags.log_level, file.log_level)?
                .unwrap_or_else(|| "info".to_owned()),
            shim: one("shim", flags.shim, file.shim)?,
            validate: flags.validate,
            warnings,
        })
    }
}

/// A setting that may come from a flag or the file, not from both.
fn one<T: Debug>(name: &str, flag: Option<T>, file: Option<T>) -> Result<Option<T>, String> {
    match (flag, file) {
        (Some(flag), Some(file)) => Err(both(name, &flag, &file)),
        (flag, file) => Ok(flag.or(file)),
    }
}

fn both(name: &str, flag: &dyn Debug, file: &dyn Debug) -> String {
    format!(
        "the following directives are specified both as a flag and in the configuration file: {name}: (from flag: {flag:?}, \
         from file: {file:?})"
    )
}

fn unix_path(host: &str) -> Result<PathBuf, String> {
    match host.split_once("://") {
        Some(("unix", path)) if path.starts_with('/') => Ok(path.into()),
        None if host.starts_with('/') => Ok(host.into()),
        Some(("tcp" | "fd", _)) => Err(format!("listening on {host} is not supported by Corten yet")),
        _ => Err(format!("invalid bind address ({host})")),
    }
}

/// The bridge's address: one that a host can have, in a subnet that leaves the machine its other routes.
fn bridge_address(text: &str) -> Result<Ipv4Net, String> {
    let bip: Ipv4Net = text
        .parse()
        .map_err(|_| format!("invalid CIDR address: {text}"))?;
    if bip.prefix_len() < 8 {
        return Err(format!(
            "the subnet of the bridge address {text} is larger than /8"
        ));
    }
    if bip.prefix_len() < 31 && (bip.address() == bip.network().address() || bip.address() == bip.broadcast())
    {
        return Err(format!(
            "the bridge address {text} is the network or broadcast address of its subnet"
        ));
    }
    Ok(bip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_in_both_places_is_a_mistake() {
        let flags = Flags {
            bridge: Some("a".into()),
            ..Default::default()
        };
        let file = ConfigFile {
            bridge: Some("b".into()),
            ..Default::default()
        };
        let error = Settings::merge(flags, file, vec![]).unwrap_err();
        assert!(
            error.contains("bridge: (from flag: \"a\", from file: \"b\")"),
            "{error}"
        );
    }

    #[test]
    fn everything_follows_the_exec_root() {
        let flags = Flags {
            exec_root: Some("/run/x".into()),
            ..Default::default()
        };
        let settings = Settings::merge(flags, ConfigFile::default(), vec![]).unwrap();
        assert_eq!(settings.hosts, [PathBuf::from("/run/x/corten.sock")]);
        assert!(!settings.docker_socket);
        assert_eq!(settings.network.unwrap().table, "corten0");
    }

    #[test]
    fn directories_do_not_depend_on_where_a_shim_runs() {
        let flags = Flags {
            data_root: Some("here".into()),
            ..Default::default()
        };
        let settings = Settings::merge(flags, ConfigFile::default(), vec![]).unwrap();
        assert_eq!(settings.data_root, std::env::current_dir().unwrap().join("here"));
    }

    #[test]
    fn a_bridge_address_is_one_a_host_can_have() {
        assert!(bridge_address("10.198.1.1/24").is_ok());
        for bad in [
            "1.2.3.4/0",
            "10.198.1.0/24",
            "10.198.1.255/24",
            "10.198.1.1",
            "fd00::1/64",
        ] {
            assert!(bridge_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_unix_sockets() {
        assert!(unix_path("unix:///a").is_ok());
        assert_eq!(
            unix_path("tcp://1:2").unwrap_err(),
            "listening on tcp://1:2 is not supported by Corten yet"
        );
        assert_eq!(unix_path("frob").unwrap_err(), "invalid bind address (frob)");
    }
}
