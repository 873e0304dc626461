//! `stop`, `kill`, `restart`: who is signalled, how long is waited, what the exit code is.

use std::time::{Duration, Instant};

use corten_testkit::{Terminal, until};

use crate::{BB, SOON, engine, idle, inspect, wait_for_state};

fn exit_code(engine: &corten_testkit::Engine, name: &str) -> i64 {
    inspect(engine, name)["State"]["ExitCode"].as_i64().unwrap()
}

#[test]
fn stop_asks_first() {
    let engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "polite",
        BB,
        "sh",
        "-c",
        "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done",
    ]);
    until("it is up", SOON, || engine.ok(&["logs", "polite"]) == "up");
    let begin = Instant::now();
    assert_eq!(engine.ok(&["stop", "polite"]), "polite");
    assert!(begin.elapsed() < Duration::from_secs(5), "it was asked and ended");
    assert_eq!(exit_code(&engine, "polite"), 5);
    assert_eq!(engine.ok(&["logs", "polite"]), "up\nbye");
    assert_eq!(
        engine.ok(&["stop", "polite"]),
        "polite",
        "stopping what is stopped is fine"
    );
}

#[test]
fn stop_kills_after_the_time_given() {
    let engine = engine();
    // The first process of a pid namespace is deaf to signals it has no handler for.
    engine.ok(&["run", "-d", "--name", "deaf", BB, "sleep", "1000"]);
    let begin = Instant::now();
    engine.ok(&["stop", "-t", "1", "deaf"]);
    let took = begin.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(8),
        "{took:?}"
    );
    assert_eq!(exit_code(&engine, "deaf"), 137);
}

#[test]
fn stop_sends_the_signal_the_container_wants() {
    let engine = engine();
    let script = "trap 'exit 6' USR1; echo up; while :; do sleep 0.05; done";
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        "--stop-signal",
        "USR1",
        BB,
        "sh",
        "-c",
        script,
    ]);
    until("it is up", SOON, || engine.ok(&["logs", "box"]) == "up");
    engine.ok(&["stop", "box"]);
    assert_eq!(exit_code(&engine, "box"), 6);
}

#[test]
fn kill_kills_or_sends_what_it_is_told() {
    let engine = engine();
    idle(&engine, "box", &[]);
    assert_eq!(engine.ok(&["kill", "box"]), "box");
    wait_for_state(&engine, "box", "exited");
    assert_eq!(exit_code(&engine, "box"), 137);
    let done = engine.run(&["kill", "box"]);
    done.fails(1);
    done.says(&["is not running"]);

    let script = "trap 'echo got' HUP; trap 'exit 143' TERM; echo up; while :; do sleep 0.05; done";
    engine.ok(&["run", "-d", "--name", "dee", BB, "sh", "-c", script]);
    until("it is up", SOON, || engine.ok(&["logs", "dee"]) == "up");
    engine.ok(&["kill", "-s", "HUP", "dee"]);
    until("the signal arrived", SOON, || {
        engine.ok(&["logs", "dee"]) == "up\ngot"
    });
    engine.ok(&["kill", "--signal", "15", "dee"]);
    assert_eq!(engine.ok(&["wait", "dee"]), "143");
    idle(&engine, "eee", &[]);
    let done = engine.run(&["kill", "-s", "NOSUCH", "eee"]);
    done.fails(1);
    done.says(&["nvalid signal: NOSUCH"]);
}

#[test]
fn a_foreground_run_passes_signals_on() {
    let engine = engine();
    let script = "trap 'echo got; exit 7' TERM; echo up; while :; do sleep 0.05; done";
    let run = engine.spawn(&["run", "--rm", BB, "sh", "-c", script]);
    run.expect_out("up", SOON);
    run.signal(rustix::process::Signal::TERM);
    let done = run.finish(SOON);
    assert_eq!((done.code(), done.out().as_str()), (7, "up\ngot\n"), "{done}");
}

#[test]
fn restart_gives_a_new_process_in_the_old_file_system() {
    let engine = engine();
    idle(&engine, "box", &[]);
    engine.ok(&["exec", "box", "touch", "/kept"]);
    let before = crate::pid_of(&engine, "box");
    assert_eq!(engine.ok(&["restart", "box"]), "box");
    let after = crate::pid_of(&engine, "box");
    assert_ne!(before, after);
    engine.ok(&["exec", "box", "test", "-e", "/kept"]);
}

#[test]
fn wait_gives_every_exit_code() {
    let engine = engine();
    engine.ok(&["run", "-d", "--name", "aa", BB, "sh", "-c", "sleep 0.3; exit 11"]);
    engine.ok(&["run", "-d", "--name", "bb", BB, "sh", "-c", "exit 12"]);
    assert_eq!(engine.ok(&["wait", "aa", "bb"]), "11\n12");
}

#[test]
fn a_foreground_run_passes_every_signal_on() {
    let engine = engine();
    for number in [14, 24, 28, 37] {
        let script = format!("trap 'echo got; exit 7' {number}; echo up; while :; do sleep 0.05; done");
        let run = engine.spawn(&["run", "--rm", BB, "sh", "-c", &script]);
        run.expect_out("up", SOON);
        let pid = run.pid().to_string();
        let sent = std::process::Command::new("kill")
            .args([&format!("-{number}"), &pid])
            .status();
        assert!(sent.unwrap().success());
        let done = run.finish(SOON);
        assert_eq!(
            (done.code(), done.out().as_str()),
            (7, "up\ngot\n"),
            "{number}: {done}"
        );
    }
}

#[test]
fn whoever_attaches_again_sees_the_prompt() {
    let engine = engine();
    engine.ok(&["run", "-d", "-i", "-t", "--name", "box", BB, "sh"]);
    for _ in 0..3 {
        let mut terminal = Terminal::start(&engine.command(&["attach", "box"]), 80, 24);
        terminal.expect("/ # ", SOON);
        terminal.type_in("\u{10}\u{11}");
        assert_eq!(terminal.finish(SOON), 1);
    }
}
