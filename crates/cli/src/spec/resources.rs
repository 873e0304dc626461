//! Limits: memory, CPUs, process limits, kernel settings.

use corten_types::{is_ipc_sysctl, parse_bytes};
use corten_wire::{HostConfig, Ulimit};

use crate::flags::{Matches, integer, without_underscores};

const ULIMITS: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Fills in the limits.
pub(super) fn fill(matches: &Matches, host: &mut HostConfig) -> Result<(), String> {
    host.memory = size(matches, "memory")?;
    host.memory_reservation = size(matches, "memory-reservation")?;
    host.memory_swap = matches.text("memory-swap").map_or(Ok(0), swap)?;
    // Docker's command line always says "the kernel's own" this way.
    let swappiness = matches.int("memory-swappiness").unwrap_or(-1);
    if !(-1..=100).contains(&swappiness) {
        return Err(format!(
            "invalid value: {swappiness}. Valid memory swappiness range is 0-100"
        ));
    }
    host.memory_swappiness = Some(swappiness);
    host.blkio_weight = matches
        .int("blkio-weight")
        .and_then(|weight| u16::try_from(weight).ok())
        .unwrap_or(0);
    host.oom_kill_disable = Some(matches.on("oom-kill-disable"));
    host.oom_score_adj = matches.int("oom-score-adj").unwrap_or(0);
    host.nano_cpus = matches.text("cpus").map_or(Ok(0), cpus)?;
    host.cpu_shares = matches.int("cpu-shares").unwrap_or(0);
    host.cpu_realtime_period = matches.int("cpu-rt-period").unwrap_or(0);
    host.cpu_realtime_runtime = matches.int("cpu-rt-runtime").unwrap_or(0);
    host.kernel_memory = size(matches, "kernel-memory")?;
    host.cpu_period = matches.int("cpu-period").unwrap_or(0);
    host.cpu_quota = matches.int("cpu-quota").unwrap_or(0);
    host.cpuset_cpus = matches.text("cpuset-cpus").unwrap_or_default().to_owned();
    host.cpuset_mems = matches.text("cpuset-mems").unwrap_or_default().to_owned();
    host.pids_limit = Some(matches.int("pids-limit").unwrap_or(0));
    host.shm_size = size(matches, "shm-size")?;
    let mut ulimits = matches
        .list("ulimit")
        .map(ulimit)
        .collect::<Result<Vec<_>, _>>()?;
    // The last of several for one limit counts, and they are sent in order.
    ulimits.reverse();
    ulimits.sort_by(|a, b| a.name.cmp(&b.name));
    ulimits.dedup_by(|a, b| a.name == b.name);
    host.ulimits = Some(ulimits);
    Ok(())
}

/// A size in bytes, 0 when the flag is not given.
pub(crate) fn size(matches: &Matches, name: &str) -> Result<i64, String> {
    let Some(text) = matches.text(name) else {
        return Ok(0);
    };
    let bytes = parse_bytes(text).map_err(|error| error.to_string())?;
    i64::try_from(bytes).map_err(|_| format!("invalid size: '{text}'"))
}

/// A size in bytes, or −1.
pub(crate) fn swap(text: &str) -> Result<i64, String> {
    if text == "-1" {
        return Ok(-1);
    }
    let bytes = parse_bytes(text).map_err(|error| error.to_string())?;
    i64::try_from(bytes).map_err(|_| format!("invalid size: '{text}'"))
}

/// Judges `--memory-swap`.
pub(crate) fn check_swap(text: &str) -> Result<(), String> {
    swap(text).map(drop)
}

/// Judges `--cpus`.
pub(crate) fn check_cpus(text: &str) -> Result<(), String> {
    cpus(text).map(drop)
}

/// A number of CPUs in billionths, exactly: a decimal, with an exponent at that, or a fraction.
pub(crate) fn cpus(text: &str) -> Result<i64, String> {
    let refuse = || format!("failed to parse {text} as a rational number");
    let plain = without_underscores(text);
    let plain = plain.as_deref().unwrap_or(text);
    let (numerator, denominator) = match plain.split_once('/') {
        Some((numerator, denominator)) => {
            let number = |text: &str| text.parse::<i128>().map_err(|_| refuse());
            let positive = denominator.bytes().all(|b| b.is_ascii_digit());
            let denominator = number(denominator)?;
            if !positive || denominator == 0 {
                return Err(refuse());
            }
            (number(numerator)?, denominator)
        }
        None => decimal(plain).ok_or_else(refuse)?,
    };
    let billionths = numerator.checked_mul(1_000_000_000).ok_or_else(refuse)?;
    if billionths % denominator != 0 {
        return Err("value is too precise".to_owned());
    }
    i64::try_from(billionths / denominator).map_err(|_| refuse())
}

