//! `pause` and `unpause`: processes stand still, and what may be done to a paused container.

use std::time::Duration;

use corten_testkit::until;

use crate::{BB, SOON, corten_only, engine, idle, inspect, wait_for_state};

/// A container that writes a line again and again.
fn ticking(engine: &corten_testkit::Engine, name: &str, flags: &[&str]) {
    let mut args = vec!["run", "-d", "--name", name];
    args.extend(flags);
    args.extend([
        BB,
        "sh",
        "-c",
        "trap 'exit 3' TERM; while :; do echo tick; sleep 0.05; done",
    ]);
    engine.ok(&args);
    until("it ticks", SOON, || !engine.ok(&["logs", name]).is_empty());
}

#[test]
fn processes_stand_still_and_go_on() {
    let engine = engine();
    ticking(&engine, "box", &[]);
    assert_eq!(engine.ok(&["pause", "box"]), "box");
    let lines = || engine.ok(&["logs", "box"]).lines().count();
    let before = lines();
    // That nothing happens can only be seen by letting time pass: five times as long as it takes to write a line.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(lines(), before, "it writes although it is paused");
    let state = inspect(&engine, "box")["State"].clone();
    assert_eq!(
        (&state["Status"], &state["Running"], &state["Paused"]),
        (&"paused".into(), &true.into(), &true.into())
    );
    let table = engine.ok(&["ps", "--filter", "status=paused"]);
    assert!(table.contains(" (Paused) "), "{table}");
    assert_eq!(engine.ok(&["ps", "-q", "-f", "status=running"]), "");
    assert_eq!(
        engine.ok(&["ps", "-q"]).lines().count(),
        1,
        "it counts as running"
    );
    assert!(engine.ok(&["info"]).contains("Paused: 1"));
    // Looking is fine.
    assert!(engine.ok(&["top", "box"]).contains("sleep"));
    engine.ok(&["stats", "--no-stream", "box"]);
    assert_eq!(engine.ok(&["container", "unpause", "box"]), "box");
    until("it goes on", SOON, || lines() > before);
    assert_eq!(inspect(&engine, "box")["State"]["Status"], "running");
}

#[test]
fn what_a_paused_container_refuses() {
    let engine = engine();
    let id = idle(&engine, "box", &[]);
    engine.ok(&["pause", "box"]);
    let refused = |args: &[&str], sentences: &[&str]| {
        let done = engine.run(args);
        assert_ne!(done.code(), 0, "{done}");
        done.says(sentences);
    };
    refused(
        &["exec", "box", "true"],
        &["Container box is paused, unpause the container before exec"],
    );
    refused(
        &["start", "box"],
        &["cannot start a paused container, try unpause instead"],
    );
    refused(
        &["attach", "box"],
        &[
            "cannot attach to a paused container, unpause it first",
            "You cannot attach to a paused container, unpause it first",
        ],
    );
    refused(&["pause", "box"], &[&format!("Container {id} is already paused")]);
    refused(
        &["rm", "box"],
        &[
            "cannot remove container \"/box\": container is paused: unpause and then stop the container before \
             removing or force remove",
            "You cannot remove a paused container",
        ],
    );
    engine.ok(&["unpause", "box"]);
    refused(&["unpause", "box"], &[&format!("Container {id} is not paused")]);
    engine.ok(&["stop", "-t", "0", "box"]);
    let answer = engine.api("POST", "/containers/box/pause", "");
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().to_lowercase().contains("is not running"),
        "{}",
        answer.text()
    );
    assert_eq!(engine.api("POST", "/containers/box/unpause", "").status, 500);
    assert_eq!(engine.api("POST", "/containers/nobody/pause", "").status, 404);
}

#[test]
fn a_paused_container_can_be_ended() {
    let engine = engine();
    ticking(&engine, "polite", &[]);
    engine.ok(&["pause", "polite"]);
    engine.ok(&["stop", "polite"]);
    assert_eq!(
        inspect(&engine, "polite")["State"]["ExitCode"],
        3,
        "it was let go to take the signal"
    );
    ticking(&engine, "killed", &[]);
    engine.ok(&["pause", "killed"]);
    engine.ok(&["kill", "killed"]);
    wait_for_state(&engine, "killed", "exited");
    assert_eq!(inspect(&engine, "killed")["State"]["ExitCode"], 137);
    ticking(&engine, "again", &[]);
    engine.ok(&["pause", "again"]);
    engine.ok(&["restart", "again"]);
    let state = inspect(&engine, "again")["State"].clone();
    assert_eq!(
        (&state["Status"], &state["Paused"]),
        (&"running".into(), &false.into())
    );
    engine.ok(&["pause", "again"]);
    engine.ok(&["rm", "-f", "again"]);
    assert_eq!(engine.ok(&["ps", "-aq", "-f", "name=again"]), "");
    let told = engine.ok(&[
        "events",
        "--since",
        "10m",
        // Docker's command line cuts times to seconds, so now would be before the events.
        "--until",
        "-2s",
        "--filter",
        "container=polite",
    ]);
    let at = |action: &str| {
        told.find(&format!(" container {action} "))
            .unwrap_or_else(|| panic!("no {action} in {told}"))
    };
    assert!(at("pause") < at("kill") && at("unpause") < at("die"), "{told}");
}

#[test]
fn a_pause_outlives_the_daemon() {
    corten_only!();
    let mut engine = engine();
    ticking(&engine, "box", &[]);
    idle(&engine, "other", &[]);
    engine.ok(&["pause", "box"]);
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    assert_eq!(inspect(&engine, "box")["State"]["Status"], "paused");
    assert_eq!(inspect(&engine, "other")["State"]["Status"], "running");
    let lines = || engine.ok(&["logs", "box"]).lines().count();
    let before = lines();
    engine.ok(&["unpause", "box"]);
    until("it goes on", SOON, || lines() > before);
}
