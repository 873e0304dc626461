//! SIGHUP: the file is read anew; what can change does, and a bad file changes nothing. And how a daemon ends.

use corten_testkit::{Daemon, binary, fixtures, until};
use rustix::process::Signal;
use serde_json::Value;

use crate::{BB, SOON, corten_only};

fn daemon(config: &str) -> Daemon {
    Daemon::start_configured(&binary(), config, &[])
}

fn info(daemon: &Daemon) -> Value {
    daemon.api("GET", "/info", "").json()
}

#[track_caller]
fn reload(daemon: &Daemon, config: &str, said: &str) {
    daemon.configure(config);
    let before = daemon.log().matches(said).count();
    daemon.signal(Signal::HUP);
    until(&format!("the log says {said}"), SOON, || {
        daemon.log().matches(said).count() > before
    });
}

#[test]
fn what_is_reloadable_is_taken_over_and_told() {
    corten_only!();
    let daemon = daemon(r#"{"labels": ["a=1"], "debug": false}"#);
    daemon
        .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
        .ok();
    let mut events = daemon.corten_command(&["events", "-f", "type=daemon", "--format", "json"]);
    let events = corten_testkit::start(&mut events);
    let new = r#"{"labels": ["b=2"], "debug": true, "live-restore": false, "default-shm-size": "5m",
                  "max-concurrent-downloads": 7, "registry-mirrors": ["http://m.test"], "shutdown-timeout": 3,
                  "features": {"x": true}}"#;
    // The stream is up when it shows an event.
    until("the event is streamed", SOON, || {
        reload(&daemon, new, "Reloaded configuration");
        events.out().contains("reload")
    });
    let info = info(&daemon);
    assert_eq!(info["Labels"], serde_json::json!(["b=2"]));
    assert_eq!(
        (&info["Debug"], &info["LiveRestoreEnabled"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    assert_eq!(info["RegistryConfig"]["Mirrors"][0], "http://m.test/");
    let event: Value = serde_json::from_str(events.out().lines().next().unwrap()).unwrap();
    let attributes = &event["Actor"]["Attributes"];
    assert_eq!(event["Actor"]["ID"], info["ID"]);
    for (key, value) in [
        ("debug", "true"),
        ("max-concurrent-downloads", "7"),
        ("labels", "[\"b=2\"]"),
        ("features", "map[x:true]"),
        ("shutdown-timeout", "3"),
        ("live-restore", "false"),
        ("default-shm-size", "5242880"),
    ] {
        assert_eq!(attributes[key], value, "{key}");
    }
    let shm = daemon.corten(&["run", "--rm", BB, "df", "-k", "/dev/shm"]).ok();
    assert!(shm.contains(" 5120 "), "{shm}");
    // What the file no longer speaks of stays as it was, as with dockerd.
    reload(&daemon, "{}", "Reloaded configuration");
    assert_eq!(self::info(&daemon)["Labels"], serde_json::json!(["b=2"]));
}

#[test]
fn a_bad_file_changes_nothing() {
    corten_only!();
    let daemon = daemon(r#"{"labels": ["a=1"]}"#);
    for (bad, said) in [
        ("{", "unable to configure the Docker daemon with file"),
        (
            r#"{"labels": ["b=2"], "frob": 1}"#,
            "don't match any configuration option: frob",
        ),
        (r#"{"labels": ["b=2", "b=3"]}"#, "conflict labels for b=3"),
        (
            r#"{"labels": ["b=2"], "max-concurrent-uploads": -1}"#,
            "invalid max concurrent uploads: -1",
        ),
        (
            r#"{"labels": ["b=2"], "data-root": "/x"}"#,
            "specified both as a flag and in the configuration file",
        ),
        (
            r#"{"labels": ["b=2"], "default-runtime": "x"}"#,
            "default runtime 'x' does not exist",
        ),
    ] {
        reload(&daemon, bad, said);
        assert_eq!(info(&daemon)["Labels"], serde_json::json!(["a=1"]), "{bad}");
    }
}

#[test]
fn a_reload_warns_as_a_start_does() {
    corten_only!();
    let config = r#"{"features": {"containerd-snapshotter": true}, "network-diagnostic-port": 7, "userland-proxy": true,
                     "runtimes": {"other": {"path": "/x"}}}"#;
    let warnings = |log: &str| {
        let lines = log.lines().filter(|line| line.contains("has no effect"));
        // Without time, level and place.
        let said = lines.filter_map(|line| line.split_once(" WARN ")?.1.split_once(": "));
        said.map(|(_, said)| said.to_owned()).collect::<Vec<String>>()
    };
    let started = daemon(config);
    let at_start = warnings(&started.log());
    assert!(at_start.len() >= 3, "{at_start:?}");
    let reloaded = daemon("{}");
    assert!(warnings(&reloaded.log()).is_empty());
    reload(&reloaded, config, "Reloaded configuration");
    assert_eq!(warnings(&reloaded.log()), at_start);
}

#[test]
fn live_restore_turned_off_by_a_reload_counts_at_the_end() {
    corten_only!();
    let mut daemon = daemon("{}");
    daemon
        .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
        .ok();
    let script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
    daemon
        .corten(&["run", "-d", "--name", "box", BB, "sh", "-c", script])
        .ok();
    reload(&daemon, r#"{"live-restore": false}"#, "Reloaded configuration");
    daemon.stop();
    daemon.assert_no_container_left();
    daemon.configure("{}");
    daemon.restart();
    let state = daemon.corten(&["inspect", "-f", "{{.State.Status}}", "box"]).ok();
    assert_eq!(state, "exited");
}

#[test]
fn a_second_signal_ends_at_once() {
    corten_only!();
    let daemon = daemon(r#"{"live-restore": false, "shutdown-timeout": 600}"#);
    daemon
        .corten(&["load", "-i", &fixtures::busybox().display().to_string()])
        .ok();
    daemon
        .corten(&[
            "run",
            "-d",
            "--stop-timeout",
            "600",
            BB,
            "sh",
            "-c",
            "trap '' TERM; while :; do sleep 1; done",
        ])
        .ok();
    let pid = daemon.pid();
    daemon.signal(Signal::TERM);
    until("the daemon says so", SOON, || {
        daemon.log().contains("Daemon shutdown in progress")
    });
    daemon.signal(Signal::TERM);
    until("the daemon is gone", SOON, || {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    });
}
