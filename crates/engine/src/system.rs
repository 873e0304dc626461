//! What `info` counts.

use corten_cgroup::Layout;
use corten_metadata::{Batch, Durability, Store, Table};

use crate::engine::Engine;
use crate::error::Result;
use crate::lifecycle::Phase;
use crate::names;

/// How much of everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Containers.
    pub containers: i64,
    /// Those that run and are not paused.
    pub running: i64,
    /// Those that are paused.
    pub paused: i64,
    /// Images.
    pub images: i64,
}

impl Engine {
    /// The identifier of this engine, the same for the life of its data root.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How much of everything there is.
    pub fn counts(&self) -> Counts {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let all = self.containers.all();
        let paused = all.iter().filter(|container| container.state().paused).count();
        Counts {
            containers: number(all.len()),
            running: number(self.running().saturating_sub(paused)),
            paused: number(paused),
            images: number(self.images.list().len()),
        }
    }

    /// How many containers run, paused or not.
    pub fn running(&self) -> usize {
        self.containers
            .all()
            .iter()
            .filter(|container| container.state().phase == Phase::Running)
            .count()
    }

    /// Whether the machine has pure cgroup v2.
    pub fn has_cgroup_v2(&self) -> bool {
        matches!(self.sandboxes.cgroups(), Layout::V2 { .. })
    }

    /// Whether real-time processor time can be given to containers.
    pub(crate) fn has_realtime_groups(&self) -> bool {
        match self.sandboxes.cgroups() {
            Layout::V1 { hierarchies } => hierarchies
                .iter()
                .any(|one| one.has("cpu") && one.mountpoint.join("cpu.rt_period_us").exists()),
            Layout::V2 { .. } => false,
        }
    }

    /// The real-time processor time that containers below this parent can share, in microseconds of a period; `None` where
    /// there is no such thing.
    pub(crate) fn realtime_budget(&self, cgroup_parent: &str) -> Option<i64> {
        let Layout::V1 { hierarchies } = self.sandboxes.cgroups() else {
            return None;
        };
        let hierarchy = hierarchies.iter().find(|one| one.has("cpu"))?;
        let parent = self.cgroup_parent(cgroup_parent);
        let directory = hierarchy.mountpoint.join(parent.trim_start_matches('/'));
        // A cgroup that is made for the first container has none.
        let budget = std::fs::read_to_string(directory.join("cpu.rt_runtime_us")).unwrap_or_default();
        Some(budget.trim().parse().unwrap_or(0))
    }

    /// Whether the machine has this cgroup controller.
    pub fn has_cgroup_controller(&self, controller: &str) -> bool {
        self.sandboxes.cgroups().has(controller)
    }
}

/// The engine's identifier, made at its first start.
pub fn identity(metadata: &Store) -> Result<String> {
    const KEY: &str = "engine-id";
    if let Some(id) = metadata.get(Table::Kv, KEY)? {
        return Ok(id);
    }
    let random = names::new_id();
    // In the form of the UUIDs that Docker's engines have had since 23.0.
    let hex = random.as_str();
    let id = format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..15],
        &hex[15..18],
        &hex[18..30]
    );
    let mut batch = Batch::new();
    batch.put(Table::Kv, KEY, &id)?;
    metadata.commit(batch, Durability::Durable)?;
    Ok(id)
}
