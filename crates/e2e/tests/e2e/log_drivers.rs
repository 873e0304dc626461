//! Log drivers and their options: formats, rotation, compression, attributes, and what is refused.

use std::fs;
use std::path::PathBuf;

use corten_testkit::{Engine, until};

use crate::{BB, SOON, corten_only, engine, inspect, wait_for_state};

/// Runs a script to its end with these flags; its name is `box`.
fn ran(engine: &Engine, flags: &[&str], script: &str) {
    let mut args = vec!["run", "-d", "--name", "box"];
    args.extend(flags);
    args.extend([BB, "sh", "-c", script]);
    engine.ok(&args);
    wait_for_state(engine, "box", "exited");
}

fn log_files(engine: &Engine) -> Vec<String> {
    let path = PathBuf::from(inspect(engine, "box")["LogPath"].as_str().unwrap());
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut found: Vec<String> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_prefix(&name).map(str::to_owned))
        .collect();
    found.sort();
    found
}

#[test]
fn the_local_driver_keeps_both_streams_and_times() {
    let engine = engine();
    let script = "echo one; echo two >&2; printf three; head -c 40000 /dev/zero | tr '\\0' x; echo; seq 1 5";
    ran(&engine, &["--log-driver", "local"], script);
    let logs = engine.run(&["logs", "box"]);
    logs.ok();
    let long = format!("three{}", "x".repeat(40_000));
    assert_eq!(logs.out(), format!("one\n{long}\n1\n2\n3\n4\n5\n"));
    assert_eq!(logs.err(), "two\n");
    assert_eq!(engine.ok(&["logs", "--tail", "2", "box"]), "4\n5");
    let stamped = engine.ok(&["logs", "-t", "-n", "1", "box"]);
    let (time, line) = stamped.split_once(' ').unwrap();
    assert_eq!((time.len(), line), (30, "5"));
    assert_eq!(engine.ok(&["logs", "--since", time, "-n", "1", "box"]), "5");
    assert_eq!(engine.ok(&["logs", "--until", "2001-01-01T00:00:00Z", "box"]), "");
}

#[test]
fn local_logs_can_be_followed() {
    let engine = engine();
    let script = "for i in 1 2 3; do echo $i; sleep 0.1; done";
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        "--log-driver",
        "local",
        BB,
        "sh",
        "-c",
        script,
    ]);
    let follow = engine.spawn(&["logs", "-f", "box"]);
    assert_eq!(follow.finish(SOON).ok(), "1\n2\n3");
}

#[test]
fn rotated_and_compressed_files_are_read_in_order() {
    corten_only!();
    let engine = engine();
    let flags = [
        "--log-opt",
        "max-size=20k",
        "--log-opt",
        "max-file=4",
        "--log-opt",
        "compress=true",
    ];
    ran(&engine, &flags, "seq 1 3000");
    corten_testkit::until("rotated files are compressed", SOON, || {
        log_files(&engine) == ["", ".1.gz", ".2.gz", ".3.gz"]
    });
    let said = engine.ok(&["logs", "box"]);
    let numbers: Vec<u32> = said.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(*numbers.last().unwrap(), 3000);
    assert!(numbers.len() > 800, "four files hold more than {}", numbers.len());
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "no line is missing or doubled"
    );
    let tail = engine.ok(&["logs", "--tail", "700", "box"]);
    assert_eq!(tail.lines().count(), 700);
    assert!(tail.starts_with("2301\n") && tail.ends_with("\n3000"));
}

#[test]
fn following_goes_on_across_rotations() {
    // dockerd 20.10 repeats lines to followers when it rotates.
    corten_only!();
    for options in [
        &["max-size=10k", "max-file=3"][..],
        &["max-size=10k", "max-file=3", "compress=true"],
    ] {
        let engine = engine();
        let mut args = vec!["run", "-d", "--name", "box"];
        args.extend(options.iter().flat_map(|option| ["--log-opt", option]));
        let script =
            "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; [ $((i % 50)) = 0 ] && sleep 0.05; done";
        args.extend([BB, "sh", "-c", script]);
        engine.ok(&args);
        let follow = engine.spawn(&["logs", "-f", "box"]);
        let said = follow.finish(SOON * 2).ok();
        let expected: Vec<String> = (1..=2000).map(|number| number.to_string()).collect();
        // It may have begun late; from then on nothing may be missing.
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.len() > 1000, "{} lines", lines.len());
        assert_eq!(lines, expected[2000 - lines.len()..]);
    }
}