/// `1.5`, `.5`, `15e-1` as numerator and denominator.
fn decimal(text: &str) -> Option<(i128, i128)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let has_digits = whole.len() + fraction.len() > 0;
    let fraction = fraction.trim_end_matches('0');
    if !has_digits || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent < 0 {
        Some((sign * number, power))
    } else {
        Some((sign * number.checked_mul(power)?, 1))
    }
}

/// Judges `--blkio-weight`.
pub(crate) fn check_weight(text: &str) -> Result<(), String> {
    let reason = match integer(text) {
        Ok(0..=0xffff) => return Ok(()),
        Ok(65536..) => "value out of range",
        _ => "invalid syntax",
    };
    Err(format!("strconv.ParseUint: parsing {text:?}: {reason}"))
}

/// Judges `--ulimit`.
pub(super) fn check_ulimit(text: &str) -> Result<(), String> {
    ulimit(text).map(drop)
}

/// `name=soft[:hard]`.
fn ulimit(text: &str) -> Result<Ulimit, String> {
    let refuse = || format!("invalid ulimit argument: {text}");
    let (name, limits) = text.split_once('=').ok_or_else(refuse)?;
    if !ULIMITS.contains(&name) {
        return Err(format!("invalid ulimit type: {name}"));
    }
    if limits.split(':').count() > 2 {
        return Err(format!(
            "too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`"
        ));
    }
    let (soft, hard) = match limits.split_once(':') {
        Some((soft, hard)) => (integer(soft)?, integer(hard)?),
        None => {
            let both = integer(limits)?;
            (both, both)
        }
    };
    if hard != -1 && (soft == -1 || soft > hard) {
        let limits = match soft {
            -1 => format!("soft: -1 (unlimited), hard: {hard}"),
            soft => format!("{soft} > {hard}"),
        };
        return Err(format!(
            "ulimit soft limit must be less than or equal to hard limit: {limits}"
        ));
    }
    Ok(Ulimit {
        name: name.to_owned(),
        hard,
        soft,
    })
}

/// Judges `--sysctl`: only settings of the container's own namespaces.
pub(super) fn sysctl(text: &str) -> Result<(), String> {
    let allowed = text
        .split_once('=')
        .is_some_and(|(name, _)| is_ipc_sysctl(name) || name.starts_with("net."));
    if allowed {
        Ok(())
    } else {
        Err(format!("sysctl '{text}' is not allowed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_exact() {
        for (text, nano) in [
            ("1.5", 1_500_000_000),
            ("2", 2_000_000_000),
            (".25", 250_000_000),
            ("0.000000001", 1),
            ("-1", -1_000_000_000),
            ("1/4", 250_000_000),
            ("15e-1", 1_500_000_000),
            ("1E0", 1_000_000_000),
            ("3.", 3_000_000_000),
        ] {
            assert_eq!(cpus(text), Ok(nano), "{text}");
        }
        for wrong in [".", "", "1/0", "e1", "1e", "1/-2", "inf"] {
            assert_eq!(
                cpus(wrong).unwrap_err(),
                format!("failed to parse {wrong} as a rational number")
            );
        }
        assert_eq!(cpus("a").unwrap_err(), "failed to parse a as a rational number");
        assert_eq!(cpus("0.0000000001").unwrap_err(), "value is too precise");
    }

    #[test]
    fn ulimits() {
        assert_eq!(ulimit("nofile=1024:2048").unwrap().hard, 2048);
        assert_eq!(ulimit("core=0").unwrap().soft, 0);
        for (text, complaint) in [
            ("x", "invalid ulimit argument: x"),
            ("foo=1", "invalid ulimit type: foo"),
            ("nofile=1:x", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            (
                "nofile=2:1",
                "ulimit soft limit must be less than or equal to hard limit: 2 > 1",
            ),
        ] {
            assert_eq!(ulimit(text).unwrap_err(), complaint);
        }
    }

    #[test]
    fn sysctls_of_namespaces_only() {
        assert!(sysctl("net.a=1").is_ok() && sysctl("kernel.sem=1").is_ok());
        assert_eq!(sysctl("vm.x=1").unwrap_err(), "sysctl 'vm.x=1' is not allowed");
        assert_eq!(sysctl("net.x").unwrap_err(), "sysctl 'net.x' is not allowed");
    }
}
