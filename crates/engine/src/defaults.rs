//! What containers get that do not ask for anything else: the daemon's settings, some of which change while it runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use corten_sandbox::SeccompChoice;
use corten_wire::{LogConfig, Ulimit};

use crate::error::{Error, Result};

/// Settings of the daemon that containers take over where they leave something open.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// Size of `/dev/shm` in bytes; 0 for Docker's 64 MiB.
    pub shm_size: i64,
    /// Resource limits by name. They are applied at each start and not shown by `inspect`.
    pub ulimits: Vec<Ulimit>,
    /// `private` or `host`; empty decides by the version of the machine's cgroups.
    pub cgroupns_mode: String,
    /// `private` or `shareable`; empty for `private`.
    pub ipc_mode: String,
    /// Name of the runtime; empty for our own.
    pub runtime: String,
    /// Programs gain no rights by executing files.
    pub no_new_privileges: bool,
    /// The system call filter of containers that are not privileged.
    pub seccomp: SeccompChoice,
    /// Programs run under an init.
    pub init: bool,
    /// A static program of the host to be that init; empty for our own.
    pub init_path: PathBuf,
    /// Log driver; empty for `json-file`.
    pub log_driver: String,
    /// Log options for containers that use that driver and do not set them.
    pub log_options: BTreeMap<String, String>,
}

impl Defaults {
    /// Refuses what no container could be started with.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn check(&self) -> Result<()> {
        let mut log = LogConfig::default();
        self.fill_log(&mut log);
        crate::log_options::check(&log)?;
        crate::resources::rlimits(&self.ulimits)?;
        if !matches!(self.ipc_mode.as_str(), "" | "private" | "shareable") {
            return Err(Error::Invalid(format!(
                "IPC mode {} is not supported as a default",
                self.ipc_mode
            )));
        }
        if !matches!(self.cgroupns_mode.as_str(), "" | "private" | "host") {
            return Err(Error::Invalid(format!(
                "invalid default cgroup namespace ({}), use 'host' or 'private'",
                self.cgroupns_mode
            )));
        }
        Ok(())
    }

    /// The daemon's driver where none is named; its options where that driver is used and the request does not set them.
    pub(crate) fn fill_log(&self, log: &mut LogConfig) {
        let own = if self.log_driver.is_empty() {
            "json-file"
        } else {
            &self.log_driver
        };
        if log.r#type.is_empty() {
            own.clone_into(&mut log.r#type);
        }
        let options = log.config.get_or_insert_default();
        if log.r#type == own {
            for (key, value) in &self.log_options {
                options.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// A container's own limits, and the daemon's for what it does not limit.
    pub(crate) fn with_ulimits(&self, own: &[Ulimit]) -> Vec<Ulimit> {
        let named = |name: &str| own.iter().any(|limit| limit.name == name);
        let inherited = self.ulimits.iter().filter(|limit| !named(&limit.name));
        own.iter().chain(inherited).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_options_of_the_daemon_fill_in_those_of_the_container() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let daemon = Defaults {
            log_options: map(&[("max-size", "5m"), ("max-file", "7")]),
            ..Defaults::default()
        };
        let mut log = LogConfig {
            config: Some(map(&[("max-size", "1k")])),
            ..LogConfig::default()
        };
        daemon.fill_log(&mut log);
        assert_eq!(log.r#type, "json-file");
        assert_eq!(log.config, Some(map(&[("max-size", "1k"), ("max-file", "7")])));
        let mut log = LogConfig {
            r#type: "none".to_owned(),
            config: None,
        };
        daemon.fill_log(&mut log);
        assert_eq!(log.config, Some(BTreeMap::new()));
    }

    #[test]
    fn a_containers_own_limits_come_first() {
        let limit = |name: &str, soft| Ulimit {
            name: name.to_owned(),
            soft,
            hard: soft,
        };
        let daemon = Defaults {
            ulimits: vec![limit("nofile", 10), limit("core", 0)],
            ..Defaults::default()
        };
        assert_eq!(
            daemon.with_ulimits(&[limit("nofile", 99)]),
            [limit("nofile", 99), limit("core", 0)]
        );
    }
}
