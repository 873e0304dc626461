//! The prunes: what nobody uses goes, what somebody uses stays, and one is asked first.

use crate::{BB, corten_only, engine, idle};

#[test]
fn stopped_containers_go() {
    let engine = engine();
    idle(&engine, "up", &[]);
    engine.ok(&[
        "run",
        "--name",
        "down",
        "-l",
        "keep",
        BB,
        "sh",
        "-c",
        "head -c 3000 /dev/zero > /f",
    ]);
    let id = engine.ok(&["create", "--name", "new", BB, "true"]);
    let spared = engine.ok(&["container", "prune", "-f", "--filter", "until=1h"]);
    assert_eq!(spared, "Total reclaimed space: 0B");
    let gone = engine.ok(&["container", "prune", "-f", "--filter", "label!=keep"]);
    assert_eq!(
        gone,
        format!("Deleted Containers:\n{id}\n\nTotal reclaimed space: 0B")
    );
    let answer = engine.api("POST", "/containers/prune", "");
    let text = answer.text();
    assert!(text.contains(r#""SpaceReclaimed":3000"#), "{text}");
    let answer = engine.api("POST", "/containers/prune", "");
    assert_eq!(
        answer.text().trim(),
        r#"{"ContainersDeleted":null,"SpaceReclaimed":0}"#
    );
    let names = engine.ok(&["ps", "-a", "--format", "{{.Names}}"]);
    assert_eq!(names, "up");
    let wrong = engine.api(
        "POST",
        "/containers/prune?filters=%7B%22frob%22%3A%5B%22x%22%5D%7D",
        "",
    );
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("nvalid filter 'frob'"), "{}", wrong.text());
}

#[test]
fn volumes_without_users_go() {
    corten_only!();
    let engine = engine();
    engine.ok(&["volume", "create", "named"]);
    engine.ok(&[
        "run",
        "--name",
        "box",
        "-v",
        "/x",
        "-v",
        "used:/y",
        BB,
        "sh",
        "-c",
        "echo hi > /x/f",
    ]);
    assert_eq!(engine.ok(&["volume", "prune", "-f"]), "Total reclaimed space: 0B");
    engine.ok(&["rm", "box"]);
    let gone = engine.ok(&["volume", "prune", "-f"]);
    assert!(
        gone.starts_with("Deleted Volumes:\n") && gone.ends_with("\n\nTotal reclaimed space: 3B"),
        "{gone}"
    );
    assert_eq!(
        engine.ok(&["volume", "ls", "-q"]),
        "named\nused",
        "named ones stay"
    );
    let old = engine.api("POST", "/v1.41/volumes/prune", "");
    assert_eq!(
        old.text().trim(),
        r#"{"VolumesDeleted":["named","used"],"SpaceReclaimed":0}"#,
        "older clients mean them, too"
    );
    engine.ok(&["volume", "create", "--label", "a=b", "marked"]);
    let gone = engine.ok(&["volume", "prune", "-af", "--filter", "label=a=b"]);
    assert_eq!(gone, "Deleted Volumes:\nmarked\n\nTotal reclaimed space: 0B");
}

#[test]
fn images_without_containers_go() {
    let engine = engine();
    idle(&engine, "box", &[]);
    engine.ok(&["tag", BB, "other:1"]);
    // Of an image in use the last name stays.
    assert_eq!(
        engine.ok(&["image", "prune", "-af"]),
        "Deleted Images:\nuntagged: other:1\n\nTotal reclaimed space: 0B"
    );
    assert_eq!(engine.ok(&["image", "prune", "-af"]), "Total reclaimed space: 0B");
    engine.ok(&["rm", "-f", "box"]);
    engine.ok(&["tag", BB, "other:1"]);
    assert_eq!(
        engine.ok(&["image", "prune", "-f"]),
        "Total reclaimed space: 0B",
        "it has a tag"
    );
    let gone = engine.ok(&["image", "prune", "-af"]);
    for line in [
        &format!("untagged: {BB}"),
        "untagged: other:1",
        "deleted: sha256:",
    ] {
        assert!(gone.contains(line), "{line} in {gone}");
    }
    assert!(!gone.contains("Total reclaimed space: 0B"), "{gone}");
    assert_eq!(engine.ok(&["images", "-q"]), "");
}

#[test]
fn everything_at_once() {
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "box",
        "-v",
        "/x",
        BB,
        "sh",
        "-c",
        "echo hi > /x/f",
    ]);
    let gone = engine.ok(&["system", "prune", "-f"]);
    assert!(
        gone.starts_with("Deleted Containers:\n") && gone.contains("Total reclaimed space: "),
        "{gone}"
    );
    assert_eq!(engine.ok(&["volume", "ls", "-q"]).lines().count(), 1);
    let gone = engine.ok(&["system", "prune", "-af", "--volumes"]);
    assert!(
        gone.contains("Deleted Volumes:\n") && gone.contains("Deleted Images:\n"),
        "{gone}"
    );
    assert_eq!(engine.ok(&["images", "-q"]), "");
    let done = engine.run(&["system", "prune", "-f", "--volumes", "--filter", "until=1h"]);
    done.fails(1);
    done.says(&["ERROR: The \"until\" filter is not supported with \"--volumes\""]);
    assert_eq!(engine.ok(&["network", "prune", "-f"]), "");
    assert_eq!(
        engine.ok(&["system", "prune", "-f", "--filter", "label=x"]),
        "Total reclaimed space: 0B"
    );
}

