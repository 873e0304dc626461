//! `daemon.json`: Docker's keys, those that are there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Where the file is looked for when no flag names one.
const PLACES: [&str; 2] = ["/etc/corten/daemon.json", "/etc/docker/daemon.json"];

/// What the file sets.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ConfigFile {
    pub(crate) data_root: Option<PathBuf>,
    pub(crate) exec_root: Option<PathBuf>,
    pub(crate) pidfile: Option<PathBuf>,
    pub(crate) hosts: Vec<String>,
    pub(crate) bridge: Option<String>,
    pub(crate) bip: Option<String>,
    pub(crate) firewall_table: Option<String>,
    pub(crate) mtu: Option<u32>,
    pub(crate) icc: Option<bool>,
    pub(crate) ip_forward: Option<bool>,
    pub(crate) ip_masq: Option<bool>,
    pub(crate) dns: Vec<String>,
    pub(crate) cgroup_parent: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) log_driver: Option<String>,
    pub(crate) log_opts: BTreeMap<String, String>,
    pub(crate) live_restore: Option<bool>,
    pub(crate) shutdown_timeout: Option<i64>,
    pub(crate) debug: Option<bool>,
    pub(crate) log_level: Option<String>,
    pub(crate) storage_driver: Option<String>,
    pub(crate) shim: Option<PathBuf>,
}

/// Keys above, as written in the file.
const KNOWN: [&str; 22] = [
    "data-root",
    "exec-root",
    "pidfile",
    "hosts",
    "bridge",
    "bip",
    "firewall-table",
    "mtu",
    "icc",
    "ip-forward",
    "ip-masq",
    "dns",
    "cgroup-parent",
    "group",
    "log-driver",
    "log-opts",
    "live-restore",
    "shutdown-timeout",
    "debug",
    "log-level",
    "storage-driver",
    "shim",
];

/// Keys that speak of registries, which this daemon does not contact yet: they are announced as idle, not refused, because a
/// machine's existing file commonly has them.
const IDLE: [&str; 2] = ["registry-mirrors", "insecure-registries"];

impl ConfigFile {
    /// Reads the file a flag names, or the first of the usual places that has one. Returns what to warn of, too.
    pub(crate) fn read(named: Option<&Path>) -> Result<(Self, Vec<String>), String> {
        if let Some(path) = named {
            let text = fs::read_to_string(path).map_err(|error| failed(path, &error))?;
            return Self::parse(path, &text);
        }
        for place in PLACES {
            let path = Path::new(place);
            match fs::read_to_string(path) {
                Ok(text) => return Self::parse(path, &text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(path, &error)),
            }
        }
        Ok(Default::default())
    }

    fn parse(path: &Path, text: &str) -> Result<(Self, Vec<String>), String> {
        if text.trim().is_empty() {
            return Ok(Default::default());
        }
        let value: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|error| failed(path, &error))?;
        let (mut unknown, mut warnings) = (Vec::new(), Vec::new());
        for key in value.keys() {
            if IDLE.contains(&key.as_str()) {
                warnings.push(format!(
                    "{key} has no effect: Corten does not contact registries yet"
                ));
            } else if !KNOWN.contains(&key.as_str()) {
                unknown.push(key.clone());
            }
        }
        if !unknown.is_empty() {
            let why = format!(
                "the following directives don't match any configuration option: {}",
                unknown.join(", ")
            );
            return Err(failed(path, &why));
        }
        let config = serde_json::from_str(text).map_err(|error| failed(path, &error))?;
        Ok((config, warnings))
    }
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!(
        "unable to configure the daemon with file {}: {why}",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(ConfigFile, Vec<String>), String> {
        ConfigFile::parse(Path::new("/etc/x.json"), text)
    }

    #[test]
    fn known_keys_are_read_and_unknown_ones_named() {
        let (config, warnings) =
            parse(r#"{"bridge":"b0","log-opts":{"max-size":"1m"},"registry-mirrors":["http://x"]}"#).unwrap();
        assert_eq!(config.bridge.as_deref(), Some("b0"));
        assert_eq!(warnings.len(), 1);
        assert_eq!(
            parse(r#"{"frob":1}"#).unwrap_err(),
            "unable to configure the daemon with file /etc/x.json: the following directives don't match any configuration \
             option: frob"
        );
        assert!(parse("{").is_err());
        assert_eq!(parse("").unwrap().0, ConfigFile::default());
    }

    #[test]
    fn every_field_has_its_key() {
        for key in KNOWN {
            let wrong_type = format!("{{\"{key}\": {{\"a\": [1]}}}}");
            assert!(parse(&wrong_type).is_err(), "{key} is not read");
        }
    }
}
