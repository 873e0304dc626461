//! Limits of block devices: from paths in Docker's `HostConfig` to device numbers in the OCI specification.

use corten_wire::{HostConfig, ThrottleDevice};
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    LinuxBlockIo, LinuxBlockIoBuilder, LinuxThrottleDevice, LinuxThrottleDeviceBuilder,
    LinuxWeightDeviceBuilder,
};
use rustix::fs::{major, minor, stat};

use crate::error::{Error, Result};

/// Refuses what would be no limit of any device. That a device is there is seen at the start.
pub(crate) fn check(host: &HostConfig) -> Result<()> {
    let rates = [
        &host.blkio_device_read_bps,
        &host.blkio_device_write_bps,
        &host.blkio_device_read_iops,
        &host.blkio_device_write_iops,
    ];
    let mut limited = rates
        .into_iter()
        .flatten()
        .flatten()
        .map(|device| &device.path)
        .chain(
            host.blkio_weight_device
                .iter()
                .flatten()
                .map(|device| &device.path),
        );
    if limited.any(String::is_empty) {
        return Err(Error::Invalid("stat : no such file or directory".to_owned()));
    }
    let mut weights = host.blkio_weight_device.iter().flatten();
    if weights.any(|device| !(10..=1000).contains(&device.weight)) {
        return Err(Error::Invalid(
            "Range of blkio weight is from 10 to 1000".to_owned(),
        ));
    }
    Ok(())
}

/// The limits in the specification's terms; `None` without any.
///
/// # Errors
/// When a device is not there.
pub(crate) fn specification(host: &HostConfig) -> Result<Option<LinuxBlockIo>> {
    let mut weights = Vec::new();
    for device in host.blkio_weight_device.iter().flatten() {
        let (major, minor) = numbers(&device.path)?;
        let weight = LinuxWeightDeviceBuilder::default()
            .major(major)
            .minor(minor)
            .weight(device.weight)
            .build()
            .map_err(invalid)?;
        weights.push(weight);
    }
    let rates = [
        throttles(&host.blkio_device_read_bps)?,
        throttles(&host.blkio_device_write_bps)?,
        throttles(&host.blkio_device_read_iops)?,
        throttles(&host.blkio_device_write_iops)?,
    ];
    if host.blkio_weight == 0 && weights.is_empty() && rates.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let [read_bps, write_bps, read_iops, write_iops] = rates;
    let mut builder = LinuxBlockIoBuilder::default()
        .weight_device(weights)
        .throttle_read_bps_device(read_bps)
        .throttle_write_bps_device(write_bps)
        .throttle_read_iops_device(read_iops)
        .throttle_write_iops_device(write_iops);
    if host.blkio_weight != 0 {
        builder = builder.weight(host.blkio_weight);
    }
    builder.build().map(Some).map_err(invalid)
}

fn throttles(devices: &Option<Vec<ThrottleDevice>>) -> Result<Vec<LinuxThrottleDevice>> {
    let throttle = |device: &ThrottleDevice| {
        let (major, minor) = numbers(&device.path)?;
        LinuxThrottleDeviceBuilder::default()
            .major(major)
            .minor(minor)
            .rate(device.rate)
            .build()
            .map_err(invalid)
    };
    devices.iter().flatten().map(throttle).collect()
}

/// The numbers of a device node.
fn numbers(path: &str) -> Result<(i64, i64)> {
    let found = stat(path).map_err(|errno| {
        let why = match errno {
            rustix::io::Errno::NOENT => "no such file or directory".to_owned(),
            other => std::io::Error::from(other).to_string(),
        };
        Error::Failed(format!("stat {path}: {why}"))
    })?;
    Ok((i64::from(major(found.st_rdev)), i64::from(minor(found.st_rdev))))
}

fn invalid(error: OciSpecError) -> Error {
    Error::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_by_their_numbers() {
        let limited = |path: &str| HostConfig {
            blkio_device_read_bps: Some(vec![ThrottleDevice {
                path: path.to_owned(),
                rate: 1024,
            }]),
            ..HostConfig::default()
        };
        let built = specification(&limited("/dev/null")).unwrap().unwrap();
        let rule = built.throttle_read_bps_device().as_ref().unwrap()[0];
        assert_eq!((rule.major(), rule.minor(), rule.rate()), (1, 3, 1024));
        assert_eq!(specification(&HostConfig::default()).unwrap(), None);
        assert_eq!(
            specification(&limited("/dev/nothing")).unwrap_err().to_string(),
            "stat /dev/nothing: no such file or directory"
        );
    }
}
