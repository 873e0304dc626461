//! Nothing is left of containers that are gone.

use std::collections::BTreeSet;
use std::time::Duration;

use corten_testkit::{Engine, until};

use crate::{BB, SOON, corten_only, engine, idle};

/// Everything of the engine on the machine: processes, mounts, cgroups, links, rules, files. Directories made ahead for
/// later containers are left out, since their names are numbers that go up; they must be few.
pub(crate) fn everything(engine: &Engine) -> BTreeSet<String> {
    const AHEAD: &str = "data/overlay/ready/";
    let residue = engine.slot().residue();
    let mut found = residue.traces();
    let (ahead, files): (Vec<_>, Vec<_>) = residue
        .files()
        .into_iter()
        .partition(|name| name.starts_with(AHEAD));
    assert!(ahead.len() < 50, "made ahead: {ahead:#?}");
    let own = |name: &String| {
        !["docker-config", "scratch", "log"]
            .iter()
            .any(|other| name.starts_with(other))
    };
    found.extend(files.into_iter().filter(own).map(|name| format!("file {name}")));
    found
}

/// The same, once what was thrown away is gone and what ended has ended: nobody waits for the emptying of the trash, or for the last
/// of a container that was run.
pub(crate) fn at_rest(engine: &Engine) -> BTreeSet<String> {
    let quiet = || {
        let running = engine.ok(&["ps", "-q"]).lines().count();
        let all = everything(engine);
        let count = |what: &str| all.iter().filter(|one| one.contains(what)).count();
        let rests = !all.iter().any(|one| one.starts_with("file data/overlay/trash/"))
            && count("corten-shim ") <= running
            && count("link veth") <= running;
        rests.then_some(all)
    };
    corten_testkit::eventually(SOON, quiet).unwrap_or_else(|| panic!("the engine never rests"))
}

/// Waits until everything is as it was.
#[track_caller]
pub(crate) fn comes_back_to(engine: &Engine, before: &BTreeSet<String>) {
    let settled = corten_testkit::eventually(SOON, || (everything(engine) == *before).then_some(()));
    if settled.is_none() {
        let after = everything(engine);
        let more: Vec<_> = after.difference(before).collect();
        let less: Vec<_> = before.difference(&after).collect();
        panic!("left behind: {more:#?}\nlost: {less:#?}");
    }
}

#[test]
fn a_hundred_cycles_leave_nothing() {
    corten_only!();
    let engine = engine();
    let publish = format!("127.0.0.1:{}:80", engine.slot().port(0));
    // The first container may make what stays for all later ones.
    engine.ok(&["run", "--rm", "-p", &publish, "-v", "/v", BB, "true"]);
    engine.corten().assert_no_container_left();
    let before = at_rest(&engine);
    for round in 0..100 {
        match round % 4 {
            0 => engine.run(&["run", "--rm", BB, "true"]).fails(0),
            1 => engine
                .run(&[
                    "run",
                    "--rm",
                    "--network",
                    "none",
                    BB,
                    "sh",
                    "-c",
                    "kill -9 $$; exit 3",
                ])
                .fails(3),
            2 => {
                idle(&engine, "killed", &["-p", &publish, "-v", "/v"]);
                engine.ok(&["exec", "killed", "true"]);
                engine.ok(&["kill", "killed"]);
                engine.ok(&["rm", "-v", "killed"])
            }
            _ => {
                idle(&engine, "forced", &["--tmpfs", "/t"]);
                engine.ok(&["rm", "-f", "forced"])
            }
        };
    }
    engine.corten().assert_no_container_left();
    comes_back_to(&engine, &before);
}

#[test]
fn containers_that_could_not_start_leave_nothing() {
    corten_only!();
    let engine = engine();
    engine.ok(&["run", "--rm", BB, "true"]);
    engine.corten().assert_no_container_left();
    let before = at_rest(&engine);
    let port = engine.slot().port(2);
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let publish = format!("127.0.0.1:{port}:80");
    for _ in 0..5 {
        engine.run(&["run", "--rm", BB, "nosuch"]).fails(127);
        engine.run(&["run", "--rm", BB, "/etc/not-executable"]).fails(126);
        engine
            .run(&["run", "--rm", "-p", &publish, BB, "true"])
            .fails(125);
        engine.run(&["run", "--rm", "-u", "nosuch", BB, "true"]);
        engine
            .run(&["run", "--rm", "-v", "/x/../../y:relative", BB, "true"])
            .fails(125);
    }
    comes_back_to(&engine, &before);
}

#[test]
fn a_killed_command_line_takes_its_container_only_with_rm_and_its_end() {
    let engine = engine();
    let run = engine.spawn(&["run", "--rm", "--name", "box", BB, "sh", "-c", "echo up; sleep 2"]);
    run.expect_out("up", SOON);
    run.signal(rustix::process::Signal::KILL);
    let _ = run.finish(SOON);
    assert_eq!(
        engine.ok(&["ps", "-q"]).lines().count(),
        1,
        "the container runs on"
    );
    until("it is removed when it ends", SOON, || {
        engine.ok(&["ps", "-aq"]).is_empty()
    });
}

#[test]
fn a_daemon_that_stops_leaves_nothing_that_runs() {
    corten_only!();
    let mut engine = Engine::Corten(
        Box::new(corten_testkit::Daemon::start_with(
            &corten_testkit::binary(),
            &["--live-restore=false"],
        )),
        corten_testkit::Cli::Corten,
    );
    engine.load(&corten_testkit::fixtures::busybox());
    // It has two seconds to stop, not the fifteen of the daemon.
    let script = "trap '' TERM; while :; do sleep 0.1; done";
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        "--stop-timeout",
        "2",
        BB,
        "sh",
        "-c",
        script,
    ]);
    let begin = std::time::Instant::now();
    engine.corten_mut().stop();
    assert!(begin.elapsed() < Duration::from_secs(9), "{:?}", begin.elapsed());
    engine.corten().assert_no_container_left();
    let hierarchies = std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten();
    let parent = engine.slot().cgroup_parent();
    let left: Vec<_> = hierarchies
        .map(|hierarchy| hierarchy.path().join(parent.trim_matches('/')))
        .filter(|cgroup| cgroup.exists())
        .collect();
    assert_eq!(left, [] as [std::path::PathBuf; 0]);
    engine.corten_mut().restart();
    assert_eq!(crate::inspect(&engine, "box")["State"]["Status"], "exited");
}
