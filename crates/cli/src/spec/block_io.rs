//! Limits of block devices: `--blkio-weight-device` and the four rates.

use corten_types::parse_bytes;
use corten_wire::{ThrottleDevice, WeightDevice};

/// Reads all `--blkio-weight-device`.
pub(super) fn weights<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<WeightDevice>, String> {
    texts.map(weight).collect()
}

/// Reads all rates in bytes of one flag.
pub(super) fn bytes<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<ThrottleDevice>, String> {
    texts.map(rate_in_bytes).collect()
}

/// Reads all rates in operations of one flag.
pub(super) fn operations<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<ThrottleDevice>, String> {
    texts.map(rate_in_operations).collect()
}

/// Judges `--blkio-weight-device`.
pub(super) fn check_weight(text: &str) -> Result<(), String> {
    weight(text).map(drop)
}

/// Judges a rate in bytes.
pub(super) fn check_bytes(text: &str) -> Result<(), String> {
    rate_in_bytes(text).map(drop)
}

/// Judges a rate in operations.
pub(super) fn check_operations(text: &str) -> Result<(), String> {
    rate_in_operations(text).map(drop)
}

fn weight(text: &str) -> Result<WeightDevice, String> {
    let (path, value) = split(text)?;
    let weight = value
        .parse::<u16>()
        .ok()
        .filter(|weight| *weight == 0 || (10..=1000).contains(weight))
        .ok_or_else(|| format!("invalid weight for device: {text}"))?;
    Ok(WeightDevice { path, weight })
}

fn rate_in_bytes(text: &str) -> Result<ThrottleDevice, String> {
    let (path, value) = split(text)?;
    let rate = parse_bytes(value).map_err(|_| {
        format!(
            "invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. Number must be a \
             positive integer. Unit is optional and can be kb, mb, or gb"
        )
    })?;
    Ok(ThrottleDevice { path, rate })
}

fn rate_in_operations(text: &str) -> Result<ThrottleDevice, String> {
    let (path, value) = split(text)?;
    let rate = value.parse().map_err(|_| {
        format!(
            "invalid rate for device: {text}. The correct format is <device-path>:<number>. Number must be a positive \
             integer"
        )
    })?;
    Ok(ThrottleDevice { path, rate })
}

/// Path of the device and what stands behind it.
fn split(text: &str) -> Result<(String, &str), String> {
    let (path, value) = text
        .split_once(':')
        .filter(|(path, _)| !path.is_empty())
        .ok_or_else(|| format!("bad format: {text}"))?;
    if !path.starts_with("/dev/") {
        return Err(format!("bad format for device path: {text}"));
    }
    Ok((path.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_weights() {
        assert_eq!(rate_in_bytes("/dev/sda:1mb").unwrap().rate, 1 << 20);
        assert_eq!(rate_in_operations("/dev/sda:100").unwrap().rate, 100);
        assert_eq!(weight("/dev/sda:100").unwrap().weight, 100);
        assert_eq!(weight("/dev/sda").unwrap_err(), "bad format: /dev/sda");
        assert_eq!(
            weight("sda:100").unwrap_err(),
            "bad format for device path: sda:100"
        );
        assert_eq!(
            weight("/dev/sda:5").unwrap_err(),
            "invalid weight for device: /dev/sda:5"
        );
        assert!(
            rate_in_operations("/dev/sda:1k")
                .unwrap_err()
                .starts_with("invalid rate for device")
        );
    }
}
