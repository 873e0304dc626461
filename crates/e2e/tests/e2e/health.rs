//! Health checks: who is well, who is not, and who is told.

use serde_json::Value;

use corten_testkit::{Engine, until};

use crate::{BB, SOON, corten_only, engine, inspect, pid_of};

/// Starts a container that is checked by `check` every 100 ms.
#[track_caller]
fn start(engine: &Engine, name: &str, check: &str, flags: &[&str], script: &str) {
    let mut args = vec!["run", "-d", "--name", name, "--health-cmd", check];
    args.extend(["--health-interval", "100ms"]);
    args.extend(flags);
    args.extend([BB, "sh", "-c", script]);
    engine.ok(&args);
}

fn health(engine: &Engine, name: &str) -> Value {
    inspect(engine, name)["State"]["Health"].clone()
}

#[track_caller]
fn wait_for_health(engine: &Engine, name: &str, wanted: &str) {
    until(&format!("{name} is {wanted}"), SOON, || {
        health(engine, name)["Status"] == wanted
    });
}

fn actions(engine: &Engine) -> Vec<String> {
    let heard = engine.ok(&[
        "events",
        "--since",
        "1h",
        "--until",
        &crate::now(),
        "--filter",
        "type=container",
        "--format",
        "{{.Action}}",
    ]);
    heard.lines().map(str::to_owned).collect()
}

#[test]
fn from_starting_over_healthy_to_unhealthy_and_back() {
    let engine = engine();
    start(
        &engine,
        "web",
        "echo looked; test -e /well",
        &["--health-retries", "2", "--health-start-period", "1h"],
        "sleep 1000",
    );
    let status = |name: &str| {
        let filter = format!("name={name}");
        engine.ok(&["ps", "-a", "--filter", &filter, "--format", "{{.Status}}"])
    };
    assert!(status("web").ends_with("(health: starting)"), "{}", status("web"));
    until("it was looked at", SOON, || {
        health(&engine, "web")["Log"][0].is_object()
    });
    assert_eq!(health(&engine, "web")["FailingStreak"], 0, "it is still starting");
    engine.ok(&["exec", "web", "touch", "/well"]);
    wait_for_health(&engine, "web", "healthy");
    assert!(status("web").ends_with("(healthy)"), "{}", status("web"));
    let found = health(&engine, "web");
    let log = found["Log"].as_array().unwrap();
    let last = log.last().unwrap();
    assert_eq!(last["ExitCode"], 0, "{found}");
    assert_eq!(last["Output"], "looked\n", "{found}");
    assert!(
        last["Start"].as_str().unwrap() < last["End"].as_str().unwrap(),
        "{found}"
    );
    engine.ok(&["exec", "web", "rm", "/well"]);
    wait_for_health(&engine, "web", "unhealthy");
    until("five results are kept", SOON, || {
        let found = health(&engine, "web");
        let log = found["Log"].as_array().unwrap();
        assert!(log.len() <= 5);
        log.len() == 5 && log.iter().all(|result| result["ExitCode"] == 1)
    });
    assert!(health(&engine, "web")["FailingStreak"].as_i64().unwrap() >= 2);
    for (wanted, names) in [
        ("unhealthy", "web"),
        ("healthy", ""),
        ("starting", ""),
        ("none", ""),
    ] {
        let filter = format!("health={wanted}");
        assert_eq!(
            engine.ok(&["ps", "--filter", &filter, "--format", "{{.Names}}"]),
            names,
            "{wanted}"
        );
    }
    let refused = engine.run(&["ps", "--filter", "health=fine"]);
    assert_eq!(refused.code(), 1, "{refused}");
    assert!(refused.err().contains("fine"), "{refused}");
    let all = actions(&engine);
    let changes: Vec<&str> = all
        .iter()
        .filter_map(|action| action.strip_prefix("health_status: "))
        .collect();
    assert_eq!(changes, ["healthy", "unhealthy"]);
    for action in [
        "exec_create: /bin/sh -c echo looked; test -e /well",
        "exec_start: /bin/sh -c echo looked; test -e /well",
        "exec_die",
    ] {
        assert!(all.iter().any(|other| other == action), "{action}: {all:?}");
    }
    engine.ok(&["stop", "-t", "0", "web"]);
    assert_eq!(
        health(&engine, "web")["Status"],
        "unhealthy",
        "nobody looks any more"
    );
    assert!(status("web").starts_with("Exited"), "{}", status("web"));
    engine.ok(&["start", "web"]);
    assert_eq!(health(&engine, "web")["Status"], "starting");
}

