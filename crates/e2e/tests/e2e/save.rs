//! `save`: archives that Corten, Docker and skopeo read, with the same identifiers.

use std::path::Path;
use std::process::Command;

use corten_testkit::{Dockerd, Engine, Terminal, run};
use serde_json::Value;

use crate::{BB, SOON, corten_only, engine, inspect};

fn id(engine: &Engine, image: &str) -> String {
    inspect(engine, image)["Id"].as_str().unwrap().to_owned()
}

fn read(archive: &Path, name: &str) -> Value {
    let file = run(Command::new("tar").arg("-xOf").arg(archive).arg(name), SOON);
    file.ok();
    serde_json::from_slice(&file.stdout).unwrap()
}

fn skopeo(from: &str, to: &str) {
    run(
        Command::new("skopeo").args(["copy", "--quiet", "--insecure-policy", from, to]),
        SOON,
    )
    .ok();
}

#[test]
fn saved_images_are_loaded_again() {
    let engine = engine();
    engine.ok(&["run", "--name", "box", BB, "sh", "-c", "echo 1 > /one"]);
    engine.ok(&["commit", "-c", "CMD cat /one", "box", "test/second:1"]);
    engine.ok(&["tag", "test/second:1", "test/second:2"]);
    let archive = engine.scratch("save").join("all.tar");
    let path = archive.display().to_string();
    // A repository's name means all its tags; layers that images share are in it once.
    engine.ok(&["save", "-o", &path, "test/second", BB]);
    let (busybox, second) = (id(&engine, BB), id(&engine, "test/second:1"));
    let manifest = read(&archive, "manifest.json");
    let mut tags: Vec<String> = manifest
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|image| image["RepoTags"].as_array().unwrap())
        .map(|tag| tag.as_str().unwrap().to_owned())
        .collect();
    tags.sort();
    assert_eq!(tags, [BB, "test/second:1", "test/second:2"]);
    if !Engine::is_reference() {
        assert_eq!(
            read(&archive, "index.json")["manifests"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
        assert_eq!(read(&archive, "oci-layout")["imageLayoutVersion"], "1.0.0");
    }
    engine.ok(&["rm", "box"]);
    engine.ok(&["rmi", "test/second:1", "test/second:2", BB]);
    let said = engine.load(&archive);
    for tag in &tags {
        assert!(said.contains(&format!("Loaded image: {tag}")), "{said}");
    }
    assert_eq!(
        (id(&engine, BB), id(&engine, "test/second:2")),
        (busybox.clone(), second)
    );
    assert_eq!(engine.ok(&["run", "--rm", "test/second:2"]), "1");
    // By identifier it has no name.
    let mut load = engine.spawn(&["load"]);
    load.write(&engine.run(&["save", &busybox]).stdout);
    assert_eq!(load.finish(SOON).ok(), format!("Loaded image ID: {busybox}"));
    let done = engine.run(&["save", "nope"]);
    done.fails(1);
    done.says(&["No such image: nope", "reference does not exist"]);
}

#[test]
fn terminals_are_refused() {
    let engine = engine();
    let terminal = Terminal::start(&engine.command(&["save", BB]), 80, 24);
    terminal.expect("cowardly refusing to save to a terminal", SOON);
    let done = engine.run(&["save", "-o", "/nonexistent/x", BB]);
    done.fails(1);
    done.says(&["failed to save image: invalid output path: stat /nonexistent: no such file or directory"]);
}

#[test]
fn other_tools_read_what_is_saved() {
    corten_only!();
    let engine = engine();
    let dir = engine.scratch("save");
    engine.ok(&["run", "--name", "box", BB, "sh", "-c", "echo 1 > /one"]);
    engine.ok(&["commit", "box", "test/plain:1"]);
    // The same image with its layers compressed in both ways.
    for format in ["gzip", "zstd"] {
        let (plain, packed) = (dir.join("plain.tar"), dir.join(format));
        engine.ok(&["save", "-o", &plain.display().to_string(), "test/plain:1"]);
        let mut copy = Command::new("skopeo");
        copy.args([
            "copy",
            "--quiet",
            "--insecure-policy",
            "--dest-compress-format",
            format,
        ])
        .arg(format!("docker-archive:{}", plain.display()))
        .arg(format!("oci-archive:{}:test/{format}:1", packed.display()));
        run(&mut copy, SOON).ok();
        engine.load(&packed);
    }
    let dockerd = Dockerd::start();
    for name in ["test/plain:1", "test/gzip:1", "test/zstd:1"] {
        let archive = dir.join("out.tar");
        let path = archive.display().to_string();
        let _ = std::fs::remove_file(&archive);
        engine.ok(&["save", "-o", &path, name]);
        let loaded = run(&mut dockerd.docker_command(&["load", "-i", &path]), SOON).ok();
        assert_eq!(loaded, format!("Loaded image: {name}"));
        let seen = run(
            &mut dockerd.docker_command(&["inspect", "-f", "{{.Id}}", name]),
            SOON,
        )
        .ok();
        assert_eq!(seen, id(&engine, name), "the identifier stays");
        let out = run(
            &mut dockerd.docker_command(&["run", "--rm", "--network", "none", name, "cat", "/one"]),
            SOON,
        );
        assert_eq!(out.ok(), "1");
        // skopeo: as a docker-archive and, unpacked, as an OCI layout.
        skopeo(
            &format!("docker-archive:{path}"),
            &format!("dir:{}", dir.join("as-docker").display()),
        );
        let layout = dir.join("layout");
        let _ = std::fs::remove_dir_all(&layout);
        std::fs::create_dir(&layout).unwrap();
        run(
            Command::new("tar")
                .arg("-xf")
                .arg(&archive)
                .arg("-C")
                .arg(&layout),
            SOON,
        )
        .ok();
        let again = dir.join("again.tar");
        let _ = std::fs::remove_file(&again);
        skopeo(
            &format!("oci:{}", layout.display()),
            &format!("docker-archive:{}:test/again:1", again.display()),
        );
        engine.load(&again);
        assert_eq!(engine.ok(&["run", "--rm", "test/again:1", "cat", "/one"]), "1");
    }
    drop(dockerd);
}

#[test]
fn platforms_are_checked() {
    corten_only!();
    let engine = engine();
    let archive = engine.scratch("save").join("x.tar").display().to_string();
    let own = match std::env::consts::ARCH {
        "x86_64" => "linux/amd64",
        _ => "linux/arm64",
    };
    engine.ok(&["save", "--platform", own, "-o", &archive, BB]);
    engine.ok(&["load", "--platform", own, "-i", &archive]);
    let done = engine.run(&["save", "--platform", "linux/s390x", "-o", &archive, BB]);
    done.fails(1);
    done.says(&["was found but does not provide the specified platform (linux/s390x)"]);
}
