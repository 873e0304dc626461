//! Much data: images, logs and files of many megabytes, and what memory they take on their way through the daemon.

use std::fs;
use std::path::Path;
use std::time::Duration;

use corten_testkit::{Daemon, Dockerd, fixtures, run};

use super::sides::{Side, own_line};
use super::table::{Row, Table};
use super::timing::{self, Times};

/// How many times faster loading and saving must be.
const IMAGE_TARGET: f64 = 3.0;
const ROUNDS: usize = 3;
/// What a container logs, and the size of the file that is copied.
const MEBIBYTES: usize = 1024;
/// The daemon may grow to this, whatever passes through it, in bytes.
const MEMORY_LIMIT: f64 = (64 << 20) as f64;
const DEADLINE: Duration = Duration::from_secs(600);

/// Loading and saving an image of 200 MB.
pub(super) fn image(table: &mut Table, theirs: &Dockerd, ours: &Daemon) {
    let archive = fixtures::bulky().display().to_string();
    let sides = [Side::Theirs(theirs), Side::Ours(ours)];
    let mut loads = [const { Vec::new() }; 2];
    let mut saves = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        for side in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            loads[side].push(once(sides[side], &["load", "-q", "-i", &archive]));
            let saved = sides[side].root().join("saved.tar");
            let to = saved.display().to_string();
            saves[side].push(once(sides[side], &["save", "-o", &to, fixtures::BULKY]));
            remove(&saved);
            sides[side].ok(&["rmi", fixtures::BULKY]);
        }
    }
    for (what, times) in [("load", loads), ("save", saves)] {
        let [theirs, ours] = times.map(Times::of);
        table.push(Row::times(
            format!("{what} an image of 200 MB"),
            theirs,
            ours,
            Some(IMAGE_TARGET),
        ));
    }
}

/// `logs` and `cp` of a gigabyte.
pub(super) fn streams(table: &mut Table, theirs: &Dockerd, ours: &Daemon) {
    let sides = [Side::Theirs(theirs), Side::Ours(ours)];
    let line = "0123456789abcdef".repeat(6);
    let script = format!(
        "yes {line} | head -c {MEBIBYTES}m; exec dd if=/dev/zero of=/big bs=1M count={MEBIBYTES} 2>/dev/null"
    );
    for side in sides {
        let unbounded: &[&str] = match side {
            Side::Theirs(_) => &[],
            Side::Ours(_) => &["--log-opt", "max-size=-1"],
        };
        let mut args = vec!["run", "-d", "--name", "bulk"];
        args.extend(unbounded);
        args.extend([fixtures::BUSYBOX, "sh", "-c", &script]);
        side.ok(&args);
        run(&mut own_line(side, &["wait", "bulk"])(), DEADLINE).ok();
    }
    let copied = sides.map(|side| side.root().join("copied"));
    let [to_theirs, to_ours] = copied.each_ref().map(|path| path.display().to_string());
    let figures: [(&str, [&[&str]; 2]); 3] = [
        ("logs", [&["logs", "bulk"]; 2]),
        (
            "cp out",
            [&["cp", "bulk:/big", &to_theirs], &["cp", "bulk:/big", &to_ours]],
        ),
        (
            "cp in",
            [
                &["cp", &to_theirs, "bulk:/again"],
                &["cp", &to_ours, "bulk:/again"],
            ],
        ),
    ];
    for (name, args) in figures {
        let [theirs, ours] = [0, 1].map(|side| Times::of(vec![once(sides[side], args[side])]));
        table.push(Row::times(
            format!("{name} of {MEBIBYTES} MiB"),
            theirs,
            ours,
            None,
        ));
    }
    copied.iter().for_each(|path| remove(path));
    let peaks = [theirs.pid(), ours.pid()].map(peak);
    table.push(Row::limit(
        "  the daemon's peak, resident".to_owned(),
        peaks[0],
        peaks[1],
        MEMORY_LIMIT,
    ));
    for side in sides {
        side.ok(&["rm", "-f", "bulk"]);
    }
}

fn once(side: Side<'_>, args: &[&str]) -> Duration {
    timing::once(&mut own_line(side, args)())
}

/// The most memory a process has had resident, in bytes.
fn peak(pid: u32) -> u64 {
    corten_testkit::proc::status_field(pid, "VmHWM")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        panic!("cannot remove {}: {error}", path.display());
    }
}
