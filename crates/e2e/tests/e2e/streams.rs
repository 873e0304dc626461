//! Standard input and terminals through `run` and `attach`.

use std::time::Duration;

use corten_testkit::Terminal;

use crate::{BB, SOON, corten_only, engine, idle, inspect, wait_for_state};

#[test]
fn input_goes_in_and_its_end_is_seen() {
    let engine = engine();
    let mut run = engine.spawn(&[
        "run",
        "-i",
        "--rm",
        BB,
        "sh",
        "-c",
        "wc -c; echo after; echo late >&2",
    ]);
    let chunk = vec![b'x'; 1 << 20];
    run.write(&chunk);
    run.write(&chunk);
    let done = run.finish(SOON);
    assert_eq!(done.ok(), "2097152\nafter");
    assert_eq!(done.err(), "late\n");
}

#[test]
fn without_i_there_is_no_input() {
    let engine = engine();
    assert_eq!(
        engine.run(&["run", "--rm", BB, "sh", "-c", "cat; echo end"]).ok(),
        "end"
    );
}

#[test]
fn much_output_arrives_whole() {
    let engine = engine();
    let done = engine.run(&["run", "--rm", BB, "sh", "-c", "seq 1 200000"]);
    assert_eq!(done.code(), 0);
    assert_eq!(
        done.stdout.len(),
        (1..=200_000)
            .map(|number: u32| number.to_string().len() + 1)
            .sum::<usize>()
    );
}

#[test]
fn attach_joins_a_running_container() {
    let engine = engine();
    let id = engine.ok(&[
        "run",
        "-d",
        "-i",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "while read l; do echo got $l; done; exit 4",
    ]);
    let mut attach = engine.spawn(&["attach", "box"]);
    attach.write(b"one\n");
    attach.expect_out("got one", SOON);
    attach.write(b"two\n");
    attach.expect_out("got two", SOON);
    engine.ok(&["kill", &id]);
    attach.finish(SOON).fails(137);
}

#[test]
fn a_terminal_has_size_signals_and_exit_code() {
    let engine = engine();
    let mut shell = Terminal::start(
        &engine.command(&["run", "-it", "--rm", "--name", "term", BB, "sh"]),
        100,
        30,
    );
    shell.type_in("tty\n");
    shell.expect("\n/dev/pts/0", SOON);
    shell.type_in("while ! stty size | grep '30 100'; do sleep 0.1; done\n");
    shell.expect("\n30 100", SOON);
    assert_eq!(inspect(&engine, "term")["Config"]["Tty"], true);
    shell.resize(80, 25);
    shell.type_in("while ! stty size | grep '25 80'; do sleep 0.1; done\n");
    shell.expect("\n25 80", SOON);
    // Said by the process that is to be interrupted: it has the terminal by then.
    shell.type_in("sh -c 'echo sle\"\"eping; exec sleep 1000'\n");
    shell.expect("\nsleeping", SOON);
    shell.type_in("\u{3}");
    shell.type_in("echo interrupted $?\n");
    shell.expect("interrupted 130", SOON);
    shell.type_in("exit 7\n");
    assert_eq!(shell.finish(SOON), 7);
}

#[test]
fn a_terminal_can_be_left_and_joined_again() {
    let engine = engine();
    let mut shell = Terminal::start(
        &engine.command(&["run", "-it", "--name", "term", BB, "sh"]),
        80,
        25,
    );
    shell.type_in("echo he''re\n");
    shell.expect("here", SOON);
    shell.type_in("\u{10}\u{11}");
    assert_eq!(shell.finish(SOON), 0, "left, not ended");
    assert_eq!(inspect(&engine, "term")["State"]["Running"], true);
    let mut again = Terminal::start(&engine.command(&["attach", "term"]), 80, 25);
    again.type_in("echo ba''ck; exit 3\n");
    again.expect("back", SOON);
    assert_eq!(again.finish(SOON), 3);
    wait_for_state(&engine, "term", "exited");
    assert!(engine.ok(&["logs", "term"]).contains("here"));
}

#[test]
fn exec_has_terminals_too() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let mut shell = Terminal::start(&engine.command(&["exec", "-it", "box", "sh"]), 90, 20);
    shell.type_in("while ! stty size | grep '20 90'; do sleep 0.1; done\n");
    shell.expect("\n20 90", SOON);
    shell.type_in("exit 6\n");
    assert_eq!(shell.finish(SOON), 6);
}

#[test]
fn t_without_a_terminal_is_refused() {
    let engine = engine();
    let done = engine.run(&["run", "-it", "--rm", BB, "true"]);
    assert_eq!(done.code(), 1);
    done.says(&[
        "the input device is not a TTY",
        "cannot attach stdin to a TTY-enabled container because stdin is not a terminal",
    ]);
    let made = engine.ok(&["run", "-t", "--rm", BB, "tty"]);
    assert_eq!(made, "/dev/pts/0", "output alone may have one");
}

#[test]
fn ctrl_c_ends_a_foreground_run() {
    let engine = engine();
    let script = "trap 'echo caught; exit 130' INT; echo up; while :; do sleep 0.05; done";
    let mut run = Terminal::start(&engine.command(&["run", "--rm", BB, "sh", "-c", script]), 80, 25);
    run.expect("up", SOON);
    run.type_in("\u{3}");
    run.expect("caught", Duration::from_secs(10));
    assert_eq!(run.finish(SOON), 130);
}

#[test]
fn a_terminal_is_given_back_when_the_daemon_dies() {
    corten_only!();
    let mut engine = engine();
    let mut shell = Terminal::start(
        &engine.command(&["run", "-it", "--name", "term", BB, "sh"]),
        80,
        24,
    );
    shell.expect("/ #", SOON);
    assert!(shell.is_raw());
    engine.corten_mut().kill9();
    assert_ne!(shell.wait(SOON), 0, "{}", shell.shown());
    assert!(!shell.is_raw(), "{}", shell.shown());
    engine.corten_mut().restart();
    engine.ok(&["rm", "-f", "term"]);
}

#[test]
fn colours_and_cursor_movements_are_for_terminals_only() {
    let engine = engine();
    let escape = '\x1b';
    let deprecated = [
        "create",
        "--rm",
        "--mount",
        "type=bind,source=/tmp,target=/x,bind-nonrecursive=true",
        BB,
        "true",
    ];
    let done = engine.run(&deprecated);
    done.ok();
    assert!(
        done.err().contains("level=warning") && !done.err().contains(escape),
        "{done}"
    );
    let mut terminal = Terminal::start(&engine.command(&deprecated), 80, 24);
    assert_eq!(terminal.wait(SOON), 0, "{}", terminal.shown());
    terminal.expect("level=warning", SOON);
    idle(&engine, "box", &[]);
    let done = engine.run(&["stats", "--no-stream"]);
    assert!(!done.ok().contains(escape), "{done}");
}
