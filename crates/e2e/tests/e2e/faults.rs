//! Killed daemons, killed supervisors, vanished clients: nothing is lost, nothing is left, and the engine works on.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use corten_testkit::{Daemon, Engine, binary, fixtures, http, proc, program_file, until};
use serde_json::json;

use crate::cleanliness::{at_rest, comes_back_to};
use crate::{BB, SOON, corten_only, engine, idle, inspect};

/// A machine under load may take its time; a client that waits longer than this waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 8;
const CYCLES: usize = 25;

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A client that knows what it has been promised, and asks again when the daemon dies under it.
struct Client<'a> {
    socket: &'a Path,
    name: String,
}

impl Client<'_> {
    /// Asks until there is an answer; says whether an attempt before it went without one.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, bool) {
        let begin = Instant::now();
        let mut unsure = false;
        loop {
            match http::try_unix(self.socket, method, path, body.as_bytes()) {
                // A daemon that is about to end takes nothing more on.
                Ok(answer) if answer.status != 503 => return (answer.status, unsure),
                _ => unsure = true,
            }
            assert!(begin.elapsed() < PATIENCE, "{method} {path}: no answer");
            // Between two attempts; the deadline is above.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn cycle(&self) {
        let name = &self.name;
        let script = "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done";
        let body = json!({ "Image": BB, "Cmd": ["sh", "-c", script], "HostConfig": { "Binds": [format!("{name}:/v")] } });
        let (status, unsure) = self.ask(
            "POST",
            &format!("/containers/create?name={name}"),
            &body.to_string(),
        );
        assert!(
            status == 201 || (status == 409 && unsure),
            "create {name}: {status}"
        );
        let (status, _) = self.ask("POST", &format!("/containers/{name}/start"), "");
        assert!(matches!(status, 204 | 304), "start {name}: {status}");
        let (status, _) = self.ask("POST", &format!("/containers/{name}/stop?t=0"), "");
        assert!(matches!(status, 204 | 304), "stop {name}: {status}");
        let (status, unsure) = self.ask("DELETE", &format!("/containers/{name}?force=1"), "");
        assert!(
            status == 204 || (status == 404 && unsure),
            "a container is lost: rm {name}: {status}"
        );
        let (status, unsure) = self.ask("DELETE", &format!("/volumes/{name}"), "");
        assert!(
            status == 204 || (status == 404 && unsure),
            "a volume is lost: {name}: {status}"
        );
    }
}

#[test]
fn a_daemon_killed_at_random_moments_loses_and_leaks_nothing() {
    corten_only!();
    let mut engine = engine();
    engine.ok(&["run", "--rm", "-v", "warm:/v", BB, "true"]);
    engine.ok(&["volume", "rm", "warm"]);
    let before = at_rest(&engine);
    let keeper = idle(&engine, "keeper", &[]);
    let pid = crate::pid_of(&engine, "keeper");
    let socket = engine.socket().to_owned();
    let at_work = AtomicUsize::new(CLIENTS);
    let mut random = Random(0x5eed);
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (socket, at_work) = (&socket, &at_work);
            scope.spawn(move || {
                let done = Done(at_work);
                for cycle in 0..CYCLES {
                    Client {
                        socket,
                        name: format!("c{number}-{cycle}"),
                    }
                    .cycle();
                }
                drop(done);
            });
        }
        while at_work.load(Ordering::Acquire) > 0 {
            // No condition: any moment of the clients' work is a moment to be killed in.
            std::thread::sleep(Duration::from_millis(100 + random.below(900)));
            engine.corten_mut().kill9();
            engine.corten_mut().restart();
        }
    });
    assert_eq!(
        engine.ok(&["ps", "-aq", "--no-trunc"]),
        keeper,
        "one container is left, once"
    );
    assert_eq!(crate::pid_of(&engine, "keeper"), pid, "and it never noticed");
    engine.ok(&["rm", "-f", "keeper"]);
    engine.corten().assert_no_container_left();
    // The daemon is another process now.
    let lasting = |all: BTreeSet<String>| -> BTreeSet<String> {
        all.into_iter()
            .filter(|one| !one.starts_with("process "))
            .collect()
    };
    let before = lasting(before);
    let settled = corten_testkit::eventually(SOON, || (lasting(at_rest(&engine)) == before).then_some(()));
    if settled.is_none() {
        let after = lasting(at_rest(&engine));
        let (more, less): (Vec<_>, Vec<_>) = (
            after.difference(&before).collect(),
            before.difference(&after).collect(),
        );
        panic!("left behind: {more:#?}\nlost: {less:#?}");
    }
}

