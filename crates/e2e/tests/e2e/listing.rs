//! `ps` and `images`: tables and filters.

use corten_testkit::Engine;

use crate::{BB, engine, idle, wait_for_state};

/// The start of each column, by the header.
fn columns(table: &str) -> Vec<&str> {
    let header = table.lines().next().unwrap_or_default();
    header
        .split("   ")
        .map(str::trim)
        .filter(|title| !title.is_empty())
        .collect()
}

#[test]
fn the_table_is_dockers() {
    let engine = engine();
    let publish = format!("127.0.0.1:{}:80", engine.slot().port(0));
    let id = idle(&engine, "one", &["-p", &publish]);
    let table = engine.ok(&["ps"]);
    assert_eq!(
        columns(&table),
        [
            "CONTAINER ID",
            "IMAGE",
            "COMMAND",
            "CREATED",
            "STATUS",
            "PORTS",
            "NAMES"
        ]
    );
    let row = table.lines().nth(1).unwrap();
    assert!(
        row.starts_with(&format!("{}   {BB}   \"sh -c 'trap 'exit 0…\"   ", &id[..12])),
        "{row}"
    );
    assert!(
        row.contains(&format!("   {}->80/tcp   one", publish.trim_end_matches(":80"))),
        "{row}"
    );
    assert!(
        row.contains("Less than a second ago   Up Less than a second") || row.contains(" ago   Up "),
        "{row}"
    );
    assert_eq!(engine.ok(&["ps", "-q"]), id[..12]);
    assert_eq!(engine.ok(&["ps", "-q", "--no-trunc"]), id);
}

#[test]
fn the_dead_are_listed_when_asked_for() {
    let engine = engine();
    engine
        .run(&["run", "--name", "dead", BB, "sh", "-c", "exit 3"])
        .fails(3);
    wait_for_state(&engine, "dead", "exited");
    assert_eq!(engine.ok(&["ps", "-q"]), "");
    let all = engine.ok(&["ps", "-a"]);
    assert!(all.contains("Exited (3) ") && all.ends_with("dead"), "{all}");
    engine.ok(&["create", "--name", "new", BB, "true"]);
    let order: Vec<String> = engine
        .ok(&["ps", "-a"])
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().last().unwrap().to_owned())
        .collect();
    assert_eq!(order, ["new", "dead"], "newest first");
    assert_eq!(
        engine.ok(&["ps", "-l", "-q"]),
        engine.ok(&["ps", "-n", "1", "-q"])
    );
    assert_eq!(engine.ok(&["container", "ls", "-aq"]).lines().count(), 2);
}

#[test]
fn filters_choose() {
    let engine = engine();
    idle(&engine, "up", &["-l", "role=web"]);
    engine
        .run(&[
            "run", "--name", "down", "-l", "role=job", BB, "sh", "-c", "exit 3",
        ])
        .fails(3);
    wait_for_state(&engine, "down", "exited");
    let names = |filters: &[&str]| -> Vec<String> {
        let mut args = vec!["ps", "-a"];
        args.extend(filters.iter().flat_map(|filter| ["-f", filter]));
        let table = engine.ok(&args);
        table
            .lines()
            .skip(1)
            .map(|row| row.split_whitespace().last().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&["status=exited"]), ["down"]);
    assert_eq!(names(&["status=running"]), ["up"]);
    assert_eq!(names(&["exited=3"]), ["down"]);
    assert_eq!(names(&["label=role"]), ["down", "up"]);
    assert_eq!(names(&["label=role=web"]), ["up"]);
    assert_eq!(names(&["name=ow"]), ["down"]);
    assert_eq!(names(&["name=up", "status=exited"]), [""; 0]);
    assert_eq!(names(&[&format!("ancestor={BB}")]), ["down", "up"]);
    let done = engine.run(&["ps", "-f", "status=frob"]);
    done.fails(1);
    done.says(&[
        "nvalid value for status: frob",
        "nvalid filter 'status=frob'",
        "invalid value for status (frob)",
    ]);
}

