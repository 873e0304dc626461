//! Counters of a cgroup as plain numbers; what Docker's API makes of them is decided elsewhere.

use std::path::{Path, PathBuf};

use crate::file::{keyed, parse_number, read, read_if_exists, read_number};
use crate::{Cgroup, Result};

/// All counters of one moment. A controller that is not mounted leaves zeros and empty lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// CPU time.
    pub cpu: CpuStats,
    /// Memory.
    pub memory: MemoryStats,
    /// Number of processes.
    pub pids: PidsStats,
    /// Block I/O.
    pub blkio: BlkioStats,
}

/// CPU time, nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuStats {
    /// User and system.
    pub total: u64,
    /// In user mode.
    pub user: u64,
    /// In kernel mode.
    pub system: u64,
    /// Total by CPU; empty on v2, which does not count it.
    pub per_cpu: Vec<u64>,
    /// Periods of the CFS quota that passed.
    pub periods: u64,
    /// Periods in which the quota was used up.
    pub throttled_periods: u64,
    /// Time spent throttled.
    pub throttled_time: u64,
}

/// Memory, bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// In use, page cache included.
    pub usage: u64,
    /// Highest usage so far; zero where the kernel does not record it (v2 before 5.19).
    pub max_usage: u64,
    /// The limit; v1 says 9223372036854771712 and v2 `u64::MAX` for none.
    pub limit: u64,
    /// How often the limit was hit.
    pub fail_count: u64,
    /// The lines of `memory.stat`, in the kernel's order and with its names, which differ between versions.
    pub stat: Vec<(String, u64)>,
}

/// Number of processes and threads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PidsStats {
    /// Now.
    pub current: u64,
    /// At most; `u64::MAX` for no limit.
    pub limit: u64,
}

/// Block I/O by device and operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlkioStats {
    /// Bytes moved.
    pub service_bytes: Vec<BlkioEntry>,
    /// Operations done.
    pub serviced: Vec<BlkioEntry>,
}

/// One block I/O counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlkioEntry {
    /// Device number.
    pub major: u64,
    /// Device number.
    pub minor: u64,
    /// v1: `Read`, `Write`, `Sync`, `Async`, `Discard`, `Total`; v2: `read`, `write`.
    pub operation: String,
    /// The counter.
    pub value: u64,
}

impl Cgroup {
    /// Reads all counters.
    pub fn stats(&self) -> Result<Stats> {
        if self.is_v2() {
            self.stats_v2()
        } else {
            self.stats_v1()
        }
    }

