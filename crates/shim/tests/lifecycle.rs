//! From the order to the end: exit codes, logs, signals, limits, and nothing left behind.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use corten_shim_api::{Event, ExitRecord, Request, Response};
use harness::{Container, ask, receive_all, receive_until, wait_until};
use serde_json::json;

#[test]
fn output_exit_code_and_log() {
    let mut container = Container::script("echo out; echo err >&2; printf partial; exit 7");
    let received = container.run();
    assert_eq!(received.text(), "out\npartial");
    assert_eq!(received.stderr, b"err\n");
    let exit = received.exit.unwrap();
    assert_eq!((exit.code, exit.oom_killed), (7, false));
    assert_eq!(container.logged("stdout"), "out\npartial");
    assert_eq!(container.logged("stderr"), "err\n");
    let first = container.log().lines().next().unwrap().to_owned();
    assert!(
        first.starts_with(r#"{"log":"out\n","stream":"stdout","time":"20"#),
        "{first}"
    );
    let record = std::fs::read(container.path("run/exit.json")).unwrap();
    assert_eq!(serde_json::from_slice::<ExitRecord>(&record).unwrap(), exit);
    container.assert_gone();
}

#[test]
fn signals_reach_the_init() {
    let mut container =
        Container::script("trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
    container.start();
    let mut client = container.attach(false);
    wait_until("the trap is set", || container.logged("stdout") == "ready\n");
    assert_eq!(
        container.ask(&Request::Signal {
            exec: None,
            signal: 15,
            group: false,
        }),
        Response::Ok
    );
    let received = receive_all(&mut client);
    assert!(received.text().ends_with("caught\n"));
    assert_eq!(container.wait().code, 3);
    container.assert_gone();
}

#[test]
fn a_killed_init_exits_with_137() {
    let mut container = Container::new(&["sleep", "1000"]);
    container.start();
    assert_eq!(container.kill().code, 137);
    container.assert_gone();
}

#[test]
fn a_killed_shim_takes_its_container_along() {
    let mut container = Container::new(&["sleep", "1000"]);
    container.start();
    let pid = container.pid;
    assert_eq!(
        container.ask(&Request::Watch),
        Response::State(state_of(&container))
    );
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(container.shim_pid() as i32).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    assert_eq!(container.shim_status(), None);
    wait_until("the init is gone", || {
        !std::path::Path::new(&format!("/proc/{pid}")).exists()
    });
    for cgroup in container.cgroups() {
        wait_until("the cgroup is empty", || std::fs::remove_dir(&cgroup).is_ok());
    }
}

fn state_of(container: &Container) -> corten_shim_api::ShimState {
    corten_shim_api::ShimState {
        version: corten_shim_api::PROTOCOL_VERSION,
        pid: container.pid,
        started: true,
        exited: None,
        execs: vec![],
        ended_execs: vec![],
    }
}

#[test]
fn a_daemon_that_dies_early_leaves_nothing() {
    let mut container = Container::new(&["sleep", "1000"]);
    assert!(matches!(container.create(), Response::Created { .. }));
    container.hang_up();
    assert_eq!(container.shim_status(), Some(1));
    container.assert_gone();
}

#[test]
fn a_daemon_that_dies_later_is_not_missed() {
    let mut container = Container::script("read line; echo got $line; exit 4").ordered(|launch| {
        launch.stdio.open_stdin = true;
    });
    container.start();
    container.hang_up();
    let mut client = container.attach(true);
    harness::send(&mut client, b"word\n");
    let received = receive_all(&mut client);
    assert_eq!(received.text(), "got word\n");
    assert_eq!(received.exit.unwrap().code, 4);
    assert_eq!(container.shim_status(), Some(0));
    container.assert_gone();
}

#[test]
fn watchers_hear_of_the_end() {
    let mut container = Container::script("read line").ordered(|launch| {
        launch.stdio.open_stdin = true;
    });
    container.start();
    let mut watcher = container.connect();
    assert_eq!(
        ask(&mut watcher, &Request::Watch),
        Response::State(state_of(&container))
    );
    container.ask(&Request::Signal {
        exec: None,
        signal: 9,
        group: false,
    });
    let frame = corten_shim_api::read_frame(&mut watcher).unwrap().unwrap();
    let Event::Exited(record) = frame.json().unwrap() else {
        panic!()
    };
    assert_eq!(record.code, 137);
    assert_eq!(container.wait(), record);
}

#[test]
fn garbage_ends_only_its_own_connection() {
    use std::io::{Read, Write};
    let mut container = Container::new(&["sleep", "1000"]);
    container.start();
    let mut garbage = container.connect();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(garbage.read(&mut [0; 8]).unwrap_or(0), 0);
    let mut confused = container.connect();
    corten_shim_api::write_frame(&mut confused, corten_shim_api::FrameKind::Request, b"{}").unwrap();
    assert!(matches!(harness::answer(&mut confused), Response::Error { .. }));
    assert!(matches!(
        ask(&mut confused, &Request::Hello { version: 1 }),
        Response::State(_)
    ));
    container.kill();
}

#[test]
fn pids_are_limited() {
    let mut container = Container::script("for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo unlimited")
        .with(|spec| spec["linux"]["resources"]["pids"] = json!({"limit": 4}));
    let received = container.run();
    assert!(!received.text().contains("unlimited"), "{received:?}");
    container.assert_gone();
}

#[test]
fn want_of_memory_is_reported() {
    let mut container = Container::script("x=$(dd if=/dev/zero bs=1M count=200 | tr '\\0' x); echo $?")
        .with(|spec| spec["linux"]["resources"]["memory"] = json!({"limit": 16 << 20, "swap": 16 << 20}));
    container.start();
    let mut events = Vec::new();
    let record = loop {
        match container.event().unwrap() {
            Event::Exited(record) => break record,
            event => events.push(event),
        }
    };
    assert!(record.oom_killed, "{record:?}");
    assert!(events.contains(&Event::OutOfMemory), "{events:?}");
    assert_eq!(container.shim_status(), Some(0));
    container.assert_gone();
}

#[test]
fn processes_left_in_the_hosts_pid_namespace_end_too() {
    let mut container = Container::script("sleep 1000 & echo $! ; exit 0").with(|spec| {
        let namespaces = spec["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|namespace| namespace["type"] != "pid");
    });
    let received = container.run();
    let left = format!("/proc/{}", received.text().trim());
    wait_until("the other process is gone", || {
        !std::path::Path::new(&left).exists()
    });
    container.assert_gone();
}

#[test]
fn a_log_survives_much_output() {
    let mut container = Container::script("seq 1 20000").ordered(|launch| {
        let log = launch.log.as_mut().unwrap();
        (log.max_size, log.max_files) = (Some(1 << 20), 9);
    });
    let received = container.run();
    let expected: String = (1..=20000).map(|n| format!("{n}\n")).collect();
    assert!(received.text() == expected);
    let mut logged = String::new();
    for name in ["log.3", "log.2", "log.1", "log"] {
        let Ok(text) = std::fs::read_to_string(container.path(name)) else {
            continue;
        };
        assert!(text.len() <= 1 << 20);
        for line in text.lines() {
            logged += serde_json::from_str::<serde_json::Value>(line).unwrap()["log"]
                .as_str()
                .unwrap();
        }
    }
    assert!(logged == expected);
}

#[test]
fn a_container_can_join_anothers_namespaces() {
    let mut first = Container::script("hostname first; echo up; sleep 1000").with(|spec| {
        spec["process"]["capabilities"]["effective"]
            .as_array_mut()
            .unwrap()
            .push(json!("CAP_SYS_ADMIN"));
        spec["process"]["capabilities"]["permitted"]
            .as_array_mut()
            .unwrap()
            .push(json!("CAP_SYS_ADMIN"));
        spec["process"]["capabilities"]["bounding"]
            .as_array_mut()
            .unwrap()
            .push(json!("CAP_SYS_ADMIN"));
    });
    first.start();
    wait_until("the first is up", || first.logged("stdout") == "up\n");
    let path = |kind: &str| format!("/proc/{}/ns/{kind}", first.pid);
    let mut second = Container::script("hostname; ps | grep -c 'sleep 1000'; readlink /proc/self/ns/net")
        .with(|spec| {
            spec.as_object_mut().unwrap().remove("hostname");
            spec["linux"]["namespaces"] = json!([
                {"type": "mount"}, {"type": "cgroup"},
                {"type": "network", "path": path("net")}, {"type": "pid", "path": path("pid")},
                {"type": "ipc", "path": path("ipc")}, {"type": "uts", "path": path("uts")},
            ]);
        });
    second.launch.network = corten_shim_api::NetworkMode::Host;
    let received = second.run();
    let network = std::fs::read_link(path("net")).unwrap();
    let lines = received.text();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], "first");
    assert!(lines[1].parse::<u32>().unwrap() >= 1);
    assert_eq!(lines[2], network.to_str().unwrap());
    second.assert_gone();
    first.kill();
    first.assert_gone();
}

#[test]
fn attaching_before_the_start_misses_nothing() {
    let mut container = Container::script("echo first");
    container.create();
    let mut client = container.attach(false);
    assert!(matches!(container.proceed(), Response::Started { .. }));
    let received = receive_until(&mut client, "first\n");
    assert!(received.stderr.is_empty());
    container.wait();
}

#[test]
fn usage() {
    let shim = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_corten-shim"))
            .args(arguments)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    assert_eq!(
        shim(&["--version"]),
        (0, format!("corten-shim {}\n", env!("CARGO_PKG_VERSION")))
    );
    assert!(shim(&["--help"]).1.starts_with("Usage: corten-shim CONTAINER"));
    assert_eq!(shim(&[]).0, 2);
    assert_eq!(shim(&["--nosuch"]).0, 2);
    assert_eq!(shim(&["abc"]).0, 2);
}

#[test]
fn a_log_that_failed_without_a_daemon_is_told_to_the_next() {
    for buffer in [None, Some(1 << 20)] {
        let mut container = Container::script("read a; echo lost; read b").ordered(|launch| {
            launch.stdio.open_stdin = true;
            let log = launch.log.as_mut().unwrap();
            log.path = "/dev/full".into();
            log.buffer = buffer;
        });
        container.start();
        container.hang_up();
        let mut client = container.attach(true);
        harness::send(&mut client, b"go\n");
        receive_until(&mut client, "lost\n");
        let mut watcher = container.connect();
        ask(&mut watcher, &Request::Watch);
        harness::send(&mut client, b"end\n");
        let frame = corten_shim_api::read_frame(&mut watcher).unwrap().unwrap();
        let event: Event = frame.json().unwrap();
        assert!(
            matches!(&event, Event::LogFailed { reason } if reason.contains("No space left")),
            "{event:?}"
        );
        assert_eq!(container.shim_status(), Some(0));
    }
}

#[test]
fn what_a_log_does_not_take_in_time_is_counted() {
    let script = "read a; i=0; while [ $i -lt 5000 ]; do echo a line that is not at all short; i=$((i+1)); done; read b";
    let mut container = Container::script(script).ordered(|launch| {
        launch.stdio.open_stdin = true;
        launch.log.as_mut().unwrap().buffer = Some(1);
    });
    container.start();
    let shim = container.shim_pid();
    let children = std::fs::read_to_string(format!("/proc/{shim}/task/{shim}/children")).unwrap();
    let writer = children
        .split_whitespace()
        .map(|pid| pid.parse::<i32>().unwrap())
        .find(|pid| *pid != container.pid as i32);
    let writer = rustix::process::Pid::from_raw(writer.unwrap()).unwrap();
    rustix::process::kill_process(writer, rustix::process::Signal::STOP).unwrap();
    let mut client = container.attach(true);
    harness::send(&mut client, b"go\n");
    let Some(Event::LogDropped { lost: first }) = container.event() else {
        panic!("nothing is told")
    };
    harness::send(&mut client, b"end\n");
    rustix::process::kill_process(writer, rustix::process::Signal::CONT).unwrap();
    // The rest, if the first count was not all of it.
    let mut rest = 0;
    loop {
        match container.event() {
            Some(Event::LogDropped { lost }) => rest += lost,
            Some(Event::Exited(_)) => break,
            other => panic!("{other:?} is told"),
        }
    }
    let logged = container.log().lines().count() as u64;
    // A line that was cut counts on both sides.
    assert!(
        (logged + first + rest).abs_diff(5000) <= 2,
        "{logged} {first} {rest}"
    );
}
