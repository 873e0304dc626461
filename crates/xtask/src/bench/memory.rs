//! Memory of the daemons and of what stays resident for each container.

use std::collections::BTreeSet;

use corten_testkit::proc::{self, Memory};
use corten_testkit::{Daemon, Dockerd, fixtures};

use super::sides::Side;
use super::table::{Row, Table};

/// How many times smaller the idle daemon must be.
const DAEMON_TARGET: f64 = 5.0;
/// What a container may cost at most, in bytes.
const CONTAINER_LIMIT: f64 = (1 << 20) as f64;

/// Memory of both daemons before they have any container.
pub(super) fn idle_daemons(table: &mut Table, theirs: &Dockerd, ours: &Daemon) {
    let (theirs, ours) = (sum(&theirs.pids()), sum(&[ours.pid()]));
    let name = "idle daemon, resident (dockerd + containerd)".to_owned();
    table.push(Row::sizes(
        name,
        theirs.resident,
        ours.resident,
        Some(DAEMON_TARGET),
    ));
    let name = "  the same, shared pages divided".to_owned();
    table.push(Row::sizes(name, theirs.proportional, ours.proportional, None));
}

/// Private memory of an idle container: its supervisor's, and by how much the daemon grows for it.
pub(super) fn idle_containers(table: &mut Table, theirs: &Dockerd, ours: &Daemon, count: usize) {
    let their_cost = cost(Side::Theirs(theirs), &theirs.pids(), count);
    let our_cost = cost(Side::Ours(ours), &[ours.pid()], count);
    table.push(Row::limit(
        format!("idle container, private, over {count}"),
        their_cost,
        our_cost,
        CONTAINER_LIMIT,
    ));
}

fn cost(side: Side<'_>, daemons: &[u32], count: usize) -> u64 {
    let before = sum(daemons).private;
    let names: Vec<String> = (0..count).map(|index| format!("memory-{index}")).collect();
    for name in &names {
        side.ok(&["run", "-d", "--name", name, fixtures::BUSYBOX, "sleep", "100000"]);
    }
    // The supervisor is the parent of the container's first process.
    let supervisors: BTreeSet<u32> = names
        .iter()
        .filter_map(|name| proc::parent(side.container_pid(name)))
        .collect();
    let supervisors = sum(&supervisors.into_iter().collect::<Vec<_>>()).private;
    let growth = sum(daemons).private.saturating_sub(before);
    for name in &names {
        side.ok(&["rm", "-f", name]);
    }
    (supervisors + growth) / u64::try_from(count.max(1)).unwrap_or(1)
}

/// Memory of these processes together.
pub(super) fn sum(pids: &[u32]) -> Memory {
    pids.iter().filter_map(|&pid| proc::memory(pid)).sum()
}
