//! Containers do not notice the end of their daemon, and its successor knows all of them.

use std::time::Duration;

use corten_testkit::{http, proc, until};

use crate::{BB, SOON, corten_only, end_process, engine, idle, inspect, pid_of, wait_for_state};

#[test]
fn running_containers_run_on_and_are_known_again() {
    corten_only!();
    let mut engine = engine();
    let port = engine.slot().port(0);
    let script = "mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www";
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "web",
        "-p",
        &format!("127.0.0.1:{port}:80"),
        BB,
        "sh",
        "-c",
        script,
    ]);
    let page = || {
        http::get(&format!("127.0.0.1:{port}"), "/")
            .map(|page| page.text())
            .unwrap_or_default()
    };
    until("the page is served", SOON, || page() == "page\n");
    let pid = pid_of(&engine, "web");
    engine.corten_mut().kill9();
    assert!(proc::alive(pid));
    assert_eq!(page(), "page\n", "served without a daemon");
    engine.corten_mut().restart();
    assert_eq!(pid_of(&engine, "web"), pid);
    assert_eq!(page(), "page\n");
    assert_eq!(engine.ok(&["exec", "web", "cat", "/www/index.html"]), "page");
    engine.corten_mut().stop();
    assert!(proc::alive(pid), "a proper stop leaves it, too");
    engine.corten_mut().restart();
    assert_eq!(pid_of(&engine, "web"), pid);
    engine.ok(&["stop", "-t", "0", "web"]);
    assert!(!proc::alive(pid));
    engine.ok(&["start", "web"]);
    until("the page is served again", SOON, || page() == "page\n");
    engine.ok(&["rm", "-f", "web"]);
    engine.corten().assert_no_container_left();
}

#[test]
fn no_line_of_the_log_is_lost() {
    corten_only!();
    let mut engine = engine();
    let script = "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo line $i; usleep 5000; done";
    engine.ok(&["run", "-d", "--name", "talker", BB, "sh", "-c", script]);
    let log = inspect(&engine, "talker")["LogPath"].as_str().unwrap().to_owned();
    let grows = |while_: &str| {
        let size = || std::fs::metadata(&log).unwrap().len();
        let before = size();
        until(&format!("the log grows while the daemon {while_}"), SOON, || {
            size() > before
        });
    };
    for _ in 0..3 {
        grows("runs");
        engine.corten_mut().kill9();
        grows("is gone");
        engine.corten_mut().restart();
    }
    assert_eq!(engine.ok(&["wait", "talker"]), "0");
    let lines: Vec<String> = engine
        .ok(&["logs", "talker"])
        .lines()
        .map(str::to_owned)
        .collect();
    let expected: Vec<String> = (1..=600).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, expected);
}

#[test]
fn an_end_without_a_daemon_is_known_afterwards() {
    corten_only!();
    let mut engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "ends",
        BB,
        "sh",
        "-c",
        "echo last words; sleep 0.7; exit 7",
    ]);
    engine.ok(&["run", "-d", "--rm", "--name", "goes", BB, "sh", "-c", "sleep 0.7"]);
    engine.ok(&["run", "-d", "--name", "killed", BB, "sleep", "1000"]);
    let (ends, goes, killed) = (
        pid_of(&engine, "ends"),
        pid_of(&engine, "goes"),
        pid_of(&engine, "killed"),
    );
    engine.corten_mut().kill9();
    end_process(killed);
    until("all have ended", SOON, || {
        [ends, goes, killed].iter().all(|&pid| !proc::alive(pid))
    });
    engine.corten_mut().restart();
    wait_for_state(&engine, "ends", "exited");
    let state = inspect(&engine, "ends")["State"].clone();
    assert_eq!(state["ExitCode"], 7, "{state}");
    assert!(
        state["FinishedAt"].as_str().unwrap() > state["StartedAt"].as_str().unwrap(),
        "{state}"
    );
    assert_eq!(engine.ok(&["logs", "ends"]), "last words");
    wait_for_state(&engine, "killed", "exited");
    assert_eq!(inspect(&engine, "killed")["State"]["ExitCode"], 137);
    until("--rm is kept as a promise", SOON, || {
        engine.ok(&["ps", "-aq"]).lines().count() == 2
    });
    engine.corten().assert_no_container_left();
}

#[test]
fn attach_and_wait_work_after_a_crash() {
    corten_only!();
    let mut engine = engine();
    let script = "while read l; do echo got $l; test $l = end && exit 5; done";
    engine.ok(&["run", "-d", "-i", "--name", "box", BB, "sh", "-c", script]);
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    let mut attach = engine.spawn(&["attach", "box"]);
    attach.write(b"one\n");
    attach.expect_out("got one", SOON);
    let wait = engine.spawn(&["wait", "box"]);
    attach.write(b"end\n");
    assert_eq!(wait.finish(SOON).ok(), "5");
    attach.finish(SOON).fails(5);
    assert_eq!(engine.ok(&["logs", "box"]), "got one\ngot end");
}