/// Counts down when a client is done, and when it has failed, too.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[test]
fn fifty_containers_lose_no_line_while_the_daemon_comes_and_goes() {
    corten_only!();
    let mut engine = engine();
    // They write until they are told to stop, however long the rounds take, and say last how much it was.
    let script = "trap 'stop=1' TERM; i=0; while [ -z \"$stop\" ]; do i=$((i+1)); echo line $i; usleep 20000; done; echo all $i";
    let body = json!({ "Image": BB, "Cmd": ["sh", "-c", script] }).to_string();
    let names: Vec<String> = (0..50).map(|number| format!("talker{number}")).collect();
    for name in &names {
        assert_eq!(
            engine
                .api("POST", &format!("/containers/create?name={name}"), &body)
                .status,
            201
        );
        assert_eq!(
            engine
                .api("POST", &format!("/containers/{name}/start"), "")
                .status,
            204
        );
    }
    let logs: Vec<String> = names
        .iter()
        .map(|name| inspect(&engine, name)["LogPath"].as_str().unwrap().to_owned())
        .collect();
    let written = || {
        logs.iter()
            .map(|log| std::fs::metadata(log).unwrap().len())
            .sum::<u64>()
    };
    for round in 0..3 {
        if round == 1 {
            engine.corten_mut().stop();
        } else {
            engine.corten_mut().kill9();
        }
        let before = written();
        until("the containers write without the daemon", PATIENCE, || {
            written() > before
        });
        engine.corten_mut().restart();
    }
    for name in &names {
        let kill = format!("/containers/{name}/kill?signal=TERM");
        assert_eq!(engine.api("POST", &kill, "").status, 204, "{name}");
    }
    for name in &names {
        until(&format!("{name} has ended"), PATIENCE, || {
            inspect(&engine, name)["State"]["Status"] == "exited"
        });
        assert_eq!(inspect(&engine, name)["State"]["ExitCode"], 0, "{name}");
        let lines: Vec<String> = engine.ok(&["logs", name]).lines().map(str::to_owned).collect();
        let count = lines.len() - 1;
        let expected: Vec<String> = (1..=count)
            .map(|number| format!("line {number}"))
            .chain([format!("all {count}")])
            .collect();
        assert!(lines == expected, "{name}: {count} lines: {lines:?}");
    }
}

/// Process ids of the supervisors of an engine's containers.
fn shims(engine: &Engine) -> Vec<u32> {
    let is_shim = |pid: &u32| proc::command_line(*pid).starts_with("corten-shim");
    proc::children(engine.pid()).into_iter().filter(is_shim).collect()
}

fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

#[test]
fn a_supervisor_killed_at_any_moment_leaves_nothing() {
    corten_only!();
    let engine = engine();
    engine.ok(&["run", "--rm", BB, "true"]);
    let before = at_rest(&engine);
    let mut random = Random(0xfa11);
    for round in 0..30 {
        let start = ["run", "-d", "--name", "box", BB, "sleep", "1000"];
        let running = engine.spawn(&start);
        // In the middle of a start, of a life, or of an exec.
        match round % 3 {
            0 => {
                let until = Instant::now() + Duration::from_secs(5);
                while shims(&engine).is_empty() && Instant::now() < until {}
                std::thread::sleep(Duration::from_micros(random.below(20_000)));
                shims(&engine).into_iter().for_each(kill);
                // A start that is cut short says so.
                let _ = running.finish(PATIENCE);
            }
            1 => {
                running.finish(PATIENCE).ok();
                shims(&engine).into_iter().for_each(kill);
            }
            _ => {
                running.finish(PATIENCE).ok();
                let exec = engine.spawn(&["exec", "box", "sleep", "1000"]);
                std::thread::sleep(Duration::from_micros(random.below(20_000)));
                shims(&engine).into_iter().for_each(kill);
                let done = exec.finish(PATIENCE);
                assert_ne!(done.code(), 0, "{done}");
            }
        }
        until("the engine knows", PATIENCE, || {
            let status = inspect(&engine, "box")["State"]["Status"]
                .as_str()
                .unwrap_or("")
                .to_owned();
            matches!(status.as_str(), "exited" | "created")
        });
        let state = inspect(&engine, "box")["State"].clone();
        assert!(
            state["Status"] == "created" || state["ExitCode"] == 137 || state["ExitCode"] == 255,
            "{state}"
        );
        // It can be started again as if nothing had been.
        assert_eq!(engine.run(&["start", "box"]).code(), 0, "round {round}");
        engine.ok(&["rm", "-f", "box"]);
    }
    comes_back_to(&engine, &before);
}