#[test]
fn one_is_asked_first() {
    let engine = engine();
    engine.ok(&["create", "--name", "box", BB, "true"]);
    let answered = |args: &[&str], answer: &str| {
        let mut asked = engine.spawn(args);
        asked.write(answer.as_bytes());
        let done = asked.finish(crate::SOON);
        assert_eq!(done.code(), 0, "{done}");
        done.out()
    };
    let said = answered(&["container", "prune"], "n\n");
    assert_eq!(
        said,
        "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] "
    );
    let said = answered(&["system", "prune", "-a", "--filter", "label=x"], "\n");
    assert_eq!(
        said,
        "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n  \
         - all images without at least one container associated to them\n  - all build cache\n\n  \
         Items to be pruned will be filtered with:\n  - label=x\n\nAre you sure you want to continue? [y/N] "
    );
    for (args, which) in [
        (&["image", "prune"][..], "all dangling images."),
        (
            &["image", "prune", "-a"],
            "all images without at least one container associated to them.",
        ),
        (
            &["volume", "prune"],
            "anonymous local volumes not used by at least one container.",
        ),
        (
            &["volume", "prune", "-a"],
            "all local volumes not used by at least one container.",
        ),
        (
            &["network", "prune"],
            "all custom networks not used by at least one container.",
        ),
    ] {
        let said = answered(args, "");
        assert!(
            said.starts_with(&format!("WARNING! This will remove {which}\n")),
            "{said}"
        );
    }
    assert_eq!(engine.ok(&["ps", "-aq"]).lines().count(), 1);
    assert!(answered(&["container", "prune"], "y\n").contains("Deleted Containers:\n"));
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn prunes_do_not_run_twice_at_once() {
    let engine = engine();
    for number in 0..12 {
        engine.ok(&["create", "--name", &format!("box{number}"), BB, "true"]);
    }
    let answers: Vec<(u16, String)> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let answer = engine.api("POST", "/containers/prune", "");
                    (answer.status, answer.text())
                })
            })
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().any(|(status, _)| *status == 200), "{answers:?}");
    for (status, text) in &answers {
        let busy = *status == 409 && text.contains("a prune operation is already running");
        assert!(*status == 200 || busy, "{status} {text}");
    }
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn prunes_are_told_as_events() {
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
    for kind in ["container", "network", "volume", "image"] {
        engine.ok(&[kind, "prune", "-f"]);
    }
    let told = engine.ok(&[
        "events",
        "--since",
        "1h",
        // Docker's command line cuts times to seconds, so now would be before the events.
        "--until",
        "-2s",
        "--filter",
        "event=prune",
        "--format",
        "{{.Type}} {{.Action}} {{.Actor.Attributes.reclaimed}}",
    ]);
    assert_eq!(
        told,
        "container prune 3000\nnetwork prune 0\nvolume prune 0\nimage prune 0"
    );
}

#[test]
fn senseless_prunes_are_refused() {
    let engine = engine();
    for (args, sentence) in [
        (
            &["container", "prune", "-f", "--filter", "until=soon"][..],
            "soon",
        ),
        (
            &[
                "container",
                "prune",
                "-f",
                "--filter",
                "until=1h",
                "--filter",
                "until=2h",
            ],
            "more than one until filter specified",
        ),
        (
            &["volume", "prune", "-f", "--filter", "until=1h"],
            "nvalid filter 'until'",
        ),
        (
            &["image", "prune", "-f", "--filter", "frob=1"],
            "nvalid filter 'frob'",
        ),
        (
            &["network", "prune", "-f", "--filter", "frob=1"],
            "nvalid filter 'frob'",
        ),
        (
            &["container", "prune", "-f", "--filter", "frob"],
            "bad format of filter",
        ),
    ] {
        let done = engine.run(args);
        assert_ne!(done.code(), 0, "{args:?}");
        done.says(&[sentence, "invalid argument \"frob\" for \"--filter\""]);
    }
}
