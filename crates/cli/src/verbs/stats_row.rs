//! One line of `stats`: figures worked out from a sample, as Docker does it.

use corten_types::{binary_size, decimal_size};
use corten_wire::ContainerStats;
use serde_json::{Value, json};

use crate::human::short_id;

/// Titles of the table.
pub(super) const TITLES: [&str; 8] = [
    "CONTAINER ID",
    "NAME",
    "CPU %",
    "MEM USAGE / LIMIT",
    "MEM %",
    "NET I/O",
    "BLOCK I/O",
    "PIDS",
];
/// What stands for a figure that is not known.
const UNKNOWN: &str = "--";

/// What is shown of a container.
#[derive(Debug, Clone, Default)]
pub(super) struct StatsRow {
    /// As the user named it.
    pub(super) container: String,
    id: String,
    name: String,
    /// `None` before the first sample, and when none comes any more.
    figures: Option<Figures>,
}

#[derive(Debug, Clone, Copy)]
struct Figures {
    cpu: f64,
    memory: f64,
    limit: f64,
    received: f64,
    sent: f64,
    read: f64,
    written: f64,
    pids: u64,
}

impl StatsRow {
    /// A row without figures.
    pub(super) fn of(container: &str) -> Self {
        Self {
            container: container.to_owned(),
            ..Self::default()
        }
    }

    /// Takes over a sample.
    pub(super) fn update(&mut self, sample: &ContainerStats) {
        self.id.clone_from(&sample.id);
        self.name.clone_from(&sample.name);
        let sum = |field: fn(&corten_wire::NetworkStats) -> u64| {
            sample.networks.values().map(field).sum::<u64>() as f64
        };
        let moved = |letter: char| {
            let entries = sample.blkio_stats.io_service_bytes_recursive.iter().flatten();
            entries
                .filter(|entry| entry.op.to_ascii_lowercase().starts_with(letter))
                .map(|entry| entry.value)
                .sum::<u64>() as f64
        };
        self.figures = Some(Figures {
            cpu: share_of_cpu(sample),
            memory: memory(sample) as f64,
            limit: sample.memory_stats.limit as f64,
            received: sum(|one| one.rx_bytes),
            sent: sum(|one| one.tx_bytes),
            read: moved('r'),
            written: moved('w'),
            pids: sample.pids_stats.current,
        });
    }

    /// Forgets the figures, which are of the past.
    pub(super) fn blank(&mut self) {
        self.figures = None;
    }

    /// The cells, in the order of [`TITLES`].
    pub(super) fn cells(&self, cut: bool) -> [String; 8] {
        let id = if cut { short_id(&self.id) } else { &self.id };
        let name = match self.name.strip_prefix('/') {
            Some(name) if !name.is_empty() => name,
            _ => UNKNOWN,
        };
        let [cpu, usage, share, net, block, pids] = match self.figures {
            None => [
                UNKNOWN.to_owned(),
                format!("{UNKNOWN} / {UNKNOWN}"),
                UNKNOWN.to_owned(),
                UNKNOWN.to_owned(),
                UNKNOWN.to_owned(),
                UNKNOWN.to_owned(),
            ],
            Some(one) => {
                let share = if one.limit > 0.0 {
                    one.memory / one.limit * 100.0
                } else {
                    0.0
                };
                [
                    format!("{:.2}%", one.cpu),
                    format!("{} / {}", binary_size(one.memory), binary_size(one.limit)),
                    format!("{share:.2}%"),
                    format!("{} / {}", decimal_size(one.received), decimal_size(one.sent)),
                    format!("{} / {}", decimal_size(one.read), decimal_size(one.written)),
                    one.pids.to_string(),
                ]
            }
        };
        [
            id.to_owned(),
            name.to_owned(),
            cpu,
            usage,
            share,
            net,
            block,
            pids,
        ]
    }

    /// What templates see.
    pub(super) fn fields(&self, cut: bool) -> Value {
        let [id, name, cpu, usage, share, net, block, pids] = self.cells(cut);
        json!({
            "BlockIO": block,
            "CPUPerc": cpu,
            "Container": self.container,
            "ID": id,
            "MemPerc": share,
            "MemUsage": usage,
            "Name": name,
            "NetIO": net,
            "PIDs": pids,
        })
    }
}

/// Title of a field in a table of the user's own.
pub(super) fn title(field: &str) -> Option<&'static str> {
    Some(match field {
        "ID" => "CONTAINER ID",
        "CPUPerc" => "CPU %",
        "MemUsage" => "MEM USAGE / LIMIT",
        "MemPerc" => "MEM %",
        "NetIO" => "NET I/O",
        "BlockIO" => "BLOCK I/O",
        _ => return None,
    })
}

/// The share of one processor used since the sample before, in percent.
fn share_of_cpu(sample: &ContainerStats) -> f64 {
    let (now, before) = (&sample.cpu_stats, &sample.precpu_stats);
    let used = now.cpu_usage.total_usage as f64 - before.cpu_usage.total_usage as f64;
    let passed = now.system_cpu_usage as f64 - before.system_cpu_usage as f64;
    let processors = match now.online_cpus {
        0 => now.cpu_usage.percpu_usage.len() as f64,
        online => f64::from(online),
    };
    if used > 0.0 && passed > 0.0 {
        used / passed * processors * 100.0
    } else {
        0.0
    }
}

/// Memory in use, without the part of the page cache that can go at any time.
fn memory(sample: &ContainerStats) -> u64 {
    let memory = &sample.memory_stats;
    // The first key is there on cgroup v1 only.
    let idle = ["total_inactive_file", "inactive_file"]
        .iter()
        .find_map(|key| memory.stats.get(*key));
    match idle {
        Some(idle) if *idle < memory.usage => memory.usage - idle,
        _ => memory.usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corten_wire::{BlkioStatEntry, NetworkStats};

    #[test]
    fn figures_are_dockers() {
        let mut sample = ContainerStats {
            id: "0123456789abcdef".to_owned(),
            name: "/web".to_owned(),
            ..ContainerStats::default()
        };
        sample.cpu_stats.cpu_usage.total_usage = 1_500_000_000;
        sample.cpu_stats.system_cpu_usage = 12_000_000_000;
        sample.cpu_stats.online_cpus = 2;
        sample.precpu_stats.cpu_usage.total_usage = 1_000_000_000;
        sample.precpu_stats.system_cpu_usage = 10_000_000_000;
        sample.memory_stats.usage = 3 << 20;
        sample.memory_stats.limit = 64 << 20;
        sample
            .memory_stats
            .stats
            .insert("inactive_file".to_owned(), 1 << 20);
        sample.networks.insert(
            "eth0".to_owned(),
            NetworkStats {
                rx_bytes: 1300,
                tx_bytes: 700,
                ..NetworkStats::default()
            },
        );
        sample.blkio_stats.io_service_bytes_recursive = Some(vec![BlkioStatEntry {
            op: "Write".to_owned(),
            value: 4096,
            ..BlkioStatEntry::default()
        }]);
        sample.pids_stats.current = 3;
        let mut row = StatsRow::of("web");
        row.update(&sample);
        assert_eq!(
            row.cells(true),
            [
                "0123456789ab",
                "web",
                "50.00%",
                "2MiB / 64MiB",
                "3.12%",
                "1.3kB / 700B",
                "0B / 4.1kB",
                "3"
            ]
        );
        row.blank();
        assert_eq!(
            row.cells(true)[1..],
            ["web", "--", "-- / --", "--", "--", "--", "--"]
        );
    }
}
