//! `logs`: everything that was said, to the stream it was said on.

use crate::{BB, SOON, engine, wait_for_state};

#[test]
fn both_streams_are_kept_apart_and_in_order() {
    let engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "echo a; echo b >&2; printf c",
    ]);
    wait_for_state(&engine, "box", "exited");
    let logs = engine.run(&["logs", "box"]);
    assert_eq!(
        (logs.code(), logs.out().as_str(), logs.err().as_str()),
        (0, "a\nc", "b\n"),
        "{logs}"
    );
}

#[test]
fn following_ends_with_the_container() {
    let engine = engine();
    let script = "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done";
    engine.ok(&["run", "-d", "--name", "box", BB, "sh", "-c", script]);
    let follow = engine.spawn(&["logs", "-f", "box"]);
    follow.expect_out("2\n", SOON);
    assert_eq!(follow.finish(SOON).ok(), "1\n2\n3\n4\n5");
}

#[test]
fn following_shows_lines_as_they_come() {
    let engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "echo first; while :; do sleep 0.1; done",
    ]);
    let follow = engine.spawn(&["logs", "-f", "box"]);
    follow.expect_out("first\n", SOON);
    engine.ok(&["exec", "box", "sh", "-c", "echo from outside > /proc/1/fd/1"]);
    follow.expect_out("from outside\n", SOON);
}

#[test]
fn the_tail_and_the_time_can_be_had() {
    let engine = engine();
    engine.ok(&["run", "--name", "box", BB, "seq", "1", "100"]);
    assert_eq!(engine.ok(&["logs", "--tail", "3", "box"]), "98\n99\n100");
    assert_eq!(engine.ok(&["logs", "-n", "0", "box"]), "");
    assert_eq!(engine.ok(&["logs", "--tail", "all", "box"]).lines().count(), 100);
    let stamped = engine.ok(&["logs", "-t", "-n", "1", "box"]);
    let (time, line) = stamped.split_once(' ').unwrap();
    assert_eq!(line, "100");
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    assert_eq!(engine.ok(&["logs", "--since", time, "-n", "1", "box"]), "100");
    assert_eq!(engine.ok(&["logs", "--until", "2001-01-01T00:00:00Z", "box"]), "");
}

#[test]
fn long_lines_and_any_bytes_survive() {
    let engine = engine();
    let script = "head -c 100000 /dev/zero | tr '\\0' x; echo; printf '\\002\\001\\n'; head -c 300000 /dev/zero | tr '\\0' y";
    engine.ok(&["run", "-d", "--name", "box", BB, "sh", "-c", script]);
    wait_for_state(&engine, "box", "exited");
    let logs = engine.run(&["logs", "box"]).stdout;
    assert_eq!(logs.len(), 100_001 + 3 + 300_000);
    assert!(logs[..100_000].iter().all(|&byte| byte == b'x'));
    assert!(logs[logs.len() - 300_000..].iter().all(|&byte| byte == b'y'));
}

#[test]
fn a_run_in_the_foreground_is_logged_too() {
    let engine = engine();
    assert_eq!(engine.ok(&["run", "--name", "box", BB, "echo", "hi"]), "hi");
    assert_eq!(engine.ok(&["logs", "box"]), "hi");
    engine.run(&["start", "-a", "box"]).ok();
    assert_eq!(engine.ok(&["logs", "box"]), "hi\nhi", "a second start adds");
}