#[test]
fn what_was_stopped_images_and_volumes_are_still_there() {
    corten_only!();
    let mut engine = engine();
    engine
        .run(&[
            "run",
            "--name",
            "done",
            "-v",
            "vol:/data",
            BB,
            "sh",
            "-c",
            "echo x > /made; exit 3",
        ])
        .fails(3);
    engine.ok(&["create", "--name", "new", BB, "true"]);
    let images = engine.ok(&["images", "-q", "--no-trunc"]);
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    assert_eq!(inspect(&engine, "done")["State"]["ExitCode"], 3);
    assert_eq!(inspect(&engine, "new")["State"]["Status"], "created");
    assert_eq!(engine.ok(&["images", "-q", "--no-trunc"]), images);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "vol");
    engine.run(&["start", "-a", "done"]).fails(3);
    engine.run(&["start", "-a", "new"]).fails(0);
}

#[test]
fn a_crash_at_any_moment_leaves_a_whole_engine() {
    corten_only!();
    let mut engine = engine();
    engine.ok(&["run", "--rm", BB, "true"]);
    for round in 0..12_u64 {
        let name = format!("r{round}");
        let mut command = engine.command(&["run", "-d", "--name", &name, BB, "sh", "-c", "exit 4"]);
        let running = corten_testkit::start(&mut command);
        // No condition: the moment of the crash is what each round varies.
        std::thread::sleep(Duration::from_millis(round * 4));
        engine.corten_mut().kill9();
        // What the command line says of a daemon that dies under it is its own affair.
        let _ = running.finish(SOON);
        engine.corten_mut().restart();
        if let Some(state) = engine
            .run(&["inspect", &name])
            .out()
            .contains(&name)
            .then(|| inspect(&engine, &name)["State"].clone())
        {
            let status = state["Status"].as_str().unwrap().to_owned();
            assert!(
                matches!(status.as_str(), "created" | "exited" | "running"),
                "round {round}: {state}"
            );
            if status != "created" {
                wait_for_state(&engine, &name, "exited");
                let code = inspect(&engine, &name)["State"]["ExitCode"].as_i64().unwrap();
                assert!(matches!(code, 4 | 137 | 255), "round {round}: {code}");
            }
            engine.ok(&["rm", "-f", &name]);
        }
        // A container with --rm whose removal was cut short is removed by the next daemon.
        until(&format!("nothing is left of round {round}"), SOON, || {
            engine.ok(&["ps", "-aq"]).is_empty()
        });
    }
    engine.corten().assert_no_container_left();
    idle(&engine, "fine", &[]);
}

#[test]
fn a_second_daemon_on_the_same_state_is_refused() {
    corten_only!();
    let engine = engine();
    let root = engine.slot().root();
    let path = |name: &str| root.join(name).display().to_string();
    let mut second = engine.corten().corten_command(&[
        "daemon",
        "--data-root",
        &path("data"),
        "--exec-root",
        &path("exec"),
    ]);
    second.args([
        "--pidfile",
        &path("pid"),
        "--host",
        &format!("unix://{}", path("second.sock")),
    ]);
    second.args([
        "--bridge",
        &engine.slot().name(),
        "--config-file",
        &path("daemon.json"),
    ]);
    let done = corten_testkit::run(&mut second, SOON);
    assert_ne!(done.code(), 0, "{done}");
    assert_eq!(engine.ok(&["run", "--rm", BB, "echo", "unharmed"]), "unharmed");
}

#[test]
fn a_reboot_is_not_a_restart_of_the_daemon() {
    corten_only!();
    for keep_run_dir in [false, true] {
        let mut engine = engine();
        engine.ok(&["create", "--name", "new", BB, "true"]);
        engine.ok(&["run", "--name", "done", BB, "true"]);
        engine.ok(&["run", "-d", "--rm", "--name", "gone", BB, "sleep", "1000"]);
        for policy in ["no", "always", "unless-stopped", "on-failure"] {
            engine.ok(&[
                "run",
                "-d",
                "--name",
                policy,
                "--restart",
                policy,
                BB,
                "sleep",
                "1000",
            ]);
        }
        engine.ok(&[
            "run",
            "-d",
            "--name",
            "hand",
            "--restart",
            "unless-stopped",
            BB,
            "sleep",
            "1000",
        ]);
        engine.ok(&["stop", "-t", "0", "hand"]);
        engine.ok(&[
            "run",
            "-d",
            "--name",
            "twice",
            "--restart",
            "unless-stopped",
            BB,
            "sleep",
            "1000",
        ]);
        engine.ok(&["stop", "-t", "0", "twice"]);
        engine.ok(&["start", "twice"]);
        engine.corten_mut().reboot(keep_run_dir);
        let state = |name: &str| inspect(&engine, name)["State"].clone();
        assert_eq!(state("no")["Status"], "exited", "it ran: {}", state("no"));
        assert_eq!(state("no")["ExitCode"], 255);
        assert!(
            engine
                .ok(&["ps", "-a", "--filter", "name=^no$", "--format", "{{.Status}}"])
                .starts_with("Exited (255) ")
        );
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        assert!(text(&state("no")["FinishedAt"]) > text(&state("no")["StartedAt"]));
        assert_eq!(state("new")["Status"], "created");
        assert_eq!(state("done")["ExitCode"], 0);
        assert!(!engine.ok(&["ps", "-a"]).contains("gone"), "--rm");
        assert_eq!(state("hand")["Status"], "exited");
        for name in ["always", "unless-stopped", "on-failure", "twice"] {
            assert_eq!(state(name)["Status"], "running", "{name}");
        }
        assert_eq!(engine.ok(&["ps", "-q"]).lines().count(), 4);
        for name in engine.ok(&["ps", "-aq"]).lines() {
            engine.ok(&["rm", "-f", name]);
        }
        engine.corten().assert_no_container_left();
    }
}

