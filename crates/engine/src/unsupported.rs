//! Options Docker offers that Corten does not honour yet: asked for, they are an error, never ignored.

use corten_wire::HostConfig;

use crate::error::{Error, Result};

/// Refuses what is not there yet.
pub(crate) fn check(host: &HostConfig) -> Result<()> {
    let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
    let asked = [
        (some(&host.links), "--link"),
        (
            host.device_requests.as_ref().is_some_and(|l| !l.is_empty()),
            "--gpus",
        ),
        (!host.storage_opt.is_empty(), "--storage-opt"),
        (
            !matches!(host.runtime.as_str(), "" | "corten" | "runc"),
            "another runtime",
        ),
        (
            !matches!(host.userns_mode.as_str(), "" | "host"),
            "a user namespace mode",
        ),
        (!matches!(host.isolation.as_str(), "" | "default"), "--isolation"),
        (
            host.cpu_realtime_period != 0 || host.cpu_realtime_runtime != 0,
            "realtime CPU scheduling",
        ),
        (
            host.kernel_memory != 0 || host.kernel_memory_tcp != 0,
            "a kernel memory limit",
        ),
        (
            host.cpu_count != 0 || host.cpu_percent != 0,
            "a Windows CPU limit",
        ),
        (
            host.io_maximum_iops != 0 || host.io_maximum_bandwidth != 0,
            "a Windows I/O limit",
        ),
        (has_devices(&host.blkio_weight_device), "--blkio-weight-device"),
        (has_devices(&host.blkio_device_read_bps), "--device-read-bps"),
        (has_devices(&host.blkio_device_write_bps), "--device-write-bps"),
        (has_devices(&host.blkio_device_read_iops), "--device-read-iops"),
        (has_devices(&host.blkio_device_write_iops), "--device-write-iops"),
        (!host.cgroup.is_empty(), "a cgroup mode"),
    ];
    if let Some((_, what)) = asked.into_iter().find(|(asked, _)| *asked) {
        return Err(Error::Unsupported(what.to_owned()));
    }
    Ok(())
}

fn has_devices<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|l| !l.is_empty())
}
