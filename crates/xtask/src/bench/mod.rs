//! Measures Corten against Debian's dockerd on the same machine, in the same minutes, on the same image.
//!
//! A figure is the median of whole processes, from the start of the command line to its end. Both engines are measured
//! in turn within each pair, so that what else the machine does hits both alike.

mod bulk;
mod crowd;
pub(crate) mod lookups;
mod memory;
mod networks;
mod sides;
mod table;
mod timing;
mod traffic;

use std::path::Path;

use corten_testkit::{Daemon, Dockerd, fixtures};

use sides::{Side, docker_line, own_line};
use table::{Row, Table};

/// Pairs measured for each figure.
pub(crate) const PAIRS: usize = 25;
/// Idle containers a container's share of memory is measured over.
const IDLE: usize = 20;

/// A figure: its name, how many times faster Corten must be (none: for information), the command.
struct Figure {
    name: &'static str,
    target: Option<f64>,
    args: &'static [&'static str],
}

const BB: &str = fixtures::BUSYBOX;

const FIGURES: [Figure; 5] = [
    Figure {
        name: "run --rm IMAGE true",
        target: Some(10.0),
        args: &["run", "--rm", BB, "true"],
    },
    Figure {
        name: "run --rm --network none IMAGE true",
        target: Some(10.0),
        args: &["run", "--rm", "--network", "none", BB, "true"],
    },
    Figure {
        name: "exec CONTAINER true",
        target: Some(6.0),
        args: &["exec", "idle", "true"],
    },
    Figure {
        name: "create IMAGE true",
        target: Some(6.0),
        args: &["create", "--label", "bench", BB, "true"],
    },
    Figure {
        name: "ps",
        target: Some(4.0),
        args: &["ps"],
    },
];

/// Measures a part on both engines, in so many pairs.
type Measure = fn(&mut Table, &Dockerd, &Daemon, usize);

/// What is measured together, in the order of the table.
const PARTS: [(&str, Measure); 5] = [
    ("thin", thin),
    ("crowd", |table, theirs, ours, pairs| {
        crowd::in_parallel(table, theirs, ours);
        crowd::among_many(table, ours, pairs);
    }),
    ("bulk", |table, theirs, ours, _| {
        bulk::image(table, theirs, ours);
        bulk::streams(table, theirs, ours);
    }),
    ("networks", |table, theirs, ours, pairs| {
        networks::verbs(table, ours, pairs);
        networks::start(table, ours, pairs);
        networks::ports(table, theirs, ours);
    }),
    ("traffic", |table, theirs, ours, _| {
        traffic::throughput(table, ours);
        traffic::names(table, theirs, ours);
    }),
];

/// Measures the `corten` given, all parts or those named, and prints the table. A target that is missed is said so there and is
/// no error: what is an error is a command that fails, and that ends the measurement.
pub(crate) fn run(program: &Path, pairs: usize, parts: &[&str]) -> Result<(), String> {
    if let Some(unknown) = parts
        .iter()
        .find(|part| PARTS.iter().all(|(name, _)| name != *part))
    {
        return Err(format!("there is no part {unknown}"));
    }
    println!("{} against dockerd, {pairs} pairs", program.display());
    let (theirs, ours) = (Dockerd::start(), Daemon::start_with(program, &[]));
    for side in [Side::Theirs(&theirs), Side::Ours(&ours)] {
        side.ok(&["load", "-i", &fixtures::busybox().display().to_string()]);
        side.ok(&["run", "--rm", BB, "true"]);
    }
    let mut table = Table::default();
    for (name, measure) in PARTS {
        if parts.is_empty() || parts.contains(&name) {
            measure(&mut table, &theirs, &ours, pairs);
        }
    }
    print!("{table}");
    Ok(())
}

/// What the daily commands take, and memory.
fn thin(table: &mut Table, theirs: &Dockerd, ours: &Daemon, pairs: usize) {
    memory::idle_daemons(table, theirs, ours);
    for side in [Side::Theirs(theirs), Side::Ours(ours)] {
        side.ok(&["run", "-d", "--name", "idle", BB, "sleep", "100000"]);
    }
    for figure in &FIGURES {
        let own = [
            own_line(Side::Theirs(theirs), figure.args),
            own_line(Side::Ours(ours), figure.args),
        ];
        table.push(compare(figure.name.to_owned(), figure.target, own, pairs));
        let same = [
            docker_line(Side::Theirs(theirs), figure.args),
            docker_line(Side::Ours(ours), figure.args),
        ];
        let name = format!(
            "  the same with docker's command line on both: {}",
            figure.args[0]
        );
        table.push(compare(name, None, same, pairs));
        for side in [Side::Theirs(theirs), Side::Ours(ours)] {
            side.remove_created();
        }
    }
    memory::idle_containers(table, theirs, ours, IDLE);
}

fn compare(name: String, target: Option<f64>, lines: [timing::Line; 2], pairs: usize) -> Row {
    let [theirs, ours] = timing::interleaved(lines, pairs);
    Row::times(name, theirs, ours, target)
}
