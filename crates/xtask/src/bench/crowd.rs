//! Many containers: started and removed by many clients at once, and what those that are there cost the next one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use corten_testkit::{Daemon, Dockerd, fixtures, run};

use super::sides::{Side, own_line};
use super::table::{Row, Table};
use super::timing::{self, Times};

/// Clients at work at the same time.
const CLIENTS: usize = 8;
/// Containers they start, and how often.
const COUNT: usize = 100;
const ROUNDS: usize = 3;
/// How many times faster both must be.
const TARGET: f64 = 5.0;
/// Containers that are there while others are started and looked at.
const ALIVE: usize = 500;
/// As many of them are on the bridge; a throw-away daemon's subnet has no room for more.
const ON_BRIDGE: usize = 200;
/// How many times slower a start may be among them.
const AMONG_MANY: f64 = 1.5;
/// How long looking at them may take, in milliseconds.
const LOOK: f64 = 20.0;
/// Under load a client may take its time.
const DEADLINE: Duration = Duration::from_secs(120);

/// `COUNT` containers started, and removed, by `CLIENTS` clients on either side.
pub(super) fn in_parallel(table: &mut Table, theirs: &Dockerd, ours: &Daemon) {
    let sides = [Side::Theirs(theirs), Side::Ours(ours)];
    let mut starts = [const { Vec::new() }; 2];
    let mut removals = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        for side in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            starts[side].push(start_many(sides[side], COUNT));
            removals[side].push(remove_many(sides[side], COUNT));
        }
    }
    for (what, times) in [("started", starts), ("removed", removals)] {
        let [theirs, ours] = times.map(Times::of);
        let name = format!("{COUNT} containers {what} by {CLIENTS} clients");
        table.push(Row::times(name, theirs, ours, Some(TARGET)));
    }
}

/// A start with `ALIVE` containers there beside one with none, and looking at all of them.
pub(super) fn among_many(table: &mut Table, ours: &Daemon, repetitions: usize) {
    let side = Side::Ours(ours);
    let time = |args: &[&str]| timing::repeated(&own_line(side, args), repetitions);
    let start = ["run", "--rm", fixtures::BUSYBOX, "true"];
    let alone = time(&start);
    start_many(side, ALIVE);
    let among = time(&start);
    let name = format!("run --rm IMAGE true, with {ALIVE} alive beside none");
    table.push(Row::factor(name, &alone, &among, AMONG_MANY));
    for args in [&["ps"][..], &["inspect", "crowd-7"]] {
        let name = format!("{}, with {ALIVE} containers", args[0]);
        table.push(Row::time_limit(name, None, &time(args), LOOK));
    }
    remove_many(side, ALIVE);
}

fn start_many(side: Side<'_>, count: usize) -> Duration {
    in_turns(count, |index| {
        let name = format!("crowd-{index}");
        let network = if index < ON_BRIDGE { "bridge" } else { "none" };
        let args = [
            "run",
            "-d",
            "--name",
            &name,
            "--network",
            network,
            fixtures::BUSYBOX,
            "sleep",
            "100000",
        ];
        run(&mut own_line(side, &args)(), DEADLINE).ok();
    })
}

fn remove_many(side: Side<'_>, count: usize) -> Duration {
    in_turns(count, |index| {
        let args = ["rm", "-f", &format!("crowd-{index}")];
        run(&mut own_line(side, &args)(), DEADLINE).ok();
    })
}

/// Has the clients do `work` for each index; gives how long it took until the last was done.
fn in_turns(count: usize, work: impl Fn(usize) + Sync) -> Duration {
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    match next.fetch_add(1, Ordering::Relaxed) {
                        index if index < count => work(index),
                        _ => return,
                    }
                }
            });
        }
    });
    begin.elapsed()
}
