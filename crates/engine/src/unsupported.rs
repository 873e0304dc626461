//! Options that have no effect here: told in Docker's words where Docker has none either, an error where Corten has none yet.

use corten_wire::HostConfig;

use crate::error::{Error, Result};

/// Refuses what is not there, and warns of what is discarded.
pub(crate) fn check(host: &mut HostConfig, warnings: &mut Vec<String>) -> Result<()> {
    discard(host, warnings);
    foreign(host)?;
    if !host.cgroup.is_empty() {
        return Err(Error::Unsupported("a cgroup mode".to_owned()));
    }
    Ok(())
}

/// What Docker takes, and tells that it has no effect here.
fn discard(host: &mut HostConfig, warnings: &mut Vec<String>) {
    if std::mem::take(&mut host.kernel_memory) != 0 {
        warnings.push(
            "Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation \
             discarded."
                .to_owned(),
        );
    }
    if std::mem::take(&mut host.cpu_percent) != 0 {
        warnings.push("linux does not support CPU percent. Percent discarded.".to_owned());
    }
    if std::mem::take(&mut host.cpu_count) != 0 {
        warnings.push("linux does not support CPU count. Count discarded.".to_owned());
    }
}

/// Refuses what neither Docker has on such a machine, in its words.
fn foreign(host: &HostConfig) -> Result<()> {
    let invalid = |message: String| Err(Error::Invalid(message));
    if !host.storage_opt.is_empty() {
        return Err(Error::Failed(
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option".to_owned(),
        ));
    }
    if !matches!(host.runtime.as_str(), "" | "corten" | "runc") {
        return invalid(format!("unknown or invalid runtime name: {}", host.runtime));
    }
    if !matches!(host.userns_mode.as_str(), "" | "host") {
        return invalid(format!("invalid userns mode: {}", host.userns_mode));
    }
    if !matches!(host.isolation.as_str(), "" | "default") {
        return invalid(format!(
            "invalid isolation ({}): linux only supports 'default'",
            host.isolation
        ));
    }
    if host.io_maximum_iops != 0 || host.io_maximum_bandwidth != 0 {
        return invalid(
            "invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps".to_owned(),
        );
    }
    Ok(())
}