#[test]
fn attributes_are_kept_and_shown_as_details() {
    let engine = engine();
    let flags = [
        "-l",
        "app=web",
        "-l",
        "other=x",
        "-e",
        "APP_MODE=a b",
        "-e",
        "HIDDEN=1",
        "--log-opt",
        "labels=app,none",
        "--log-opt",
        "env-regex=^APP_",
    ];
    ran(&engine, &flags, "echo hi");
    assert_eq!(
        engine.ok(&["logs", "--details", "box"]),
        "APP_MODE=a+b,app=web hi"
    );
    assert_eq!(engine.ok(&["logs", "box"]), "hi");
}

#[test]
fn a_log_nobody_waits_for_is_complete_when_the_disk_keeps_up() {
    let engine = engine();
    let flags = [
        "--log-opt",
        "mode=non-blocking",
        "--log-opt",
        "max-buffer-size=4m",
    ];
    ran(
        &engine,
        &flags,
        "for i in $(seq 1 200); do echo $i; echo e$i >&2; done",
    );
    let logs = engine.run(&["logs", "box"]);
    assert_eq!(logs.out().lines().count(), 200);
    assert_eq!(logs.err().lines().last(), Some("e200"));
    if !Engine::is_reference() {
        engine.ok(&["rm", "box"]);
        engine.corten().assert_no_container_left();
    }
}

#[test]
fn options_that_make_no_sense_are_told() {
    corten_only!();
    let engine = engine();
    for (flags, sentence) in [
        (
            vec!["--log-opt", "frob=1"],
            "unknown log opt 'frob' for json-file log driver",
        ),
        (
            vec!["--log-driver", "local", "--log-opt", "labels=a"],
            "unknown log opt 'labels' for log driver local",
        ),
        (vec!["--log-opt", "max-size=x"], "invalid size: 'x'"),
        (vec!["--log-opt", "max-file=0"], "max-file cannot be less than 1"),
        (
            vec!["--log-opt", "compress=true", "--log-opt", "max-file=1"],
            "compress cannot be true when max-file is less than 2 or max-size is not set",
        ),
        (
            vec!["--log-opt", "mode=frob"],
            "logger: logging mode not supported: frob",
        ),
        (
            vec!["--log-opt", "max-buffer-size=1m"],
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
        ),
        (
            vec!["--log-driver", "frob"],
            "error looking up logging plugin frob: plugin \"frob\" not found",
        ),
        (
            vec!["--log-driver", "syslog"],
            "the log driver syslog is not supported by Corten",
        ),
        (vec!["--log-opt", "labels-regex=("], "error parsing regexp"),
        (
            vec!["--log-driver", "local", "--log-opt", "max-file=1"],
            "failed to initialize logging driver: compression cannot be enabled when max file count is 1",
        ),
        (
            vec!["--log-opt", "tag={{.Foo}}"],
            "template: log-tag:1:2: executing \"log-tag\" at <.Foo>: can't evaluate field Foo in type *logger.Info",
        ),
        (
            vec!["--log-opt", "tag={{.ID"],
            "template: log-tag:1: unclosed action",
        ),
    ] {
        let mut args = vec!["create"];
        args.extend(flags);
        args.extend([BB, "true"]);
        let refused = engine.run(&args);
        refused.fails(1);
        refused.says(&[sentence]);
    }
}

#[test]
fn a_log_that_is_not_kept_cannot_be_read() {
    let engine = engine();
    assert_eq!(
        engine.ok(&["run", "--log-driver", "none", "--name", "box", BB, "echo", "hi"]),
        "hi"
    );
    let logs = engine.run(&["logs", "box"]);
    logs.fails(1);
    logs.says(&["configured logging driver does not support reading"]);
    assert_eq!(engine.api("GET", "/containers/box/logs?stdout=1", "").status, 501);
}

