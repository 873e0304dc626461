//! `update --publish-add` and `--publish-rm`: published ports of a container that is there already.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use corten_testkit::{Engine, http, until};
use serde_json::Value;

use crate::{BB, SOON, corten_only, engine, inspect, own_words_only};

/// A web server that says its name.
fn server(engine: &Engine, name: &str, flags: &[&str]) {
    let script = format!("mkdir /www; echo {name} > /www/index.html; exec httpd -f -p 80 -h /www");
    let mut args = vec!["run", "-d", "--name", name];
    args.extend(flags);
    args.extend([BB, "sh", "-c", &script]);
    engine.ok(&args);
}

fn answers(port: u16) -> bool {
    http::get(&format!("127.0.0.1:{port}"), "/").is_ok_and(|page| page.text().trim() == "web")
}

/// Ports of the host in one of `inspect`'s maps.
fn host_ports(map: &Value) -> BTreeSet<String> {
    let lists = map
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, list)| list.as_array());
    lists
        .flatten()
        .map(|binding| binding["HostPort"].as_str().unwrap().to_owned())
        .collect()
}

/// What is asked for, and what is.
fn ports(engine: &Engine, name: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let found = inspect(engine, name);
    (
        host_ports(&found["HostConfig"]["PortBindings"]),
        host_ports(&found["NetworkSettings"]["Ports"]),
    )
}

