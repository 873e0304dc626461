//! Restart policies: who comes back after an end, and who does not because somebody stopped it.

use serde_json::Value;

use corten_testkit::{Engine, proc, until};

use crate::{BB, SOON, corten_only, engine, inspect, pid_of, wait_for_state};

/// Starts a container with that policy that runs `script`.
#[track_caller]
fn start(engine: &Engine, name: &str, policy: &str, script: &str) {
    engine.ok(&[
        "run",
        "-d",
        "--name",
        name,
        "--restart",
        policy,
        BB,
        "sh",
        "-c",
        script,
    ]);
}

fn restarts(engine: &Engine, name: &str) -> i64 {
    inspect(engine, name)["RestartCount"].as_i64().unwrap()
}

/// Has a container ending at once come to its fifth restart, so that it waits a while for the next.
#[track_caller]
fn let_it_fail(engine: &Engine, name: &str) -> Value {
    until("it was restarted a few times", SOON, || {
        restarts(engine, name) >= 5
    });
    wait_for_state(engine, name, "restarting");
    inspect(engine, name)
}

#[test]
fn always_comes_back_after_longer_and_longer_delays() {
    let engine = engine();
    start(&engine, "loop", "always", "echo run; exit 3");
    let state = let_it_fail(&engine, "loop")["State"].clone();
    assert_eq!(state["Running"], true, "{state}");
    assert_eq!(state["Restarting"], true, "{state}");
    assert_eq!(state["Pid"], 0, "{state}");
    assert_eq!(state["ExitCode"], 3, "{state}");
    let row = engine.ok(&["ps", "--format", "{{.Status}}", "--filter", "status=restarting"]);
    assert!(
        row.starts_with("Restarting (3) ") && row.ends_with(" ago"),
        "{row}"
    );
    assert_eq!(
        engine.ok(&["ps", "-q"]).lines().count(),
        1,
        "it counts as running"
    );
    let runs = engine.ok(&["logs", "loop"]).lines().count();
    assert!(runs >= 5, "{runs} runs in one log");
    // Delays of 0.1, 0.2, 0.4 and 0.8 s lie between the first five runs.
    let begin = seconds(&inspect(&engine, "loop")["Created"]);
    let last = seconds(&state["StartedAt"]);
    assert!(last < begin || last - begin >= 1.5, "{begin} … {last}");
    engine.ok(&["rm", "-f", "loop"]);
}

