//! Limits: from Docker's `HostConfig` to the OCI specification's `resources`, checked by Docker's rules.

use corten_wire::{HostConfig, Ulimit};
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    LinuxBlockIo, LinuxCpuBuilder, LinuxMemoryBuilder, LinuxPidsBuilder, LinuxResources,
    LinuxResourcesBuilder, PosixRlimit, PosixRlimitBuilder, PosixRlimitType,
};

use crate::block_io;
use crate::error::{Error, Result};

/// Least memory a container can be limited to, in bytes (Docker's own minimum).
const MIN_MEMORY: i64 = 6 << 20;
/// Most processes the kernel lets any limit allow (`PID_MAX_LIMIT`).
const MAX_PIDS: i64 = 4 << 20;
/// Longest processor time the kernel takes as a quota, in microseconds: 44 bits.
const MAX_QUOTA_US: i64 = (1 << 44) - 1;
/// Scheduling period of real-time processes where none is given, in microseconds.
const REALTIME_PERIOD_US: i64 = 1_000_000;
/// Scheduling period `--cpus` is expressed in, in microseconds.
const CPU_PERIOD_US: i64 = 100_000;

/// Checks the limits of a new container and fills in what follows from them, as `inspect` then shows it.
pub(crate) fn normalise(host: &mut HostConfig, cpus: usize) -> Result<()> {
    check(host, cpus)?;
    if host.memory == 0 && host.memory_swap > 0 {
        return Err(Error::Invalid(
            "You should always set the Memory limit when using Memoryswap limit, see usage".to_owned(),
        ));
    }
    if host.memory > 0 && host.memory_swap == 0 {
        host.memory_swap = host.memory.saturating_mul(2);
    }
    if host.pids_limit.is_some_and(|limit| limit <= 0) {
        host.pids_limit = None;
    }
    // The kernel's own, which Docker's command line always asks for.
    host.memory_swappiness = host.memory_swappiness.filter(|swappiness| *swappiness != -1);
    Ok(())
}

/// Checks limits, those of a new container or those to be changed.
pub(crate) fn check(host: &HostConfig, cpus: usize) -> Result<()> {
    let invalid = |message: String| Err(Error::Invalid(message));
    if host.memory != 0 && host.memory < MIN_MEMORY {
        return invalid("Minimum memory limit allowed is 6MB".to_owned());
    }
    if host.memory > 0 && host.memory_swap > 0 && host.memory_swap < host.memory {
        return invalid("Minimum memoryswap limit should be larger than memory limit, see usage".to_owned());
    }
    if host.memory_reservation != 0 && host.memory_reservation < MIN_MEMORY {
        return invalid("Minimum memory reservation allowed is 6MB".to_owned());
    }
    if host.memory > 0 && host.memory_reservation > 0 && host.memory < host.memory_reservation {
        return invalid(
            "Minimum memory limit can not be less than memory reservation limit, see usage".to_owned(),
        );
    }
    if let Some(swappiness) = host
        .memory_swappiness
        .filter(|s| *s != -1 && !(0..=100).contains(s))
    {
        return invalid(format!(
            "Invalid value: {swappiness}, valid memory swappiness range is 0-100"
        ));
    }
    if host.nano_cpus < 0
        || host.nano_cpus
            > i64::try_from(cpus)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000_000)
    {
        return invalid(format!(
            "range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available"
        ));
    }
    if host.nano_cpus > 0 && (host.cpu_period > 0 || host.cpu_quota > 0) {
        let field = if host.cpu_period > 0 {
            "CPU Period"
        } else {
            "CPU Quota"
        };
        return invalid(format!(
            "Conflicting options: Nano CPUs and {field} cannot both be set"
        ));
    }
    if host.cpu_shares < 0 {
        return invalid(format!(
            "invalid CPU shares ({}): value must be a positive integer",
            host.cpu_shares
        ));
    }
    if host.cpu_period != 0 && !(1000..=1_000_000).contains(&host.cpu_period) {
        return invalid(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)".to_owned(),
        );
    }
    if host.cpu_quota > 0 && host.cpu_quota < 1000 {
        return invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)".to_owned());
    }
    if host.cpu_quota > MAX_QUOTA_US {
        return invalid(format!(
            "CPU cfs quota can not be larger than {MAX_QUOTA_US} microseconds"
        ));
    }
    if let Some(limit) = host.pids_limit.filter(|limit| *limit > MAX_PIDS) {
        return invalid(format!(
            "invalid pids limit {limit}: the kernel allows {MAX_PIDS} at most"
        ));
    }
    let (rt_period, rt_runtime) = (host.cpu_realtime_period, host.cpu_realtime_runtime);
    if rt_period < 0 || rt_runtime < 0 {
        return invalid("cpu real-time period and runtime cannot be negative".to_owned());
    }
    let in_force = match rt_period {
        0 => REALTIME_PERIOD_US,
        period => period,
    };
    if rt_runtime > in_force {
        return invalid("cpu real-time runtime cannot be higher than cpu real-time period".to_owned());
    }
    if !(-1000..=1000).contains(&host.oom_score_adj) {
        return invalid(format!(
            "Invalid value {}, range for oom score adj is [-1000, 1000]",
            host.oom_score_adj
        ));
    }
    if host.shm_size < 0 {
        return invalid("SHM size can not be less than 0".to_owned());
    }
    if host.blkio_weight != 0 && !(10..=1000).contains(&host.blkio_weight) {
        return invalid("Range of blkio weight is from 10 to 1000".to_owned());
    }
    block_io::check(host)
}