/// Names of the containers that `ps` with these arguments lists, newest first.
#[track_caller]
fn listed(engine: &Engine, args: &[&str]) -> Vec<String> {
    let mut all = vec!["ps", "--format", "{{.Names}}"];
    all.extend(args);
    engine.ok(&all).lines().map(str::to_owned).collect()
}

#[test]
fn every_filter_chooses() {
    let engine = engine();
    let port = engine.slot().port(0);
    let publish = format!("127.0.0.1:{port}:80");
    let first = idle(
        &engine,
        "first",
        &[
            "-p", &publish, "-v", "data:/d", "--label", "role=web", "--label", "x",
        ],
    );
    engine.ok(&[
        "create",
        "--name",
        "second",
        "-v",
        "/tmp:/host",
        "--network",
        "none",
        BB,
        "true",
    ]);
    engine.ok(&["create", "--name", "third", "--label", "role=db", BB, "true"]);
    let all = |filters: &[&str]| {
        let mut args = vec!["-a"];
        args.extend(filters.iter().flat_map(|filter| ["-f", *filter]));
        listed(&engine, &args)
    };
    let everything = ["third", "second", "first"];
    let nothing: [&str; 0] = [];
    assert_eq!(all(&["before=third"]), ["second", "first"]);
    assert_eq!(all(&["since=first"]), ["third", "second"]);
    assert_eq!(all(&["since=first", "before=third"]), ["second"]);
    assert_eq!(all(&["volume=data"]), ["first"]);
    assert_eq!(all(&["volume=/d"]), ["first"]);
    assert_eq!(all(&["volume=/tmp"]), ["second"]);
    assert_eq!(all(&["volume=/host"]), ["second"]);
    assert_eq!(all(&["volume=dat"]), nothing);
    assert_eq!(all(&["network=none"]), ["second"]);
    let network = engine.ok(&["network", "inspect", "--format", "{{.Id}}", "bridge"]);
    assert_eq!(all(&[&format!("network={}", &network[..12])]), ["first"]);
    assert_eq!(all(&[&format!("publish={port}")]), ["first"]);
    assert_eq!(all(&[&format!("publish={port}/tcp")]), ["first"]);
    assert_eq!(all(&[&format!("publish={port}/udp")]), nothing);
    assert_eq!(all(&[&format!("publish={}-{}", port - 1, port + 1)]), ["first"]);
    assert_eq!(all(&["publish=80"]), nothing, "the host's port counts");
    assert_eq!(all(&["expose=80"]), ["first"]);
    assert_eq!(all(&["expose=70-90/tcp"]), ["first"]);
    assert_eq!(all(&["expose=80/udp"]), nothing);
    assert_eq!(all(&["health=none"]), everything);
    assert_eq!(all(&["health=healthy"]), nothing);
    assert_eq!(all(&["is-task=false"]), everything);
    assert_eq!(all(&["is-task=true"]), nothing);
    assert_eq!(all(&["name=^(first|third)$"]), ["third", "first"]);
    assert_eq!(all(&["name=^/first$"]), ["first"]);
    assert_eq!(all(&["name=ir[sd]"]), ["third", "first"]);
    assert_eq!(all(&["name=("]), nothing);
    assert_eq!(all(&["name=first", "name=second"]), ["second", "first"]);
    assert_eq!(all(&[&format!("id={}", &first[..12])]), ["first"]);
    assert_eq!(all(&["status=created", "status=running"]), everything);
    assert_eq!(all(&["label=role"]), ["third", "first"]);
    assert_eq!(all(&["label=role=web", "label=x"]), ["first"]);
    assert_eq!(
        all(&["label=role=web", "label=role=db"]),
        nothing,
        "labels add up"
    );
    let image = engine.ok(&["inspect", "--format", "{{.Image}}", "first"]);
    assert_eq!(all(&[&format!("ancestor={image}")]), everything);
    assert_eq!(
        all(&[&format!("ancestor={}", &image["sha256:".len()..][..12])]),
        everything
    );
    assert_eq!(all(&["ancestor=nothing"]), nothing);
    assert_eq!(
        listed(&engine, &["-f", "status=created"]),
        ["third", "second"],
        "-a is implied"
    );
    assert_eq!(listed(&engine, &["-f", "exited=0"]), nothing);
    assert_eq!(listed(&engine, &["-n", "2"]), ["third", "second"]);
    assert_eq!(listed(&engine, &["-l"]), ["third"]);
}