/// Seconds within the day of a time as `inspect` prints it.
fn seconds(time: &Value) -> f64 {
    let text = time.as_str().unwrap();
    let clock = text.split_once('T').unwrap().1.trim_end_matches('Z');
    clock
        .split(':')
        .fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

#[test]
fn on_failure_counts_and_gives_up() {
    let engine = engine();
    start(&engine, "three", "on-failure:3", "exit 5");
    start(&engine, "well", "on-failure", "exit 0");
    until("it has given up", SOON, || {
        let all = inspect(&engine, "three");
        all["RestartCount"] == 3 && all["State"]["Status"] == "exited"
    });
    let all = inspect(&engine, "three");
    assert_eq!(all["State"]["ExitCode"], 5);
    assert_eq!(all["State"]["Running"], false);
    assert_eq!(all["HostConfig"]["RestartPolicy"]["Name"], "on-failure");
    assert_eq!(all["HostConfig"]["RestartPolicy"]["MaximumRetryCount"], 3);
    wait_for_state(&engine, "well", "exited");
    assert_eq!(restarts(&engine, "well"), 0, "it did not fail");
    engine.ok(&["start", "three"]);
    until("a start by hand counts anew", SOON, || {
        restarts(&engine, "three") == 3
    });
}

#[test]
fn what_a_user_ends_stays_ended() {
    let engine = engine();
    for name in [
        "stopped",
        "killed",
        "stopped-waiting",
        "killed-waiting",
        "removed",
    ] {
        let script = if name.ends_with("waiting") || name == "removed" {
            "exit 1"
        } else {
            "sleep 1000"
        };
        start(&engine, name, "always", script);
    }
    engine.ok(&["stop", "-t", "0", "stopped"]);
    engine.ok(&["kill", "killed"]);
    for name in ["stopped-waiting", "killed-waiting", "removed"] {
        let_it_fail(&engine, name);
    }
    let refused = engine.run(&["rm", "removed"]);
    assert_ne!(refused.code(), 0, "{refused}");
    if !Engine::is_reference() {
        assert!(
            refused
                .err()
                .contains("container is restarting: stop the container before removing or force remove"),
            "{refused}"
        );
    }
    engine.ok(&["stop", "stopped-waiting"]);
    engine.ok(&["kill", "killed-waiting"]);
    engine.ok(&["rm", "-f", "removed"]);
    let counts: Vec<i64> = ["stopped-waiting", "killed-waiting"]
        .iter()
        .map(|name| restarts(&engine, name))
        .collect();
    // Longer than the delay that was being waited for.
    std::thread::sleep(std::time::Duration::from_secs(5));
    for name in ["stopped", "killed", "stopped-waiting", "killed-waiting"] {
        let state = inspect(&engine, name)["State"].clone();
        assert_eq!(state["Status"], "exited", "{name}: {state}");
    }
    assert_eq!(restarts(&engine, "stopped-waiting"), counts[0]);
    assert_eq!(restarts(&engine, "killed-waiting"), counts[1]);
    assert_eq!(engine.ok(&["ps", "-q"]), "");
    engine.ok(&["start", "stopped"]);
    assert_eq!(inspect(&engine, "stopped")["State"]["Status"], "running");
    engine.ok(&["restart", "-t", "0", "stopped"]);
    assert_eq!(restarts(&engine, "stopped"), 0);
    let pid = pid_of(&engine, "stopped");
    crate::end_process(pid);
    until("after a start by hand the policy holds again", SOON, || {
        let all = inspect(&engine, "stopped");
        all["RestartCount"] == 1 && all["State"]["Status"] == "running"
    });
}

#[test]
fn what_cannot_be_done_while_waiting_for_a_restart() {
    let engine = engine();
    start(&engine, "loop", "always", "exit 1");
    let id = let_it_fail(&engine, "loop")["Id"].as_str().unwrap().to_owned();
    let refused = engine.api("POST", "/containers/loop/exec", r#"{"Cmd":["true"]}"#);
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(
        refused.json()["message"],
        format!("Container {id} is restarting, wait until the container is running")
    );
    let refused = engine.run(&["attach", "loop"]);
    assert_eq!(refused.code(), 1, "{refused}");
    assert!(
        refused
            .err()
            .contains("restarting container, wait until it is running"),
        "{refused}"
    );
    let refused = engine.api("POST", "/containers/loop/attach?stream=1&stdout=1", "");
    assert_eq!(refused.status, 409, "{}", refused.text());
    let text = refused.text();
    assert!(
        text.contains("container loop is restarting, wait until the container is running"),
        "{text}"
    );
    assert_eq!(engine.api("POST", "/containers/loop/start", "").status, 304);
    // `wait` hears of the next end, though another start follows.
    assert_eq!(engine.ok(&["wait", "loop"]), "1");
    engine.ok(&["rm", "-f", "loop"]);
}

#[test]
fn senseless_policies_are_refused() {
    let engine = engine();
    let refused = engine.run(&["run", "--rm", "--restart", "always", BB, "true"]);
    assert_eq!(refused.code(), 125, "{refused}");
    assert!(
        refused
            .err()
            .to_lowercase()
            .contains("conflicting options: cannot specify both --restart and --rm"),
        "{refused}"
    );
    let create = |host: &str| {
        let body = format!(r#"{{"Image":"{BB}","Cmd":["true"],"HostConfig":{{{host}}}}}"#);
        let answer = engine.api("POST", "/containers/create", &body);
        let text = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        (answer.status, text)
    };
    let (status, text) = create(r#""RestartPolicy":{"Name":"always"},"AutoRemove":true"#);
    assert_eq!(status, 400, "{text}");
    assert_eq!(text, "can't create 'AutoRemove' container with restart policy");
    for (policy, sentence) in [
        (
            r#"{"Name":"sometimes"}"#,
            "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
        ),
        (
            r#"{"Name":"always","MaximumRetryCount":2}"#,
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ),
        (
            r#"{"Name":"on-failure","MaximumRetryCount":-1}"#,
            "invalid restart policy: maximum retry count cannot be negative",
        ),
    ] {
        let (status, text) = create(&format!(r#""RestartPolicy":{policy}"#));
        assert_eq!(status, 400, "{text}");
        if !Engine::is_reference() {
            assert_eq!(text, sentence);
        }
    }
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_restart_is_a_death_and_a_start_to_those_who_listen() {
    let engine = engine();
    start(&engine, "twice", "on-failure:1", "exit 9");
    let heard = || {
        engine.ok(&[
            "events",
            "--since",
            "1h",
            "--until",
            &crate::now(),
            "--filter",
            "type=container",
            "--format",
            "{{.Action}}",
        ])
    };
    until("it has died twice", SOON, || heard().matches("die").count() == 2);
    let events = heard();
    let actions: Vec<&str> = events.lines().collect();
    assert_eq!(actions, ["create", "start", "die", "start", "die"]);
}

/// What a daemon's restart, in any way, does to each policy.
fn across(stop: fn(&mut Engine), flags: &[&str], runs_on: bool) {
    let mut engine = engine();
    engine.corten_mut().restart_with(flags);
    for policy in ["no", "always", "unless-stopped", "on-failure"] {
        start(
            &engine,
            policy,
            policy,
            "trap 'exit 0' TERM; while :; do sleep 0.1; done",
        );
        start(&engine, &format!("hand-{policy}"), policy, "sleep 1000");
        engine.ok(&["stop", "-t", "0", &format!("hand-{policy}")]);
    }
    start(&engine, "hurt", "on-failure", "sleep 1000");
    engine.ok(&[
        "create",
        "--name",
        "new",
        "--restart",
        "always",
        BB,
        "sleep",
        "1000",
    ]);
    start(&engine, "loop", "always", "exit 1");
    let_it_fail(&engine, "loop");
    let pid = pid_of(&engine, "always");
    stop(&mut engine);
    assert_eq!(proc::alive(pid), runs_on);
    engine.corten_mut().restart_with(flags);
    let state = |name: &str| inspect(&engine, name)["State"]["Status"].clone();
    for policy in ["no", "on-failure"] {
        // Told to stop, it ended well.
        assert_eq!(
            state(policy),
            if runs_on { "running" } else { "exited" },
            "{policy}"
        );
    }
    assert_eq!(state("always"), "running");
    assert_eq!(pid_of(&engine, "always") == pid, runs_on);
    assert_eq!(state("unless-stopped"), "running");
    assert_eq!(
        state("hurt"),
        "running",
        "killed, it failed, or it was never touched"
    );
    assert_eq!(state("hand-always"), "running", "by hand or not: always");
    assert_eq!(state("hand-unless-stopped"), "exited");
    assert_eq!(
        state("hand-on-failure"),
        "running",
        "it was killed, which is a failure"
    );
    assert_eq!(state("hand-no"), "exited");
    assert_eq!(state("new"), "created", "it was never started");
    until("a waiting restart goes on", SOON, || {
        restarts(&engine, "loop") >= 1
    });
    for name in engine.ok(&["ps", "-aq"]).lines() {
        engine.ok(&["rm", "-f", name]);
    }
    engine.corten().assert_no_container_left();
}

#[test]
fn across_a_restart_of_the_daemon() {
    corten_only!();
    across(|engine| engine.corten_mut().stop(), &[], true);
}

#[test]
fn across_the_death_of_the_daemon() {
    corten_only!();
    across(|engine| engine.corten_mut().kill9(), &[], true);
}

#[test]
fn across_a_restart_of_a_daemon_that_takes_its_containers_along() {
    corten_only!();
    across(
        |engine| engine.corten_mut().stop(),
        &["--live-restore=false", "--shutdown-timeout", "2"],
        false,
    );
}

#[test]
fn a_stop_is_remembered_though_the_daemon_dies_before_the_end() {
    corten_only!();
    let mut engine = engine();
    start(
        &engine,
        "slow",
        "unless-stopped",
        "trap '' TERM; while :; do sleep 0.1; done",
    );
    let pid = pid_of(&engine, "slow");
    let stop = engine.spawn(&["stop", "-t", "100", "slow"]);
    until("the stop has begun", SOON, || {
        let events = engine.ok(&[
            "events",
            "--since",
            "1h",
            "--until",
            &crate::now(),
            "--filter",
            "event=kill",
        ]);
        !events.is_empty()
    });
    engine.corten_mut().kill9();
    let _ = stop.finish(SOON);
    crate::end_process(pid);
    until("it has ended", SOON, || !proc::alive(pid));
    engine.corten_mut().restart();
    assert_eq!(inspect(&engine, "slow")["State"]["Status"], "exited");
}
