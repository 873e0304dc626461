//! `ps` and `images`: tables and filters.

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