#[test]
fn a_supervisor_that_outlives_its_daemon_for_a_moment_harms_nobody() {
    corten_only!();
    let mut engine = engine();
    engine.ok(&["create", "--name", "box", BB, "sleep", "1000"]);
    let mut random = Random(0x1a7e);
    for round in 0..6 {
        let start = engine.spawn(&["start", "box"]);
        let begin = Instant::now();
        while shims(&engine).is_empty() && begin.elapsed() < PATIENCE {}
        // It stands still anywhere between its first instruction and the container's program.
        std::thread::sleep(Duration::from_micros(random.below(6_000)));
        let held = shims(&engine);
        held.iter()
            .for_each(|pid| signal(*pid, rustix::process::Signal::STOP));
        engine.corten_mut().kill9();
        let _told = start.finish(PATIENCE);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // No condition: as long as it stands still, the next daemon may wait for it, or already have gone on without.
                std::thread::sleep(Duration::from_millis(700));
                held.iter()
                    .for_each(|pid| signal(*pid, rustix::process::Signal::CONT));
            });
            engine.corten_mut().restart();
            assert_eq!(engine.run(&["start", "box"]).code(), 0, "round {round}");
        });
        let pid = crate::pid_of(&engine, "box");
        for shim in held {
            until(
                "the former supervisor has ended, or is the container's own",
                PATIENCE,
                || !proc::alive(shim) || proc::parent(pid) == Some(shim),
            );
        }
        assert!(proc::alive(pid), "round {round}");
        assert_eq!(
            inspect(&engine, "box")["State"]["Status"],
            "running",
            "round {round}"
        );
        engine.ok(&["stop", "-t", "0", "box"]);
    }
    engine.ok(&["rm", "-f", "box"]);
    engine.corten().assert_no_container_left();
}

#[test]
fn a_supervisor_killed_while_it_makes_the_cgroup_leaves_none() {
    corten_only!();
    let engine = engine();
    engine.ok(&["create", "--name", "box", BB, "sleep", "1000"]);
    let mut random = Random(0xc6);
    for _ in 0..30 {
        let start = engine.spawn(&["start", "box"]);
        let begin = Instant::now();
        while shims(&engine).is_empty() && begin.elapsed() < PATIENCE {}
        std::thread::sleep(Duration::from_micros(random.below(8_000)));
        shims(&engine).into_iter().for_each(kill);
        let _told = start.finish(PATIENCE);
        until("the engine knows", PATIENCE, || {
            inspect(&engine, "box")["State"]["Status"] != "running"
        });
    }
    engine.ok(&["rm", "-f", "box"]);
    engine.corten().assert_no_container_left();
}

#[test]
fn two_daemons_on_one_machine_do_not_see_each_other() {
    corten_only!();
    let (one, two) = (engine(), engine());
    for engine in [&one, &two] {
        let publish = format!("127.0.0.1:{}:80", engine.slot().port(0));
        idle(engine, "box", &["-p", &publish, "-v", "vol:/v"]);
    }
    let pid = crate::pid_of(&two, "box");
    one.ok(&["rm", "-f", "box"]);
    one.ok(&["volume", "rm", "vol"]);
    one.corten().assert_no_container_left();
    drop(one);
    assert!(proc::alive(pid));
    assert_eq!(two.ok(&["exec", "box", "echo", "untouched"]), "untouched");
    assert_eq!(two.ok(&["volume", "ls", "-q"]), "vol");
}

/// Asks for something and goes away: with half of the request said, at once, or after a while.
fn vanish(socket: &Path, request: &[u8], patience: Option<Duration>) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let Some(patience) = patience else {
        stream.write_all(&request[..request.len() / 2]).unwrap();
        return;
    };
    // The engine may refuse before all is said.
    let _ = stream.write_all(request);
    stream
        .set_read_timeout(Some(patience.max(Duration::from_millis(1))))
        .unwrap();
    let _ = stream.read(&mut [0; 256]);
}

