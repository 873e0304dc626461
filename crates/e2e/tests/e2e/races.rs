//! Many clients who want the same thing at the same moment: one gets it, the others are told so, and all agree afterwards.

use std::collections::BTreeSet;
use std::sync::Barrier;

use corten_testkit::Engine;
use serde_json::json;

use crate::{BB, SOON, corten_only, engine, idle};

/// Does the same from `count` threads at once; gives what each got.
fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(count);
    let (barrier, work) = (&barrier, &work);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|index| {
                scope.spawn(move || {
                    barrier.wait();
                    work(index)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn post(engine: &Engine, path: &str, body: &str) -> u16 {
    engine.api("POST", &format!("/v1.41{path}"), body).status
}

fn sleeper() -> String {
    json!({ "Image": BB, "Cmd": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"] }).to_string()
}

#[test]
fn one_of_many_gets_the_name() {
    let engine = engine();
    let body = sleeper();
    let got = at_once(64, |_| post(&engine, "/containers/create?name=wanted", &body));
    assert_eq!(got.iter().filter(|status| **status == 201).count(), 1, "{got:?}");
    assert!(got.iter().all(|status| matches!(status, 201 | 409)), "{got:?}");
    assert_eq!(engine.ok(&["ps", "-a", "--format", "{{.Names}}"]), "wanted");
    // Renames into one name: the same rule.
    for index in 0..8 {
        engine.ok(&["create", "--name", &format!("c{index}"), BB, "true"]);
    }
    let got = at_once(8, |index| {
        post(&engine, &format!("/containers/c{index}/rename?name=prize"), "")
    });
    assert_eq!(got.iter().filter(|status| **status == 204).count(), 1, "{got:?}");
    let names = engine.ok(&["ps", "-a", "--format", "{{.Names}}"]);
    let names: BTreeSet<&str> = names.lines().collect();
    assert_eq!((names.len(), names.contains("prize")), (9, true), "{names:?}");
    // All kinds of looking for it find the same one.
    let id = crate::inspect(&engine, "prize")["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        engine.ok(&["ps", "-aq", "--no-trunc", "--filter", "name=^prize$"]),
        id
    );
}

#[test]
fn a_container_is_started_once() {
    let engine = engine();
    for round in 0..5 {
        let name = format!("box{round}");
        assert_eq!(
            post(&engine, &format!("/containers/create?name={name}"), &sleeper()),
            201
        );
        let got = at_once(12, |_| post(&engine, &format!("/containers/{name}/start"), ""));
        assert_eq!(got.iter().filter(|status| **status == 204).count(), 1, "{got:?}");
        assert!(got.iter().all(|status| matches!(status, 204 | 304)), "{got:?}");
        let got = at_once(6, |_| post(&engine, &format!("/containers/{name}/stop?t=20"), ""));
        assert!(got.iter().all(|status| matches!(status, 204 | 304)), "{got:?}");
        assert_eq!(crate::inspect(&engine, &name)["State"]["Status"], "exited");
    }
    // A whole second: the one that runs may be asked for only when it is over, so up to the end of the next.
    let now: u64 = engine.ok(&["run", "--rm", BB, "date", "+%s"]).parse().unwrap();
    let filter = "%7B%22event%22%3A%5B%22start%22%5D%2C%22container%22%3A%5B%22box0%22%5D%7D";
    let events = engine.api(
        "GET",
        &format!("/v1.41/events?since=0&until={}&filters={filter}", now + 1),
        "",
    );
    assert_eq!(events.text().lines().count(), 1, "{}", events.text());
}

#[test]
fn a_removal_and_a_start_do_not_meet_half_way() {
    corten_only!();
    let engine = engine();
    engine.ok(&["run", "--rm", BB, "true"]);
    for round in 0..12 {
        assert_eq!(post(&engine, "/containers/create?name=box", &sleeper()), 201);
        let got = at_once(4, |index| match (index + round) % 4 {
            0 => engine.api("DELETE", "/v1.41/containers/box?force=1", "").status,
            1 => post(&engine, "/containers/box/start", ""),
            2 => post(&engine, "/containers/box/stop?t=0", ""),
            _ => post(&engine, "/containers/box/rename?name=other", ""),
        });
        assert!(
            got.iter().all(|status| matches!(status, 204 | 304 | 404 | 409)),
            "{got:?}"
        );
        // Whatever the order was: another removal leaves nothing.
        for name in ["box", "other"] {
            let status = engine
                .api("DELETE", &format!("/v1.41/containers/{name}?force=1"), "")
                .status;
            assert!(matches!(status, 204 | 404), "{status}");
        }
        assert_eq!(engine.ok(&["ps", "-aq"]), "");
    }
    engine.corten().assert_no_container_left();
}

#[test]
fn who_enters_a_container_that_ends_is_told_so() {
    let engine = engine();
    for _ in 0..4 {
        idle(&engine, "box", &[]);
        let done = at_once(9, |index| match index {
            0 => {
                // No condition: the end is to come while the others are on their way in.
                std::thread::sleep(std::time::Duration::from_millis(15));
                engine.run(&["kill", "box"])
            }
            _ => engine.run(&["exec", "box", "sh", "-c", "sleep 0.02; exit 7"]),
        });
        for one in &done[1..] {
            // It ran to its end, was killed with the container, or came too late.
            assert!(matches!(one.code(), 7 | 137 | 1 | 126 | 128 | 255), "{one}");
        }
        crate::wait_for_state(&engine, "box", "exited");
        engine.ok(&["rm", "box"]);
    }
}

#[test]
fn what_is_asked_of_a_container_that_ends_is_no_fault_of_the_engine() {
    corten_only!();
    let engine = engine();
    for round in 0..30 {
        idle(&engine, "box", &[]);
        let pid = crate::pid_of(&engine, "box");
        let got = at_once(7, |index| match index {
            0 => {
                // Sooner and later, so that the others are at different points.
                std::thread::sleep(std::time::Duration::from_micros(400 * round));
                crate::end_process(pid);
                200
            }
            // What enters a paused container waits for its end.
            1 if round % 2 == 0 => post(&engine, "/containers/box/pause", ""),
            3 if round % 2 == 0 => post(&engine, "/commit?container=box&repo=made", "{}"),
            1 => {
                let body = r#"{"Cmd": ["true"]}"#;
                let created = engine.api("POST", "/v1.41/containers/box/exec", body);
                match created.json()["Id"].as_str() {
                    Some(id) => post(&engine, &format!("/exec/{id}/start"), r#"{"Detach": true}"#),
                    None => created.status,
                }
            }
            2 => engine.api("GET", "/v1.41/containers/box/json", "").status,
            3 => post(&engine, "/commit?container=box&repo=made&pause=0", "{}"),
            4 => post(
                &engine,
                "/containers/box/update",
                r#"{"Memory": 67108864, "MemorySwap": -1}"#,
            ),
            5 => {
                let path = "/v1.41/containers/box/archive?path=/etc";
                engine.api("GET", path, "").status
            }
            _ => post(&engine, "/containers/box/resize?h=5&w=5", ""),
        });
        for (index, status) in got.iter().enumerate().filter(|(index, _)| *index != 6) {
            assert!(matches!(status, 200..=204 | 409), "{index}: {got:?}");
        }
        engine.ok(&["rm", "-f", "box"]);
    }
    let log = engine.corten().log();
    assert!(!log.contains("stays paused after a commit"), "{log}");
}

#[test]
fn everybody_who_waits_hears_the_same() {
    let engine = engine();
    let id = engine.ok(&["create", "--name", "box", BB, "sh", "-c", "sleep 0.3; exit 42"]);
    let got = at_once(20, |index| {
        if index == 0 {
            engine.run(&["start", "box"]).code()
        } else {
            let path = format!("/v1.41/containers/{id}/wait?condition=next-exit");
            let answer = engine.api("POST", &path, "").json();
            i32::try_from(answer["StatusCode"].as_i64().unwrap()).unwrap()
        }
    });
    assert_eq!(got[0], 0);
    assert!(got[1..].iter().all(|code| *code == 42), "{got:?}");
    engine.ok(&["rm", "box"]);
}

#[test]
fn images_and_volumes_are_not_pulled_from_under_a_create() {
    corten_only!();
    let engine = engine();
    for _ in 0..6 {
        engine.ok(&["tag", BB, "other:1"]);
        let body = json!({ "Image": "other:1", "Cmd": ["true"], "HostConfig": { "Binds": ["shared:/v"] } })
            .to_string();
        let got = at_once(6, |index| match index {
            0 => engine.api("DELETE", "/v1.41/images/other:1", "").status,
            1 => engine.api("DELETE", "/v1.41/volumes/shared", "").status,
            _ => post(&engine, "/containers/create", &body),
        });
        assert!(
            got.iter()
                .all(|status| matches!(status, 200 | 201 | 204 | 404 | 409)),
            "{got:?}"
        );
        let ids = engine.ok(&["ps", "-aq"]);
        for id in ids.lines() {
            // What was created can be run, whatever was removed beside it.
            assert_eq!(engine.run(&["start", "-a", id]).code(), 0);
            engine.ok(&["rm", id]);
        }
    }
    corten_testkit::until("nothing is left", SOON, || engine.ok(&["ps", "-aq"]).is_empty());
}

#[test]
fn only_one_of_two_removals_succeeds() {
    let engine = engine();
    for force in [&[][..], &["-f"]] {
        engine.ok(&["create", "--name", "box", BB, "true"]);
        let done = engine.run(&[&["rm"], force, &["box", "box"]].concat());
        assert_eq!(done.out().trim(), "box", "{done}");
        let late = "Error response from daemon: removal of container box is already in progress";
        let too_late = "Error response from daemon: No such container: box";
        match done.err().trim() {
            text if text == late => assert_eq!(done.code(), 1),
            // With -f nothing is what was wished for.
            text if text == too_late => assert_eq!(done.code(), i32::from(force.is_empty())),
            _ => panic!("{done}"),
        }
    }
}