/// The limits in the specification's terms.
pub(crate) fn specification(host: &HostConfig) -> Result<LinuxResources> {
    build(host, block_io::specification(host)?).map_err(|error| Error::Invalid(error.to_string()))
}

fn build(
    host: &HostConfig,
    block_io: Option<LinuxBlockIo>,
) -> std::result::Result<LinuxResources, OciSpecError> {
    let mut memory = LinuxMemoryBuilder::default();
    if host.memory > 0 {
        memory = memory.limit(host.memory);
    }
    if host.memory_swap != 0 {
        memory = memory.swap(host.memory_swap.max(-1));
    }
    if host.memory_reservation > 0 {
        memory = memory.reservation(host.memory_reservation);
    }
    if let Some(swappiness) = host.memory_swappiness.and_then(|s| u64::try_from(s).ok()) {
        memory = memory.swappiness(swappiness);
    }
    if host.oom_kill_disable == Some(true) {
        memory = memory.disable_oom_killer(true);
    }
    if host.kernel_memory_tcp > 0 {
        memory = memory.kernel_tcp(host.kernel_memory_tcp);
    }

    let mut cpu = LinuxCpuBuilder::default();
    if host.cpu_shares > 0 {
        cpu = cpu.shares(host.cpu_shares.unsigned_abs());
    }
    let (period, quota) = if host.nano_cpus > 0 {
        (CPU_PERIOD_US, host.nano_cpus / (1_000_000_000 / CPU_PERIOD_US))
    } else {
        (host.cpu_period, host.cpu_quota)
    };
    if period > 0 {
        cpu = cpu.period(period.unsigned_abs());
    }
    if quota != 0 {
        cpu = cpu.quota(quota);
    }
    if host.cpu_realtime_period > 0 {
        cpu = cpu.realtime_period(host.cpu_realtime_period.unsigned_abs());
    }
    if host.cpu_realtime_runtime > 0 {
        cpu = cpu.realtime_runtime(host.cpu_realtime_runtime);
    }
    if !host.cpuset_cpus.is_empty() {
        cpu = cpu.cpus(host.cpuset_cpus.clone());
    }
    if !host.cpuset_mems.is_empty() {
        cpu = cpu.mems(host.cpuset_mems.clone());
    }

    let mut resources = LinuxResourcesBuilder::default()
        .memory(memory.build()?)
        .cpu(cpu.build()?);
    if let Some(limit) = host.pids_limit {
        resources = resources.pids(LinuxPidsBuilder::default().limit(limit).build()?);
    }
    if let Some(block_io) = block_io {
        resources = resources.block_io(block_io);
    }
    resources.build()
}

/// `--ulimit` in the specification's terms.
pub(crate) fn rlimits(ulimits: &[Ulimit]) -> Result<Vec<PosixRlimit>> {
    ulimits.iter().map(rlimit).collect()
}