#[test]
fn clients_that_vanish_leave_whole_things_or_none() {
    corten_only!();
    let engine = engine();
    engine.ok(&["run", "--rm", BB, "true"]);
    let request = |method: &str, path: &str, more: &str, body: &str| -> Vec<u8> {
        let length = body.len();
        format!("{method} /v1.41{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}Content-Length: {length}\r\n\r\n{body}")
            .into_bytes()
    };
    let open_files = || {
        std::fs::read_dir(format!("/proc/{}/fd", engine.pid()))
            .unwrap()
            .count()
    };
    let before = at_rest(&engine);
    let files_before = open_files();
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    let archive = std::fs::read(fixtures::busybox()).unwrap();
    let create =
        json!({ "Image": BB, "Cmd": ["sh", "-c", "echo up; sleep 1000"], "OpenStdin": true }).to_string();
    let mut random = Random(0xd15a);
    for round in 0..12 {
        let mut pause = || match round % 3 {
            0 => None,
            1 => Some(Duration::ZERO),
            _ => Some(Duration::from_millis(random.below(40))),
        };
        let socket = engine.socket();
        vanish(
            socket,
            &request("POST", "/containers/create?name=half", "", &create),
            pause(),
        );
        engine.api("POST", "/v1.41/containers/create?name=box", &create);
        let exec = |tty: bool| {
            let body = json!({ "Cmd": ["sh", "-c", "echo in; sleep 1000"], "AttachStdout": true, "AttachStdin": true, "Tty": tty });
            let made = engine
                .api("POST", "/v1.41/containers/box/exec", &body.to_string())
                .json();
            format!("/exec/{}/start", made["Id"].as_str().unwrap_or("none"))
        };
        vanish(
            socket,
            &request(
                "POST",
                "/containers/box/attach?stream=1&stdin=1&stdout=1",
                upgrade,
                "",
            ),
            pause(),
        );
        vanish(socket, &request("POST", "/containers/box/start", "", ""), pause());
        engine.ok(&["start", "box"]);
        for tty in [false, true] {
            let start = request("POST", &exec(tty), upgrade, &json!({ "Tty": tty }).to_string());
            vanish(socket, &start, pause());
        }
        for path in [
            "/containers/box/logs?follow=1&stdout=1",
            "/events",
            "/containers/json?size=1",
        ] {
            vanish(socket, &request("GET", path, "", ""), pause());
        }
        vanish(socket, &request("POST", "/containers/box/wait", "", ""), pause());
        vanish(
            socket,
            &request(
                "POST",
                "/containers/box/attach?stream=1&stdin=1&stdout=1&logs=1",
                upgrade,
                "",
            ),
            pause(),
        );
        let head = format!(
            "POST /v1.41/images/load HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            archive.len()
        );
        let load = [head.as_bytes(), &archive].concat();
        vanish(socket, &load, pause());
        vanish(
            socket,
            &request("POST", "/containers/box/stop?t=0", "", ""),
            pause(),
        );
        vanish(
            socket,
            &request("DELETE", "/containers/box?force=1", "", ""),
            pause(),
        );
        // Whoever comes next finds it whole or gone.
        let done = engine.run(&["inspect", "box"]);
        assert!(matches!(done.code(), 0 | 1), "{done}");
        // A request may still be on its way when its client has gone.
        until("all is gone", SOON, || {
            let _ = engine.run(&["rm", "-f", "box", "half"]);
            engine.ok(&["ps", "-aq"]).is_empty()
        });
    }
    engine.corten().assert_no_container_left();
    comes_back_to(&engine, &before);
    until("the connections are closed", SOON, || {
        open_files() <= files_before + 4
    });
}

#[test]
fn clients_that_say_nothing_shut_nobody_out() {
    corten_only!();
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("corten");
    // As many files as a daemon needs, and not many more.
    let script = format!("#!/bin/sh\nulimit -n 200\nexec {} \"$@\"\n", binary().display());
    program_file(&program, &script);
    let daemon = Daemon::start_with(&program, &["--debug"]);
    let archive = fixtures::busybox().display().to_string();
    daemon.corten(&["load", "-i", &archive]).ok();
    let mut followed = UnixStream::connect(daemon.socket()).unwrap();
    followed
        .write_all(b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n")
        .unwrap();
    let mut silent = Vec::new();
    for number in 0..300 {
        let mut client = UnixStream::connect(daemon.socket()).unwrap();
        if number % 2 == 0 {
            // The daemon may have closed others' by now, not this one.
            client.write_all(b"GET /_ping HTTP/1.1\r\nHost").unwrap();
        }
        silent.push(client);
    }
    assert_eq!(daemon.corten(&["run", "--rm", BB, "echo", "in"]).ok(), "in");
    // Who uses its connection keeps it.
    let mut told = Vec::new();
    let mut piece = [0; 4096];
    followed.set_read_timeout(Some(SOON)).unwrap();
    while !String::from_utf8_lossy(&told).contains("\"die\"") {
        let count = followed.read(&mut piece).unwrap();
        assert!(count > 0, "closed");
        told.extend_from_slice(&piece[..count]);
    }
    drop(silent);
    let files = std::path::PathBuf::from(format!("/proc/{}/fd", daemon.pid()));
    until("their files are closed", SOON, || {
        std::fs::read_dir(&files).unwrap().count() < 100
    });
}
