//! `stats`: what a container uses, sampled from its cgroup for as long as somebody watches and not a moment longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use corten_cgroup::{BlkioEntry, Cgroup, Stats};
use corten_wire::{
    BlkioStatEntry, BlkioStats, ContainerStats, CpuStats, CpuUsage, MemoryStats, NetworkStats, PidsStats,
    ThrottlingData,
};
use tokio::time::Instant;

use crate::clock::{now_ns, rfc3339};
use crate::container::Container;
use crate::engine::{Engine, blocking};
use crate::error::{Error, Result};
use crate::network_mode::NetworkMode;

/// Time between two samples.
const PERIOD: Duration = Duration::from_secs(1);
/// Nanoseconds in a tick of `/proc/stat`, which Linux counts in hundredths of a second on every machine.
const TICK_NS: u64 = 10_000_000;
/// Deepest nesting of `--network container:` looked through.
const MAX_JOINS: usize = 16;

/// The keys of cgroup v2's `memory.stat` that Docker passes on.
const V2_MEMORY: [&str; 31] = [
    "active_anon",
    "active_file",
    "anon",
    "anon_thp",
    "file",
    "file_dirty",
    "file_mapped",
    "file_writeback",
    "inactive_anon",
    "inactive_file",
    "kernel_stack",
    "pgactivate",
    "pgdeactivate",
    "pgfault",
    "pglazyfree",
    "pglazyfreed",
    "pgmajfault",
    "pgrefill",
    "pgscan",
    "pgsteal",
    "shmem",
    "slab",
    "slab_reclaimable",
    "slab_unreclaimable",
    "sock",
    "thp_collapse_alloc",
    "thp_fault_alloc",
    "unevictable",
    "workingset_activate",
    "workingset_nodereclaim",
    "workingset_refault",
];

/// Somebody watching a container. Dropping it is all it takes to stop.
pub struct StatsWatch {
    engine: Arc<Engine>,
    container: Arc<Container>,
    plan: Plan,
    /// When the next sample is due.
    due: Instant,
    /// Processor times of the sample before, and when it was taken.
    before: Option<(CpuStats, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// One sample a second until the container is removed.
    Forever,
    /// One sample, a second after another that goes before it.
    Paired,
    /// One sample, now.
    Single,
    /// Nothing more.
    Done,
}

impl Engine {
    /// Watches a container: one sample a second with `stream`; otherwise a single one, which `one_shot` takes at once and
    /// without a sample before it to compare with.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn stats(self: &Arc<Self>, name: &str, stream: bool, one_shot: bool) -> Result<StatsWatch> {
        let plan = match (stream, one_shot) {
            (true, _) => Plan::Forever,
            (false, true) => Plan::Single,
            (false, false) => Plan::Paired,
        };
        Ok(StatsWatch {
            container: self.containers.find(name)?,
            engine: self.clone(),
            plan,
            due: Instant::now(),
            before: None,
        })
    }

    /// One sample. A container that does not run has a name and nothing else.
    async fn sample(self: &Arc<Self>, container: &Arc<Container>) -> Result<ContainerStats> {
        let (name, running) = {
            let state = container.state();
            (format!("/{}", state.name()), state.sandbox.is_some())
        };
        let named = ContainerStats {
            id: container.id().to_string(),
            name,
            ..ContainerStats::default()
        };
        if !running {
            return Ok(named);
        }
        let network = self.network_pid(container);
        let counters = self.with_cgroup(container, Cgroup::stats).await?;
        let v2 = self.has_cgroup_v2();
        blocking("take a sample", move || {
            let machine =
                std::fs::read_to_string("/proc/stat").map_err(Error::system("cannot read /proc/stat"))?;
            // Its last process may have ended since.
            let networks = network
                .and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/net/dev")).ok())
                .map(|text| interfaces(&text))
                .unwrap_or_default();
            Ok(ContainerStats {
                os_type: "linux".to_owned(),
                read: rfc3339(now_ns()),
                cpu_stats: cpu(&counters, &machine),
                memory_stats: memory(&counters, v2),
                networks,
                pids_stats: pids(&counters, v2),
                blkio_stats: blkio(counters, v2),
                ..named
            })
        })
        .await
    }

    /// A process in the network that is this container's own or another container's; `None` in the host's, or without one.
    fn network_pid(&self, container: &Arc<Container>) -> Option<u32> {
        let mut current = container.clone();
        for _ in 0..MAX_JOINS {
            let record = current.state().record.clone();
            match NetworkMode::of(&record, self).ok()? {
                NetworkMode::Container(other) => current = other,
                NetworkMode::Bridge | NetworkMode::Own(_) => {
                    return current.state().sandbox.as_ref().map(corten_sandbox::Sandbox::pid);
                }
                NetworkMode::Host | NetworkMode::None => return None,
            }
        }
        None
    }
}

impl StatsWatch {
    /// The next sample; `None` at the end.
    pub async fn next(&mut self) -> Option<ContainerStats> {
        if self.plan == Plan::Paired {
            if self.container.state().sandbox.is_some() {
                self.take().await?;
            } else {
                self.plan = Plan::Single;
            }
        }
        match self.plan {
            Plan::Done => None,
            Plan::Forever => self.take().await,
            Plan::Paired | Plan::Single => {
                self.plan = Plan::Done;
                self.take().await
            }
        }
    }