#[test]
fn a_client_that_goes_away_leaves_nothing_half_made() {
    corten_only!();
    let engine = engine();
    let body = format!(r#"{{"Image":"{BB}","Cmd":["sleep","1000"],"Volumes":{{"/data":{{}}}}}}"#);
    for round in 0..8_u64 {
        let name = format!("r{round}");
        let hang_up = |path: &str, body: &str, after: u64| {
            let mut socket = std::os::unix::net::UnixStream::connect(engine.socket()).unwrap();
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
            // No condition: the moment of hanging up is what each round varies.
            std::thread::sleep(Duration::from_millis(after));
        };
        hang_up(&format!("/containers/create?name={name}"), &body, round * 2 + 1);
        until("it is made or not at all", SOON, || {
            let made = engine.api("GET", &format!("/containers/{name}/json"), "").status == 200;
            made || engine
                .api("POST", &format!("/containers/create?name={name}"), &body)
                .status
                == 201
        });
        hang_up(&format!("/containers/{name}/start"), "", round * 3 + 1);
        engine.run(&["start", &name]).ok();
        assert_eq!(engine.ok(&["exec", &name, "echo", "whole"]), "whole");
        hang_up(&format!("/containers/{name}/restart?t=0"), "", round * 3 + 1);
        until("the restart comes to its end", SOON, || {
            let all = engine.ok(&[
                "events",
                "--since",
                "1h",
                "--until",
                &crate::now(),
                "--filter",
                "event=restart",
            ]);
            all.lines()
                .filter(|line| line.contains(&format!("name={name})")))
                .count()
                == 1
        });
        assert_eq!(inspect(&engine, &name)["State"]["Status"], "running");
        hang_up(&format!("/containers/{name}/stop?t=1"), "", round * 3 + 1);
        wait_for_state(&engine, &name, "exited");
        engine.ok(&["rm", "-v", &name]);
    }
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
    engine.corten().assert_no_container_left();
}

#[test]
fn a_daemon_with_another_cgroup_parent_finds_older_containers_cgroups() {
    corten_only!();
    let mut engine = engine();
    let parent = engine.slot().cgroup_parent();
    idle(&engine, "box", &["--memory", "64m"]);
    idle(&engine, "orphan", &[]);
    let orphan = pid_of(&engine, "orphan");
    // Its shim goes together with the daemon: what it leaves is the next daemon's to clear.
    let shim = proc::parent(orphan).unwrap();
    engine.corten_mut().kill9();
    end_process(shim);
    engine
        .corten_mut()
        .restart_with(&["--cgroup-parent", &format!("{parent}/other")]);
    until("the process without a shim has ended", SOON, || {
        !proc::alive(orphan)
    });
    let stats = engine.ok(&[
        "stats",
        "--no-stream",
        "--format",
        "{{.MemUsage}} {{.PIDs}}",
        "box",
    ]);
    assert!(stats.ends_with("/ 64MiB 2"), "{stats}");
    engine.ok(&["update", "--memory", "32m", "--memory-swap", "-1", "box"]);
    let stats = engine.ok(&["stats", "--no-stream", "--format", "{{.MemUsage}}", "box"]);
    assert!(stats.ends_with("/ 32MiB"), "{stats}");
    engine.ok(&["pause", "box"]);
    assert_eq!(inspect(&engine, "box")["State"]["Status"], "paused");
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    assert_eq!(inspect(&engine, "box")["State"]["Status"], "paused");
    engine.ok(&["unpause", "box"]);
    assert!(engine.ok(&["top", "box"]).contains("sleep"));
    engine.ok(&["restart", "-t", "0", "box"]);
    let pid = pid_of(&engine, "box");
    let now = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert!(now.contains(&format!("{parent}/other/")), "{now}");
    engine.ok(&["rm", "-f", "box", "orphan"]);
    // With the daemon goes the parent of its own.
    engine.corten_mut().stop();
    engine.corten().assert_no_container_left();
}
