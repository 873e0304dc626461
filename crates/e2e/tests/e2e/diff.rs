//! `diff`: what a container changed of its image.

use crate::{BB, corten_only, engine};

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