#[test]
fn a_probe_that_hangs_is_killed_with_what_it_started() {
    let engine = engine();
    start(
        &engine,
        "slow",
        "echo begun; sleep 4321; true",
        &["--health-timeout", "300ms", "--health-retries", "1"],
        "sleep 1000",
    );
    wait_for_health(&engine, "slow", "unhealthy");
    let found = health(&engine, "slow");
    let last = found["Log"][0].clone();
    assert_eq!(last["ExitCode"], -1, "{found}");
    // dockerd 20.10 drops what the probe had said.
    let said = if Engine::is_reference() { "" } else { ": begun\n" };
    assert_eq!(
        last["Output"],
        format!("Health check exceeded timeout (300ms){said}"),
        "{found}"
    );
    if !Engine::is_reference() {
        until("no probe piles up", SOON, || {
            let processes = engine.ok(&["exec", "slow", "ps"]);
            processes.matches("sleep 4321").count() <= 2
        });
    }
}

#[test]
fn what_a_probe_says_is_cut() {
    let engine = engine();
    start(&engine, "talks", "yes | head -c 100000", &[], "sleep 1000");
    wait_for_health(&engine, "talks", "healthy");
    let found = health(&engine, "talks");
    let output = found["Log"][0]["Output"].as_str().unwrap();
    assert_eq!(output.len(), 4096 + 3);
    assert!(output.ends_with("y\n..."));
}

#[test]
fn a_probe_that_cannot_be_run_is_a_failure() {
    let engine = engine();
    let body = format!(
        r#"{{"Image":"{BB}","Cmd":["sleep","1000"],"Healthcheck":{{"Test":["CMD","nosuch"],"Interval":100000000,"Retries":1}}}}"#
    );
    let made = engine.api("POST", "/containers/create?name=odd", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(health(&engine, "odd"), Value::Null, "it was never started");
    engine.ok(&["start", "odd"]);
    wait_for_health(&engine, "odd", "unhealthy");
    let found = health(&engine, "odd");
    assert_eq!(found["Log"][0]["ExitCode"], -1, "{found}");
    let output = found["Log"][0]["Output"].as_str().unwrap();
    assert!(
        output.contains("\"nosuch\": executable file not found in $PATH"),
        "{output}"
    );
}

#[test]
fn settings_are_judged_and_can_be_turned_off() {
    let engine = engine();
    let create = |health: &str| {
        let body = format!(r#"{{"Image":"{BB}","Cmd":["true"],"Healthcheck":{health}}}"#);
        let answer = engine.api("POST", "/containers/create", &body);
        (answer.status, answer.message())
    };
    for (settings, sentence) in [
        (
            r#"{"Test":["CMD","x"],"Interval":1}"#,
            "Interval in Healthcheck cannot be less than 1ms",
        ),
        (
            r#"{"Test":["CMD","x"],"Timeout":-1}"#,
            "Timeout in Healthcheck cannot be less than 1ms",
        ),
        (
            r#"{"Test":["CMD","x"],"StartPeriod":999999}"#,
            "StartPeriod in Healthcheck cannot be less than 1ms",
        ),
        (
            r#"{"Test":["CMD","x"],"Retries":-2}"#,
            "Retries in Healthcheck cannot be negative",
        ),
    ] {
        let (status, message) = create(settings);
        assert_eq!((status, message.as_str()), (400, sentence));
    }
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "off",
        "--no-healthcheck",
        BB,
        "sleep",
        "1000",
    ]);
    let all = inspect(&engine, "off");
    assert_eq!(all["Config"]["Healthcheck"]["Test"][0], "NONE");
    assert_eq!(all["State"]["Health"], Value::Null);
    assert_eq!(
        engine.ok(&["ps", "--filter", "health=none", "--format", "{{.Names}}"]),
        "off"
    );
}

#[test]
fn health_is_followed_on_after_a_restart_of_the_daemon() {
    corten_only!();
    let mut engine = engine();
    start(
        &engine,
        "web",
        "test ! -e /ill",
        &["--health-retries", "2"],
        "sleep 1000",
    );
    wait_for_health(&engine, "web", "healthy");
    let pid = pid_of(&engine, "web");
    for kill in [true, false] {
        if kill {
            engine.corten_mut().kill9();
        } else {
            engine.corten_mut().stop();
        }
        engine.corten_mut().restart();
        assert_eq!(pid_of(&engine, "web"), pid);
        assert_eq!(health(&engine, "web")["Status"], "healthy", "it was and is well");
    }
    engine.ok(&["exec", "web", "touch", "/ill"]);
    wait_for_health(&engine, "web", "unhealthy");
    engine.ok(&["rm", "-f", "web"]);
    engine.corten().assert_no_container_left();
}

#[test]
fn restarts_begin_the_checks_anew() {
    let engine = engine();
    start(
        &engine,
        "web",
        "true",
        &["--restart", "always"],
        "sleep 0.6; exit 1",
    );
    let healthy = || {
        let all = actions(&engine);
        all.iter()
            .filter(|action| *action == "health_status: healthy")
            .count()
    };
    until("each run becomes healthy", SOON, || healthy() >= 2);
    engine.ok(&["rm", "-f", "web"]);
}