#[test]
fn senseless_filters_are_refused() {
    let engine = engine();
    for (filter, sentences) in [
        ("frob=1", &["nvalid filter 'frob'"][..]),
        ("exited=x", &["strconv.Atoi: parsing \"x\": invalid syntax"]),
        (
            "health=fine",
            &[
                "nrecognized filter value for health: fine",
                "nrecognised filter value for health: fine",
            ],
        ),
        (
            "before=nobody",
            &["No such container: nobody", "no such container nobody"],
        ),
        (
            "since=nobody",
            &["No such container: nobody", "no such container nobody"],
        ),
        ("is-task=perhaps", &["nvalid filter 'is-task"]),
        (
            "publish=80:80",
            &["filter for 'publish' should not contain ':': 80:80"],
        ),
        ("expose=x", &["error while looking up for expose x"]),
    ] {
        let done = engine.run(&["ps", "-a", "-f", filter]);
        done.fails(1);
        done.says(sentences);
    }
    let malformed = engine.api("GET", "/containers/json?filters=%5B1%5D", "");
    assert_eq!(malformed.status, 400, "{}", malformed.text());
}

#[test]
fn sizes_are_told_on_demand() {
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "head -c 3000 /dev/zero > /f",
    ]);
    let size = engine.ok(&["ps", "-as", "--format", "{{.Size}}"]);
    assert!(
        size.starts_with("3kB (virtual ") && size.ends_with("MB)"),
        "{size}"
    );
    assert!(columns(&engine.ok(&["ps", "-as"])).contains(&"SIZE"));
    let plain = engine.api("GET", "/containers/json?all=1", "").text();
    assert!(!plain.contains("SizeRw"), "{plain}");
}

#[test]
fn several_are_removed_and_failures_told() {
    let engine = engine();
    for name in ["a1", "b2"] {
        engine.ok(&["create", "--name", name, BB, "true"]);
    }
    idle(&engine, "up", &[]);
    let done = engine.run(&["rm", "a1", "missing", "up", "b2"]);
    done.fails(1);
    assert_eq!(done.out(), "a1\nb2\n");
    done.says(&["No such container: missing"]);
    // The second is an older release's.
    done.says(&["container is running", "cannot remove a running container"]);
    let done = engine.run(&["rm", "-f", "missing", "up"]);
    assert_eq!(done.out(), "up\n");
    assert!(
        done.err().contains("No such container: missing"),
        "{}",
        done.err()
    );
    let waited = engine.run(&["wait", "missing"]);
    waited.fails(1);
    waited.says(&["No such container: missing"]);
}

#[test]
fn images_are_listed_and_removed() {
    let engine = engine();
    let table = engine.ok(&["images", BB]);
    assert!(
        table
            .lines()
            .nth(1)
            .is_some_and(|row| row.starts_with("test/busybox") || row.contains(BB)),
        "{table}"
    );
    engine.ok(&["tag", BB, "other:2"]);
    assert_eq!(
        engine.ok(&["images", "-q", "other"]),
        engine.ok(&["images", "-q", BB])
    );
    assert_eq!(engine.ok(&["rmi", "other:2"]), "Untagged: other:2");
    engine.ok(&["run", "--name", "user", BB, "true"]);
    let done = engine.run(&["rmi", BB]);
    done.fails(1);
    done.says(&[
        "conflict: unable to remove repository reference \"test/busybox:1\" (must force) - container",
    ]);
    engine.ok(&["rm", "user"]);
    let removed = engine.ok(&["rmi", BB]);
    assert!(
        removed.starts_with(&format!("Untagged: {BB}")) && removed.contains("\nDeleted: sha256:"),
        "{removed}"
    );
    assert_eq!(engine.ok(&["images", "-q", BB]), "");
}