fn set(ports: &[u16]) -> BTreeSet<String> {
    ports.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_taken_away_serves_no_other_wish() {
    own_words_only!();
    let engine = engine();
    let [first, second] = [0, 1].map(|index| engine.slot().port(index));
    server(&engine, "web", &["-p", &format!("{first}:80")]);
    until("it answers", SOON, || answers(first));
    engine.ok(&["update", "--publish-add", "80", "web"]);
    let (_, both) = ports(&engine, "web");
    engine.ok(&["update", "--publish-rm", &format!("{first}:80"), "web"]);
    assert!(!answers(first), "what was taken away is open");
    let (_, chosen) = ports(&engine, "web");
    assert_eq!(chosen, &both - &set(&[first]), "the port the engine chose stays");
    engine.ok(&[
        "update",
        "--publish-rm",
        "80",
        "--publish-add",
        &format!("{first}:80"),
        "web",
    ]);
    // A range that the port is in.
    let range = format!("{first}-{second}:80");
    engine.ok(&["update", "--publish-add", &range, "web"]);
    engine.ok(&["update", "--publish-rm", &format!("{first}:80"), "web"]);
    assert!(!answers(first) && answers(second));
    assert_eq!(ports(&engine, "web").1, set(&[second]));
}

#[test]
fn ports_of_a_running_container_change_in_place() {
    own_words_only!();
    let mut engine = engine();
    let [old, new, third] = [0, 1, 2].map(|index| engine.slot().port(index));
    server(&engine, "web", &["-p", &format!("{old}:80")]);
    until("it answers", SOON, || answers(old));
    let started = inspect(&engine, "web")["State"]["StartedAt"].clone();
    assert_eq!(
        engine.ok(&["update", "--publish-add", &format!("127.0.0.1:{new}:80"), "web"]),
        "web"
    );
    assert!(answers(new) && answers(old));
    assert_eq!(ports(&engine, "web"), (set(&[old, new]), set(&[old, new])));
    let told = engine.ok(&["port", "web", "80"]);
    assert!(
        told.contains(&format!("127.0.0.1:{new}")) && told.contains(&format!(":{old}")),
        "{told}"
    );
    assert!(engine.ok(&["ps"]).contains(&format!("127.0.0.1:{new}->80/tcp")));

    engine.ok(&[
        "container",
        "update",
        "--publish-rm",
        &format!("{old}:80/tcp"),
        "-m",
        "64m",
        "--memory-swap",
        "128m",
        "web",
    ]);
    assert!(answers(new) && !answers(old));
    assert_eq!(inspect(&engine, "web")["HostConfig"]["Memory"], 64 << 20);
    // Somebody else can have it.
    server(&engine, "other", &["-p", &format!("{old}:80")]);
    engine.ok(&["rm", "-f", "other"]);

    // The daemon's end, a crash, a stop and a start: it stays so.
    engine.corten_mut().restart();
    assert!(answers(new) && !answers(old));
    engine.corten_mut().kill9();
    assert!(answers(new));
    engine.corten_mut().restart();
    assert_eq!(ports(&engine, "web"), (set(&[new]), set(&[new])));
    assert_eq!(inspect(&engine, "web")["State"]["StartedAt"], started);
    engine.ok(&["stop", "-t", "0", "web"]);
    // While it does not run, a wish is written down.
    engine.ok(&["update", "--publish-add", &format!("{third}:80"), "web"]);
    assert_eq!(ports(&engine, "web"), (set(&[new, third]), set(&[])));
    engine.ok(&["start", "web"]);
    until("it answers again", SOON, || {
        answers(new) && answers(third) && !answers(old)
    });
    engine.ok(&["update", "--publish-rm", "80", "web"]);
    assert!(!answers(new) && !answers(third));
    assert_eq!(ports(&engine, "web"), (set(&[]), set(&[])));
}

#[test]
fn ports_that_the_engine_chooses() {
    own_words_only!();
    let engine = engine();
    server(&engine, "web", &["-P", "--expose", "80", "--expose", "81"]);
    engine.ok(&["update", "--publish-rm", "81", "--publish-add", "80", "web"]);
    let answer = engine
        .api("POST", "/containers/web/update", r#"{"PublishAdd":{}}"#)
        .json();
    let chosen = host_ports(&answer["Ports"]);
    assert_eq!(chosen.len(), 2, "{answer}");
    assert_eq!(chosen, ports(&engine, "web").1);
    for port in &chosen {
        let port: u16 = port.parse().unwrap();
        until("it answers", SOON, || answers(port));
    }
    let (gone, kept) = (chosen.first().unwrap(), chosen.last().unwrap());
    engine.ok(&["update", "--publish-rm", &format!("{gone}:80"), "web"]);
    assert_eq!(ports(&engine, "web").1, BTreeSet::from([kept.clone()]));
}

#[test]
fn what_cannot_be_published_changes_nothing() {
    own_words_only!();
    let engine = engine();
    let [mine, taken] = [0, 1].map(|index| engine.slot().port(index));
    server(&engine, "web", &["-p", &format!("{mine}:80"), "-m", "64m"]);
    server(&engine, "other", &["-p", &format!("{taken}:80")]);
    until("it answers", SOON, || answers(mine));
    let add = format!("{taken}:80");
    let refused = engine.run(&[
        "update",
        "-m",
        "32m",
        "--publish-add",
        &add,
        "--publish-rm",
        "80",
        "web",
    ]);
    refused.fails(1);
    refused.says(&[
        "Cannot update container",
        "driver failed programming external connectivity",
    ]);
    refused.says(&[&format!(":{taken} failed: port is already allocated")]);
    let twice = engine.run(&["update", "--publish-add", &format!("{mine}:81"), "web"]);
    twice.fails(1);
    twice.says(&["port is already allocated"]);
    for (flag, spec, sentence) in [
        ("--publish-add", "x", "invalid containerPort: x"),
        ("--publish-add", "1:2:3:4", "invalid IP address: 1:2"),
        ("--publish-rm", "81", "No public port '81/tcp' published for web"),
        (
            "--publish-rm",
            "1:80",
            "No public port '1->80/tcp' published for web",
        ),
    ] {
        let refused = engine.run(&["update", flag, spec, "web"]);
        refused.fails(1);
        assert!(refused.err().contains(sentence), "{spec}: {}", refused.err());
    }
    for (body, status) in [
        (r#"{"PublishAdd":{"x/tcp":null}}"#, 400),
        (r#"{"PublishAdd":{"80/tcp":[{"HostPort":"99999"}]}}"#, 400),
        (r#"{"PublishAdd":{"80/tcp":[{"HostIp":"nowhere"}]}}"#, 400),
        (r#"{"PublishAdd":7}"#, 400),
    ] {
        assert_eq!(
            engine.api("POST", "/containers/web/update", body).status,
            status,
            "{body}"
        );
    }
    assert_eq!(ports(&engine, "web"), (set(&[mine]), set(&[mine])));
    assert_eq!(inspect(&engine, "web")["HostConfig"]["Memory"], 64 << 20);
    assert!(answers(mine));
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "guest",
        "--network",
        "container:web",
        BB,
        "sleep",
        "1000",
    ]);
    let refused = engine.run(&["update", "--publish-add", &format!("{taken}:80"), "guest"]);
    refused.fails(1);
    refused.says(&["port publishing and the container type network mode"]);
}

/// Killed at any moment, the next daemon has the ports that the record says, open and told.
#[test]
fn a_daemon_killed_in_the_middle_leaves_no_half() {
    corten_only!();
    let mut engine = engine();
    let [first, second] = [0, 1].map(|index| engine.slot().port(index));
    server(&engine, "web", &["-p", &format!("{first}:80")]);
    until("it answers", SOON, || answers(first));
    for round in 0..40_u64 {
        let now = ports(&engine, "web").0;
        let (gone, new) = match now == set(&[first]) {
            true => (first, second),
            false => (second, first),
        };
        let body = format!(
            r#"{{"PublishAdd":{{"80/tcp":[{{"HostPort":"{new}"}}]}},"PublishRemove":{{"80/tcp":[{{"HostPort":"{gone}"}}]}}}}"#
        );
        let socket = engine.socket().to_owned();
        let asking = thread::spawn(move || {
            // Whether it is heard is what this is about.
            let _ = http::try_unix(&socket, "POST", "/containers/web/update", body.as_bytes());
        });
        // No condition: any moment of the change is a moment to be killed in.
        thread::sleep(Duration::from_micros(300 + 75 * round));
        engine.corten_mut().kill9();
        asking.join().unwrap();
        engine.corten_mut().restart();
        let (asked, bound) = ports(&engine, "web");
        assert_eq!(asked, bound, "round {round}");
        assert!(asked == set(&[first]) || asked == set(&[second]), "{asked:?}");
        for port in [first, second] {
            assert_eq!(
                answers(port),
                asked == set(&[port]),
                "round {round}: {port} of {asked:?}"
            );
        }
    }
}

/// As the test above, at the two moments that count: the record is behind the network, or the network behind the record.
#[test]
fn the_record_says_what_a_change_cut_short_comes_to() {
    own_words_only!();
    let mut engine = engine();
    let [first, second] = [0, 1].map(|index| engine.slot().port(index));
    server(&engine, "web", &["-p", &format!("{first}:80")]);
    until("it answers", SOON, || answers(first));
    let id = inspect(&engine, "web")["Id"].as_str().unwrap().to_owned();
    let note = engine
        .slot()
        .root()
        .join("exec/containers")
        .join(id)
        .join("note.json");
    let noted = || -> Value { serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap() };
    let with_one = noted();
    engine.ok(&["update", "--publish-add", &format!("{second}:80"), "web"]);
    let with_both = noted();
    assert_ne!(with_one, with_both);
    for (mut left, change, outcome) in [
        (with_one, None, vec![first, second]),
        (with_both, Some(second), vec![first]),
    ] {
        if let Some(gone) = change {
            engine.ok(&["update", "--publish-rm", &format!("{gone}:80"), "web"]);
        }
        engine.corten_mut().kill9();
        left["unsettled"] = true.into();
        std::fs::write(&note, left.to_string()).unwrap();
        engine.corten_mut().restart();
        assert_eq!(ports(&engine, "web"), (set(&outcome), set(&outcome)));
        assert!(answers(first));
        assert_eq!(answers(second), outcome.contains(&second));
        assert_eq!(noted()["unsettled"], false);
    }
}