#[test]
fn files_that_go_away_hang_nobody() {
    // dockerd 20.10 refuses to read when the file has gone; it does not hang either.
    corten_only!();
    let engine = engine();
    for driver in ["json-file", "local"] {
        let script = "echo one; while ! [ -e /go ]; do sleep 0.1; done; echo two; while ! [ -e /end ]; do sleep 0.1; done; echo three";
        engine.ok(&[
            "run",
            "-d",
            "--log-driver",
            driver,
            "--name",
            driver,
            BB,
            "sh",
            "-c",
            script,
        ]);
        let follow = engine.spawn(&["logs", "-f", driver]);
        follow.expect_out("one\n", SOON);
        let directory = directory(&engine, driver);
        let log = match driver {
            "local" => directory.join("local-logs/container.log"),
            _ => PathBuf::from(inspect(&engine, driver)["LogPath"].as_str().unwrap()),
        };
        fs::File::options()
            .write(true)
            .open(&log)
            .unwrap()
            .set_len(0)
            .unwrap();
        assert_eq!(engine.ok(&["logs", driver]), "");
        engine.ok(&["exec", driver, "touch", "/go"]);
        until("it is logged again", SOON, || {
            engine.ok(&["logs", driver]) == "two"
        });
        fs::remove_file(&log).unwrap();
        assert_eq!(engine.ok(&["logs", driver]), "");
        engine.ok(&["exec", driver, "touch", "/end"]);
        wait_for_state(&engine, driver, "exited");
        assert!(follow.finish(SOON).out().starts_with("one\n"));
    }
}

#[test]
fn a_follower_goes_on_across_a_restart_of_the_daemon() {
    corten_only!();
    let mut engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.05; done",
    ]);
    let follow = engine.spawn(&["logs", "-f", "box"]);
    follow.expect_out("line 3\n", SOON);
    engine.corten_mut().kill9();
    follow.finish(SOON);
    engine.corten_mut().restart();
    let again = engine.spawn(&["logs", "-f", "box"]);
    until("it goes on", SOON, || again.out().contains("line 60\n"));
    engine.ok(&["kill", "box"]);
    let all = again.finish(SOON).out();
    for (index, line) in all.lines().enumerate() {
        assert_eq!(line, format!("line {index}"));
    }
}

#[test]
fn local_keeps_what_was_written() {
    // dockerd 20.10 loses the end of a line that is longer than 16 KiB.
    corten_only!();
    let engine = engine();
    let script = "echo out; echo err >&2; echo; printf '\\377\\376\\n'; head -c 40000 /dev/zero | tr '\\0' x; echo; printf rest";
    logged(&engine, "box", &["--log-driver", "local"], script);
    let logs = engine.run(&["logs", "box"]);
    assert_eq!(logs.err(), "err\n");
    let expected = [&b"out\n\n\xff\xfe\n"[..], &vec![b'x'; 40_000], b"\nrest"].concat();
    assert!(logs.stdout == expected, "bytes are kept as they are");
    assert_eq!(inspect(&engine, "box")["LogPath"], "");
    assert_eq!(
        inspect(&engine, "box")["HostConfig"]["LogConfig"]["Type"],
        "local"
    );
    assert_eq!(engine.ok(&["logs", "-n", "1", "box"]), "rest");
    let stamped = engine.ok(&["logs", "-t", "-n", "1", "box"]);
    let (time, rest) = stamped.split_once(' ').unwrap();
    assert_eq!((time.len(), rest), (30, "rest"));
    assert_eq!(engine.ok(&["logs", "--since", time, "-n", "1", "box"]), "rest");
    assert_eq!(engine.ok(&["logs", "--until", "2001-01-01T00:00:00Z", "box"]), "");
    assert!(
        directory(&engine, "box")
            .join("local-logs/container.log")
            .exists()
    );
}

#[test]
fn attributes_are_details() {
    let engine = engine();
    let options = [
        "-e",
        "A=x y,z=1",
        "-e",
        "B=2",
        "--label",
        "L=v",
        "--label",
        "M.n=w",
        "--log-opt",
        "env=A",
        "--log-opt",
        "labels-regex=^M",
        "--log-opt",
        "tag={{.Name}}/{{.ImageName}}/{{.DaemonName}}",
    ];
    logged(&engine, "box", &options, "echo hi");
    assert_eq!(
        engine.ok(&["logs", "--details", "box"]),
        "A=x+y%2Cz%3D1,M.n=w,tag=box%2Ftest%2Fbusybox%3A1%2Fdocker hi"
    );
    logged(&engine, "plain", &[], "echo hi");
    assert_eq!(engine.run(&["logs", "--details", "plain"]).out(), " hi\n");
}

/// Runs a script to its end, logged with these options.
fn logged(engine: &Engine, name: &str, options: &[&str], script: &str) {
    let mut args = vec!["run", "-d", "--name", name];
    args.extend(options);
    args.extend([BB, "sh", "-c", script]);
    engine.ok(&args);
    wait_for_state(engine, name, "exited");
}

/// Directory of a container's files.
fn directory(engine: &Engine, name: &str) -> PathBuf {
    let id = inspect(engine, name)["Id"].as_str().unwrap().to_owned();
    engine.slot().root().join("data/containers").join(id)
}
