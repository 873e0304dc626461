//! `commit`: an image of what a container changed; `import`: one of an archive; and what is known of such images.

use std::process::Command;

use corten_testkit::{Engine, run, until};
use serde_json::Value;

use crate::{BB, SOON, corten_only, engine, idle, inspect};

fn layers(engine: &Engine, image: &str) -> Vec<Value> {
    inspect(engine, image)["RootFS"]["Layers"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn only_what_changed_is_in_the_new_layer() {
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "echo x > /made && rm /etc/group && echo y >> /data/seed",
    ]);
    let id = engine.ok(&[
        "commit",
        "-a",
        "Me <me@x>",
        "-m",
        "a change",
        "-c",
        "CMD [\"cat\", \"/made\"]",
        "-c",
        "ENV A=1 B=two",
        "--change",
        "EXPOSE 80",
        "-c",
        "LABEL l=v",
        "-c",
        "WORKDIR /data",
        "box",
        "test/new:1",
    ]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(engine.ok(&["run", "--rm", "test/new:1"]), "x");
    assert_eq!(
        engine.ok(&[
            "run",
            "--rm",
            "test/new:1",
            "sh",
            "-c",
            "cat seed; ls /etc/group 2>/dev/null; echo $A$B"
        ]),
        "from the image\ny\n1two"
    );
    let (base, new) = (layers(&engine, BB), layers(&engine, "test/new:1"));
    assert_eq!(new.len(), base.len() + 1);
    assert_eq!(new[..base.len()], base[..], "the layers below are the same");
    let seen = inspect(&engine, "test/new:1");
    assert_eq!(
        (&seen["Author"], &seen["Comment"]),
        (&"Me <me@x>".into(), &"a change".into())
    );
    assert_eq!(seen["Config"]["Labels"]["l"], "v");
    assert!(seen["Config"]["ExposedPorts"]["80/tcp"].is_object());
    assert_eq!(seen["Id"], id);
    let history = engine.ok(&[
        "history",
        "--no-trunc",
        "--format",
        "{{.ID}}|{{.Comment}}|{{.Size}}",
        "test/new:1",
    ]);
    let newest = history.lines().next().unwrap();
    assert_eq!(
        newest,
        format!("{id}|a change|19B"),
        "only the changed files count: {history}"
    );
    // Without a name, without changes: a step without a layer.
    engine.ok(&["create", "--name", "idle", BB, "true"]);
    let same = engine.ok(&["commit", "idle"]);
    assert_eq!(layers(&engine, &same).len(), base.len());
}

#[test]
fn running_containers_are_paused_meanwhile() {
    let engine = engine();
    idle(&engine, "box", &["-v", "vol1:/vol"]);
    engine.ok(&[
        "exec",
        "box",
        "sh",
        "-c",
        "echo 1 > /made; echo 2 > /vol/not-in-image",
    ]);
    for flag in ["--pause=true", "--pause=false"] {
        let id = engine.ok(&["commit", flag, "box", "test/running"]);
        let seen = engine.ok(&[
            "run",
            "--rm",
            "--entrypoint",
            "sh",
            &id,
            "-c",
            "cat /made; ls /vol",
        ]);
        assert_eq!(seen, "1");
    }
    // It goes on afterwards.
    assert_eq!(engine.ok(&["exec", "box", "cat", "/made"]), "1");
    let done = engine.run(&["commit", "-c", "RUN x", "box"]);
    done.fails(1);
    done.says(&[
        "RUN is not a valid change command",
        "run is not a valid change command",
    ]);
    engine.run(&["commit", "nope"]).says(&["No such container: nope"]);
}

#[test]
fn images_stay_while_others_are_built_on_them() {
    let engine = engine();
    engine.ok(&["run", "--name", "box", BB, "sh", "-c", "echo 1 > /one"]);
    let parent = engine.ok(&["commit", "box", "test/parent"]);
    engine.ok(&[
        "run",
        "--name",
        "box2",
        "test/parent",
        "sh",
        "-c",
        "echo 2 > /two",
    ]);
    let child = engine.ok(&["commit", "box2", "test/child"]);
    engine.ok(&["rm", "box", "box2"]);
    assert_eq!(inspect(&engine, "test/child")["Parent"], parent);
    let done = engine.run(&["rmi", "-f", &parent]);
    done.fails(1);
    done.says(&["(cannot be forced) - image has dependent child images"]);
    assert_eq!(engine.ok(&["rmi", "test/parent"]), "Untagged: test/parent:latest");
    assert!(
        !engine.ok(&["images", "-q", "--no-trunc"]).contains(&parent),
        "intermediate ones are hidden"
    );
    assert!(engine.ok(&["images", "-aq", "--no-trunc"]).contains(&parent));
    let removed = engine.ok(&["rmi", "test/child"]);
    for line in [format!("Deleted: {child}"), format!("Deleted: {parent}")] {
        assert!(removed.contains(&line), "{line} in {removed}");
    }
    assert_eq!(engine.run(&["inspect", &parent]).code(), 1);
}

#[test]
fn exported_containers_come_back_as_images() {
    let engine = engine();
    engine.ok(&["run", "--name", "box", BB, "sh", "-c", "echo made > /made"]);
    let dir = engine.scratch("import");
    let archive = dir.join("root.tar").display().to_string();
    engine.ok(&["export", "-o", &archive, "box"]);
    let id = engine.ok(&[
        "import",
        "-c",
        "CMD [\"cat\",\"/made\"]",
        "-m",
        "hello",
        &archive,
        "test/imported:2",
    ]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(engine.ok(&["run", "--rm", "test/imported:2"]), "made");
    assert_eq!(inspect(&engine, "test/imported:2")["Comment"], "hello");
    assert_eq!(layers(&engine, "test/imported:2").len(), 1);
    run(Command::new("gzip").arg(&archive), SOON).ok();
    let mut import = engine.spawn(&["import", "-", "test/imported:3"]);
    import.write(&std::fs::read(dir.join("root.tar.gz")).unwrap());
    import.finish(SOON).ok();
    assert_eq!(
        layers(&engine, "test/imported:3"),
        layers(&engine, "test/imported:2")
    );
    assert_eq!(inspect(&engine, "test/imported:3")["Comment"], "Imported from -");
    until("the import is told of", SOON, || {
        let events = engine.ok(&[
            "events",
            "--since",
            "0",
            "--until",
            "1s",
            "--filter",
            "type=image",
        ]);
        events.contains("image import") || engine.speaks_docker()
    });
}

#[test]
fn a_daemon_killed_during_a_commit_leaves_nothing_paused() {
    corten_only!();
    let mut engine = engine();
    idle(&engine, "box", &[]);
    engine.ok(&[
        "exec",
        "box",
        "dd",
        "if=/dev/urandom",
        "of=/big",
        "bs=1M",
        "count=300",
    ]);
    let paused = |engine: &Engine| inspect(engine, "box")["State"]["Paused"] == true;
    let committing = engine.spawn(&["commit", "box", "test/cut:1"]);
    until("it is paused", crate::SOON, || paused(&engine));
    engine.corten_mut().kill9();
    committing.finish(crate::SOON).fails(1);
    engine.corten_mut().restart();
    assert!(!paused(&engine));
    assert_eq!(engine.ok(&["exec", "box", "echo", "on"]), "on");
    // A pause of the user's stays.
    engine.ok(&["pause", "box"]);
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    assert!(paused(&engine));
    engine.ok(&["unpause", "box"]);
}