fn rlimit(ulimit: &Ulimit) -> Result<PosixRlimit> {
    use PosixRlimitType as T;
    let typ = match ulimit.name.as_str() {
        "core" => T::RlimitCore,
        "cpu" => T::RlimitCpu,
        "data" => T::RlimitData,
        "fsize" => T::RlimitFsize,
        "locks" => T::RlimitLocks,
        "memlock" => T::RlimitMemlock,
        "msgqueue" => T::RlimitMsgqueue,
        "nice" => T::RlimitNice,
        "nofile" => T::RlimitNofile,
        "nproc" => T::RlimitNproc,
        "rss" => T::RlimitRss,
        "rtprio" => T::RlimitRtprio,
        "rttime" => T::RlimitRttime,
        "sigpending" => T::RlimitSigpending,
        "stack" => T::RlimitStack,
        other => return Err(Error::Invalid(format!("invalid ulimit type: {other}"))),
    };
    if ulimit.hard != -1 && (ulimit.soft > ulimit.hard || ulimit.soft == -1) {
        return Err(Error::Invalid(format!(
            "ulimit soft limit must be less than or equal to hard limit: {} > {}",
            ulimit.soft, ulimit.hard
        )));
    }
    // -1 is "unlimited", RLIM_INFINITY as an unsigned number.
    PosixRlimitBuilder::default()
        .typ(typ)
        .hard(ulimit.hard.cast_unsigned())
        .soft(ulimit.soft.cast_unsigned())
        .build()
        .map_err(|error| Error::Invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_become_quota_and_period() {
        let host = HostConfig {
            nano_cpus: 1_500_000_000,
            ..Default::default()
        };
        let cpu = specification(&host).unwrap().cpu().clone().unwrap();
        assert_eq!((cpu.period(), cpu.quota()), (Some(100_000), Some(150_000)));
    }

    #[test]
    fn dockers_minimum_and_doubled_swap() {
        let mut host = HostConfig {
            memory: 1 << 20,
            ..Default::default()
        };
        assert_eq!(
            normalise(&mut host, 2).unwrap_err().to_string(),
            "Minimum memory limit allowed is 6MB"
        );
        host.memory = 64 << 20;
        normalise(&mut host, 2).unwrap();
        assert_eq!(host.memory_swap, 128 << 20);
        for (asked, kept) in [(Some(-1), None), (Some(0), Some(0)), (None, None)] {
            host.memory_swappiness = asked;
            normalise(&mut host, 2).unwrap();
            assert_eq!(host.memory_swappiness, kept);
        }
        let mut host = HostConfig {
            nano_cpus: 3_000_000_000,
            ..Default::default()
        };
        assert!(
            normalise(&mut host, 2)
                .unwrap_err()
                .to_string()
                .contains("only 2 CPUs available")
        );
    }

    #[test]
    fn what_no_kernel_takes_is_refused() {
        let refused = |change: fn(&mut HostConfig)| {
            let mut host = HostConfig::default();
            change(&mut host);
            check(&host, 2).err().map(|error| error.to_string())
        };
        assert_eq!(refused(|host| host.pids_limit = Some(MAX_PIDS)), None);
        assert_eq!(
            refused(|host| host.pids_limit = Some(MAX_PIDS + 1)).unwrap(),
            "invalid pids limit 4194305: the kernel allows 4194304 at most"
        );
        assert_eq!(refused(|host| host.cpu_quota = MAX_QUOTA_US), None);
        assert!(refused(|host| host.cpu_quota = i64::MAX).is_some());
        assert!(refused(|host| host.cpu_realtime_runtime = -5).is_some());
        assert_eq!(
            refused(|host| host.cpu_realtime_runtime = 1_000_001).unwrap(),
            "cpu real-time runtime cannot be higher than cpu real-time period"
        );
        let nowhere = |host: &mut HostConfig| {
            host.blkio_device_write_iops = Some(vec![corten_wire::ThrottleDevice::default()]);
        };
        assert_eq!(refused(nowhere).unwrap(), "stat : no such file or directory");
        let heavy = |host: &mut HostConfig| {
            host.blkio_weight_device = Some(vec![corten_wire::WeightDevice {
                path: "/dev/null".to_owned(),
                weight: 5,
            }]);
        };
        assert_eq!(
            refused(heavy).unwrap(),
            "Range of blkio weight is from 10 to 1000"
        );
    }

    #[test]
    fn ulimits() {
        let nofile = Ulimit {
            name: "nofile".into(),
            hard: 10,
            soft: 20,
        };
        assert!(rlimits(&[nofile]).is_err());
        let core = Ulimit {
            name: "core".into(),
            hard: -1,
            soft: -1,
        };
        assert_eq!(rlimits(&[core]).unwrap()[0].hard(), u64::MAX);
    }
}
