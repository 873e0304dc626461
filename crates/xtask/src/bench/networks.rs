//! Networks of users: what making, joining and removing them costs, a start on one, and many published ports.

use std::fs;
use std::time::Duration;

use corten_testkit::proc;
use corten_testkit::{Daemon, Dockerd, fixtures, until};

use super::memory::sum;
use super::sides::{Side, own_line};
use super::table::{Row, Table};
use super::timing::{self, Times};

/// How many times faster every verb must be than a dockerd that writes its firewall rules, as it does by default and we do.
const VERB_TARGET: f64 = 8.0;
/// How many times slower a start on an own network may be than on the default bridge: no slower, but for what chance adds.
const OWN_NETWORK: f64 = 1.05;
/// Ports published by one container, how long that may take in milliseconds, and what they may cost in bytes.
const PORTS: &str = "20000-20999";
const PORTS_TIME: f64 = 1000.0;
const PORTS_MEMORY: f64 = (20 << 20) as f64;
const PORT_ROUNDS: usize = 3;

const SOON: Duration = Duration::from_secs(30);

const NETWORK: &str = "bench";
const MEMBER: &str = "member";

/// A verb that is measured, and its name in the table.
const VERBS: [(&str, &[&str]); 4] = [
    ("network create", &["network", "create", NETWORK]),
    ("network connect", &["network", "connect", NETWORK, MEMBER]),
    ("network disconnect", &["network", "disconnect", NETWORK, MEMBER]),
    ("network rm", &["network", "rm", NETWORK]),
];

/// Makes a network, has a running container join and leave it, and removes it, on either side in turn.
pub(super) fn verbs(table: &mut Table, ours: &Daemon, pairs: usize) {
    let theirs = Dockerd::start_on_own_network();
    let sides = [Side::Theirs(&theirs), Side::Ours(ours)];
    sides[0].ok(&["load", "-i", &fixtures::busybox().display().to_string()]);
    for side in sides {
        side.ok(&[
            "run",
            "-d",
            "--name",
            MEMBER,
            fixtures::BUSYBOX,
            "sleep",
            "100000",
        ]);
    }
    let links = || fs::read_dir("/sys/class/net").map_or(0, Iterator::count);
    let before = links();
    let mut times = [const { [const { Vec::new() }; 2] }; VERBS.len()];
    for pair in 0..=pairs {
        for side in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
            for (at, (_, args)) in VERBS.iter().enumerate() {
                let time = timing::once(&mut own_line(sides[side], args)());
                // The first is not counted.
                if pair > 0 {
                    times[at][side].push(time);
                }
            }
            // The kernel may still be at it, which is not to be the next one's loss.
            until("the network's bridge is gone", SOON, || links() <= before);
        }
    }
    for ((name, _), times) in VERBS.iter().zip(times) {
        let [theirs, ours] = times.map(Times::of);
        table.push(Row::times((*name).to_owned(), theirs, ours, Some(VERB_TARGET)));
    }
    for side in sides {
        side.ok(&["rm", "-f", MEMBER]);
    }
}

/// A start on a network of the user's beside one on the default bridge.
pub(super) fn start(table: &mut Table, ours: &Daemon, pairs: usize) {
    let side = Side::Ours(ours);
    side.ok(&["network", "create", NETWORK]);
    let default = ["run", "--rm", fixtures::BUSYBOX, "true"];
    let own = ["run", "--rm", "--network", NETWORK, fixtures::BUSYBOX, "true"];
    let [default, own] = timing::interleaved([own_line(side, &default), own_line(side, &own)], pairs);
    let name = "run --rm on an own network beside the default".to_owned();
    table.push(Row::factor(name, &default, &own, OWN_NETWORK));
    side.ok(&["network", "rm", NETWORK]);
}

/// A thousand published ports: the time of the start, and the memory of all processes that keep them open.
pub(super) fn ports(table: &mut Table, theirs: &Dockerd, ours: &Daemon) {
    let sides = [Side::Theirs(theirs), Side::Ours(ours)];
    let publish = format!("{PORTS}:{PORTS}");
    let start = [
        "run",
        "-d",
        "--name",
        "ports",
        "-p",
        &publish,
        fixtures::BUSYBOX,
        "sleep",
        "100000",
    ];
    let mut times = [const { Vec::new() }; 2];
    let mut costs = [0; 2];
    for _ in 0..PORT_ROUNDS {
        for (at, side) in sides.into_iter().enumerate() {
            let before = sum(&keepers(side)).private;
            times[at].push(timing::once(&mut own_line(side, &start)()));
            costs[at] = sum(&keepers(side)).private.saturating_sub(before);
            side.ok(&["rm", "-f", "ports"]);
        }
    }
    let [their_times, our_times] = times.map(Times::of);
    table.push(Row::time_limit(
        "run with 1,000 published ports".to_owned(),
        Some(&their_times),
        &our_times,
        PORTS_TIME,
    ));
    let [their_cost, our_cost] = costs;
    table.push(Row::limit(
        "  their memory, private".to_owned(),
        their_cost,
        our_cost,
        PORTS_MEMORY,
    ));
}

/// The processes that keep ports open: the daemon, its children and theirs; containers and what supervises them are small and
/// alike.
fn keepers(side: Side<'_>) -> Vec<u32> {
    let daemon = match side {
        Side::Theirs(dockerd) => dockerd.pid(),
        Side::Ours(daemon) => daemon.pid(),
    };
    let mut pids = vec![daemon];
    pids.extend(proc::children(daemon));
    pids
}