    /// Waits until a sample is due, and takes it.
    async fn take(&mut self) -> Option<ContainerStats> {
        let mut progress = self.container.progress();
        if progress.borrow().removed {
            return None;
        }
        tokio::select! {
            () = tokio::time::sleep_until(self.due) => {}
            _ = progress.wait_for(|now| now.removed) => return None,
        }
        // Late is late: samples that were missed are not made up for.
        self.due = Instant::now() + PERIOD;
        let mut sample = match self.engine.sample(&self.container).await {
            Ok(sample) => sample,
            // It ended while it was looked at.
            Err(error) => {
                tracing::debug!(%error, id = %self.container.id(), "no sample");
                ContainerStats {
                    id: self.container.id().to_string(),
                    name: format!("/{}", self.container.state().name()),
                    ..ContainerStats::default()
                }
            }
        };
        if let Some((cpu, read)) = self.before.take() {
            (sample.precpu_stats, sample.preread) = (cpu, read);
        }
        self.before = Some((sample.cpu_stats.clone(), sample.read.clone()));
        Some(sample)
    }
}

/// Processor time of the container beside the machine's, from `/proc/stat`.
fn cpu(counters: &Stats, machine: &str) -> CpuStats {
    let cpu = &counters.cpu;
    // User, nice, system, idle, waiting for I/O and the two kinds of interrupts: what Docker adds up.
    let ticks: u64 = machine
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .into_iter()
        .flat_map(str::split_whitespace)
        .take(7)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    let is_cpu = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let online = machine.lines().filter(is_cpu).count();
    CpuStats {
        cpu_usage: CpuUsage {
            total_usage: cpu.total,
            percpu_usage: cpu.per_cpu.clone(),
            usage_in_kernelmode: cpu.system,
            usage_in_usermode: cpu.user,
        },
        system_cpu_usage: ticks.saturating_mul(TICK_NS),
        online_cpus: u32::try_from(online).unwrap_or(u32::MAX),
        throttling_data: ThrottlingData {
            periods: cpu.periods,
            throttled_periods: cpu.throttled_periods,
            throttled_time: cpu.throttled_time,
        },
    }
}

fn memory(counters: &Stats, v2: bool) -> MemoryStats {
    let memory = &counters.memory;
    let info = rustix::system::sysinfo();
    let machine = u64::from(info.mem_unit).saturating_mul(info.totalram);
    MemoryStats {
        usage: memory.usage,
        max_usage: if v2 { 0 } else { memory.max_usage },
        stats: memory
            .stat
            .iter()
            .filter(|(key, _)| !v2 || V2_MEMORY.contains(&key.as_str()))
            .cloned()
            .collect(),
        failcnt: memory.fail_count,
        limit: memory.limit.min(machine),
    }
}

fn pids(counters: &Stats, v2: bool) -> PidsStats {
    let limit = counters.pids.limit;
    PidsStats {
        current: counters.pids.current,
        limit: if limit == u64::MAX && !v2 { 0 } else { limit },
    }
}

fn blkio(counters: Stats, v2: bool) -> BlkioStats {
    let entries = |list: Vec<BlkioEntry>| -> Vec<BlkioStatEntry> {
        let entry = |one: BlkioEntry| BlkioStatEntry {
            major: one.major,
            minor: one.minor,
            op: one.operation,
            value: one.value,
        };
        list.into_iter().map(entry).collect()
    };
    let bytes = Some(entries(counters.blkio.service_bytes));
    if v2 {
        return BlkioStats {
            io_service_bytes_recursive: bytes,
            ..BlkioStats::default()
        };
    }
    let none = || Some(Vec::new());
    BlkioStats {
        io_service_bytes_recursive: bytes,
        io_serviced_recursive: Some(entries(counters.blkio.serviced)),
        io_queue_recursive: none(),
        io_service_time_recursive: none(),
        io_wait_time_recursive: none(),
        io_merged_recursive: none(),
        io_time_recursive: none(),
        sectors_recursive: none(),
    }
}

/// The lines of `/proc/PID/net/dev` but loopback's.
fn interfaces(text: &str) -> BTreeMap<String, NetworkStats> {
    let interface = |line: &str| {
        let (name, counters) = line.split_once(':')?;
        let counters: Vec<u64> = counters
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect();
        let at = |index: usize| counters.get(index).copied();
        let stats = NetworkStats {
            rx_bytes: at(0)?,
            rx_packets: at(1)?,
            rx_errors: at(2)?,
            rx_dropped: at(3)?,
            tx_bytes: at(8)?,
            tx_packets: at(9)?,
            tx_errors: at(10)?,
            tx_dropped: at(11)?,
        };
        Some((name.trim().to_owned(), stats)).filter(|(name, _)| name != "lo")
    };
    text.lines().filter_map(interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_read_but_loopback() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
             lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n  \
             eth0:    1296      16    1    2    0     0          0         0      656       8    3    4    0     0       0          0\n";
        let found = interfaces(text);
        assert_eq!(found.len(), 1);
        let eth0 = &found["eth0"];
        assert_eq!(
            (eth0.rx_bytes, eth0.rx_dropped, eth0.tx_bytes, eth0.tx_dropped),
            (1296, 2, 656, 4)
        );
    }

    #[test]
    fn machine_time_is_counted_in_nanoseconds() {
        let text = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 0 0 0 0 0 0 0 0 0 0\nintr 5\n";
        let cpu = cpu(&Stats::default(), text);
        assert_eq!((cpu.system_cpu_usage, cpu.online_cpus), (280_000_000, 2));
    }
}