    /// How many processes the kernel killed in this cgroup because its memory ran out.
    pub fn oom_kill_count(&self) -> Result<u64> {
        let file = if self.is_v2() {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let Some(path) = self.file("memory", file) else {
            return Ok(0);
        };
        Ok(read_if_exists(&path)?
            .and_then(|text| keyed(&text, "oom_kill"))
            .unwrap_or(0))
    }

    /// Highest memory usage so far, bytes; `None` where the kernel does not record it.
    pub fn memory_peak(&self) -> Result<Option<u64>> {
        let file = if self.is_v2() {
            "memory.peak"
        } else {
            "memory.max_usage_in_bytes"
        };
        let Some(path) = self.file("memory", file) else {
            return Ok(None);
        };
        Ok(read_if_exists(&path)?.and_then(|text| parse_number(&text)))
    }

    fn stats_v1(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        if let Some(cpuacct) = self.directory("cpuacct") {
            stats.cpu.total = read_number(&cpuacct.join("cpuacct.usage"))?;
            stats.cpu.user = read_number(&cpuacct.join("cpuacct.usage_user"))?;
            stats.cpu.system = read_number(&cpuacct.join("cpuacct.usage_sys"))?;
            stats.cpu.per_cpu = numbers(&read(&cpuacct.join("cpuacct.usage_percpu"))?);
        }
        if let Some(path) = self.file("cpu", "cpu.stat") {
            let text = read(&path)?;
            stats.cpu.set_throttling(&text, "throttled_time", 1);
        }
        if let Some(memory) = self.directory("memory") {
            stats.memory = MemoryStats {
                usage: read_number(&memory.join("memory.usage_in_bytes"))?,
                max_usage: read_number(&memory.join("memory.max_usage_in_bytes"))?,
                limit: read_number(&memory.join("memory.limit_in_bytes"))?,
                fail_count: read_number(&memory.join("memory.failcnt"))?,
                stat: pairs(&read(&memory.join("memory.stat"))?),
            };
        }
        if let Some(pids) = self.directory("pids") {
            stats.pids = pids_stats(pids)?;
        }
        if let Some(blkio) = self.directory("blkio") {
            // The throttle layer counts all I/O under any scheduler, BFQ's own files only what BFQ handled.
            let entries = |file| Ok(blkio_v1(&read_if_exists(&blkio.join(file))?.unwrap_or_default()));
            stats.blkio = BlkioStats {
                service_bytes: entries("blkio.throttle.io_service_bytes_recursive")?,
                serviced: entries("blkio.throttle.io_serviced_recursive")?,
            };
        }
        Ok(stats)
    }

    fn stats_v2(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        // There even without the cpu controller, then without the throttling part.
        let cpu = read(&self.v2_file("cpu.stat"))?;
        let nanos = |key| keyed(&cpu, key).unwrap_or(0) * 1000;
        (stats.cpu.total, stats.cpu.user, stats.cpu.system) =
            (nanos("usage_usec"), nanos("user_usec"), nanos("system_usec"));
        stats.cpu.set_throttling(&cpu, "throttled_usec", 1000);
        if let Some(stat) = read_if_exists(&self.v2_file("memory.stat"))? {
            let events = read(&self.v2_file("memory.events"))?;
            stats.memory = MemoryStats {
                usage: read_number(&self.v2_file("memory.current"))?,
                max_usage: self.memory_peak()?.unwrap_or(0),
                limit: read_number(&self.v2_file("memory.max"))?,
                fail_count: keyed(&events, "max").unwrap_or(0),
                stat: pairs(&stat),
            };
        }
        if self.v2_file("pids.max").exists() {
            stats.pids = pids_stats(&self.v2_file(""))?;
        }
        if let Some(io) = read_if_exists(&self.v2_file("io.stat"))? {
            stats.blkio = blkio_v2(&io);
        }
        Ok(stats)
    }

    fn file(&self, controller: &str, file: &str) -> Option<PathBuf> {
        Some(self.directory(controller)?.join(file))
    }
}

impl CpuStats {
    fn set_throttling(&mut self, text: &str, time_key: &str, nanos_per_unit: u64) {
        let number = |key| keyed(text, key).unwrap_or(0);
        self.periods = number("nr_periods");
        self.throttled_periods = number("nr_throttled");
        self.throttled_time = number(time_key) * nanos_per_unit;
    }
}

fn pids_stats(directory: &Path) -> Result<PidsStats> {
    Ok(PidsStats {
        current: read_number(&directory.join("pids.current"))?,
        limit: read_number(&directory.join("pids.max"))?,
    })
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect()
}

fn pairs(text: &str) -> Vec<(String, u64)> {
    let pair = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some((key.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

/// Lines `8:0 Read 4096`; the closing `Total 4096` without a device is a sum anyone can make.
fn blkio_v1(text: &str) -> Vec<BlkioEntry> {
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let (major, minor) = words.next()?.split_once(':')?;
        let (operation, value) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        Some(BlkioEntry {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
            operation,
            value,
        })
    };
    text.lines().filter_map(entry).collect()
}

/// Lines `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`.
fn blkio_v2(text: &str) -> BlkioStats {
    let mut stats = BlkioStats::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some((major, minor)) = words.next().and_then(|device| device.split_once(':')) else {
            continue;
        };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else {
            continue;
        };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let (list, operation) = match key {
                "rbytes" => (&mut stats.service_bytes, "read"),
                "wbytes" => (&mut stats.service_bytes, "write"),
                "rios" => (&mut stats.serviced, "read"),
                "wios" => (&mut stats.serviced, "write"),
                _ => continue,
            };
            if let Ok(value) = value.parse() {
                list.push(BlkioEntry {
                    major,
                    minor,
                    operation: operation.to_owned(),
                    value,
                });
            }
        }
    }
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_io_of_both_versions() {
        let v1 = blkio_v1("8:0 Read 4096\n8:0 Write 0\nTotal 4096\n");
        assert_eq!(v1.len(), 2);
        assert_eq!(
            (v1[0].major, v1[0].operation.as_str(), v1[0].value),
            (8, "Read", 4096)
        );
        let v2 = blkio_v2("8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0\n");
        let values = |list: &[BlkioEntry]| list.iter().map(|e| e.value).collect::<Vec<_>>();
        assert_eq!(
            (values(&v2.service_bytes), values(&v2.serviced)),
            (vec![4096, 1], vec![2, 3])
        );
    }

    #[test]
    fn throttling_is_in_nanoseconds() {
        let mut cpu = CpuStats::default();
        cpu.set_throttling(
            "nr_periods 10\nnr_throttled 2\nthrottled_usec 7\n",
            "throttled_usec",
            1000,
        );
        assert_eq!(
            (cpu.periods, cpu.throttled_periods, cpu.throttled_time),
            (10, 2, 7000)
        );
    }
}
