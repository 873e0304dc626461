//! `events`: what happened, in order.

use corten_testkit::Engine;

use crate::{BB, SOON, engine, idle, now, wait_for_state};

/// `type action` of all events since a time.
fn since(engine: &Engine, begin: &str, filters: &[&str]) -> Vec<String> {
    let end = now();
    let mut args = vec!["events", "--since", begin, "--until", &end];
    args.extend(filters.iter().flat_map(|filter| ["-f", filter]));
    let text = engine.ok(&args);
    let words = |line: &str| line.split(' ').skip(1).take(2).collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect()
}

#[test]
fn the_life_of_a_container_is_told_in_order() {
    let engine = engine();
    let begin = now();
    engine
        .run(&["run", "--rm", "--name", "box", BB, "sh", "-c", "exit 3"])
        .fails(3);
    let mut told = Vec::new();
    corten_testkit::until("the last event is told", SOON, || {
        told = since(&engine, &begin, &["type=container"]);
        told.last().is_some_and(|event| event == "container destroy")
    });
    assert_eq!(
        told,
        [
            "container create",
            "container attach",
            "container start",
            "container die",
            "container destroy"
        ]
    );
    let network = since(&engine, &begin, &["type=network"]);
    assert_eq!(network, ["network connect", "network disconnect"]);
}

#[test]
fn events_carry_names_images_and_codes() {
    let engine = engine();
    let begin = now();
    let id = engine.ok(&[
        "run", "-d", "--name", "box", "-l", "k=v", BB, "sh", "-c", "exit 3",
    ]);
    wait_for_state(&engine, "box", "exited");
    let end = now();
    let text = engine.ok(&["events", "--since", &begin, "--until", &end, "-f", "event=die"]);
    assert!(text.contains(&format!(" container die {id} (")), "{text}");
    for part in ["exitCode=3", "image=test/busybox:1", "name=box", "k=v"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn removals_of_images_are_told_by_their_ids() {
    let engine = engine();
    let box_id = engine.ok(&["create", BB]);
    engine.ok(&["commit", "-c", "LABEL k=v", &box_id, "own:1"]);
    let id = engine.ok(&["image", "inspect", "-f", "{{.Id}}", "own:1"]);
    let begin = now();
    engine.ok(&["rmi", "own:1"]);
    let end = now();
    let format = "{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}";
    let filter = ["--since", &begin, "--until", &end, "-f", "type=image"];
    let told = engine.ok(&[&["events", "--format", format], filter.as_slice()].concat());
    // One of the image, none of its layers.
    assert_eq!(told, format!("untag {id} {id}\ndelete {id} {id}"));
}

#[test]
fn stop_kill_and_exec_are_told() {
    let engine = engine();
    let begin = now();
    idle(&engine, "box", &[]);
    engine.ok(&["exec", "box", "true"]);
    engine.ok(&["stop", "box"]);
    let mut told = Vec::new();
    corten_testkit::until("the container's end is told", SOON, || {
        told = since(&engine, &begin, &["type=container", "container=box"]);
        told.iter().any(|event| event == "container stop")
    });
    let has = |event: &str| {
        told.iter()
            .any(|one| one.starts_with(&format!("container {event}")))
    };
    for event in [
        "create",
        "start",
        "exec_create:",
        "exec_start:",
        "exec_die",
        "kill",
        "die",
        "stop",
    ] {
        assert!(has(event), "{event} in {told:?}");
    }
    engine.ok(&["rm", "box"]);
    assert_eq!(since(&engine, &begin, &["event=destroy"]), ["container destroy"]);
}

#[test]
fn they_are_streamed_as_they_happen() {
    let engine = engine();
    let stream = engine.spawn(&["events", "-f", "type=container"]);
    // The stream is up when an event of now is seen in it; until then containers are made.
    let mut made = Vec::new();
    corten_testkit::until("an event is streamed", SOON, || {
        made.push(format!("container create {}", engine.ok(&["create", BB, "true"])));
        let told = stream.out();
        made.iter().any(|event| told.contains(event))
    });
}
