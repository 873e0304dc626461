//! `diff`: what a container changed of its image.

use corten_testkit::{Engine, eventually};

use crate::{BB, SOON, corten_only, engine};

#[test]
fn changes_are_listed() {
    let engine = engine();
    let script = "echo x > /added; echo more >> /data/seed; rm /etc/group; mkdir -p /new/deep; echo y > /new/deep/f; \
                  rm -r /home/app; mkdir /home/app; echo z > /home/app/z; chmod 700 /tmp";
    engine.ok(&["run", "--name", "box", BB, "sh", "-c", script]);
    let mut lines: Vec<String> = engine.ok(&["diff", "box"]).lines().map(str::to_owned).collect();
    if corten_testkit::Engine::is_reference() {
        lines.sort_by(|a, b| a[2..].cmp(&b[2..]));
    }
    assert_eq!(
        lines,
        [
            "A /added",
            "C /data",
            "C /data/seed",
            "C /etc",
            "D /etc/group",
            "C /home",
            "C /home/app",
            "A /home/app/z",
            "A /new",
            "A /new/deep",
            "A /new/deep/f",
            "C /tmp",
        ]
    );
    assert_eq!(
        engine.ok(&["container", "diff", "box"]).lines().count(),
        lines.len()
    );
}

#[test]
fn what_is_the_same_is_no_change() {
    let engine = engine();
    engine.ok(&["create", "--name", "box", BB, "true"]);
    assert_eq!(engine.ok(&["diff", "box"]), "");
    assert_eq!(
        engine.api("GET", "/containers/box/changes", "").text().trim(),
        "null"
    );
    // Mount points that the runtime makes are none of the container's doing.
    engine.ok(&["start", "-a", "box"]);
    assert_eq!(engine.ok(&["diff", "box"]), "");
    engine.ok(&[
        "run",
        "--name",
        "same",
        BB,
        "sh",
        "-c",
        "cp /data/seed /tmp/x && rm /tmp/x && touch -c /nothing",
    ]);
    assert_eq!(engine.ok(&["diff", "same"]), "");
    let done = engine.run(&["diff", "nope"]);
    done.fails(1);
    done.says(&["No such container: nope"]);
}

#[test]
fn a_directory_made_anew_hides_the_old_one() {
    corten_only!();
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "rm -r /data && mkdir /data && echo n > /data/new",
    ]);
    assert_eq!(engine.ok(&["diff", "box"]), "C /data\nA /data/new\nD /data/seed");
}

/// Nests directories as a program in the container could: with a file of a thousand bytes at the bottom.
fn nest(engine: &Engine, container: &str, depth: usize) {
    let upper = engine.ok(&["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", container]);
    let script = "import os, sys\nos.chdir(sys.argv[1])\nfor i in range(int(sys.argv[2])):\n    os.mkdir('d')\n    os.chdir('d')\n\
                  open('f', 'w').write('x' * 1000)\n";
    let made = std::process::Command::new("python3")
        .args(["-c", script, &upper, &depth.to_string()])
        .status();
    assert!(made.unwrap().success());
}

#[test]
fn deep_trees_are_walked() {
    corten_only!();
    let engine = engine();
    for name in ["deep", "deeper"] {
        engine.ok(&["create", "--name", name, BB, "true"]);
    }
    // As deep as paths reach, almost; and far deeper than any path is long.
    nest(&engine, "deep", 2000);
    nest(&engine, "deeper", 5000);
    let size = |name: &str| engine.ok(&["inspect", "-s", "-f", "{{.SizeRw}}", name]);
    assert_eq!((size("deep"), size("deeper")), ("1000".into(), "1000".into()));
    let diff = |name: &str| engine.ok(&["diff", name]);
    assert_eq!(diff("deep").lines().count(), 2001);
    // No program could name what is below.
    assert_eq!(diff("deeper").lines().count(), 2047);
    engine.ok(&["commit", "deep", "test/deep:1"]);
    let bottom = format!("/{}f", "d/".repeat(2000));
    assert_eq!(
        engine.ok(&["run", "--rm", "test/deep:1", "wc", "-c", &bottom]),
        format!("1000 {bottom}")
    );
    let done = engine.run(&["commit", "deeper"]);
    done.fails(1);
    done.says(&["file name too long"]);
    engine.ok(&["rm", "deep", "deeper"]);
    // Their files go in the background; the test's own clearing up could not remove them.
    let trash = engine.slot().root().join("data/overlay/trash");
    let is_empty = || std::fs::read_dir(&trash).unwrap().next().is_none().then_some(());
    eventually(2 * SOON, is_empty).unwrap();
}
