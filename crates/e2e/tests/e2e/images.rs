//! `load` of good archives, and the images that are built in.

use std::process::Command;

use corten_testkit::fixtures::{ImageArchive, Layer};
use corten_testkit::{fixtures, run, until};

use crate::{BB, SOON, corten_only, engine, inspect};

#[test]
fn what_is_loaded_is_named() {
    let engine = corten_testkit::Engine::start();
    assert_eq!(engine.load(&fixtures::busybox()), format!("Loaded image: {BB}"));
    assert_eq!(
        engine.load(&fixtures::busybox()),
        format!("Loaded image: {BB}"),
        "twice is fine"
    );
    let mut load = engine.spawn(&["load"]);
    load.write(&std::fs::read(fixtures::busybox()).unwrap());
    assert_eq!(
        load.finish(SOON).ok(),
        format!("Loaded image: {BB}"),
        "from standard input"
    );
    for program in ["gzip", "bzip2", "xz"] {
        let packed = run(Command::new(program).arg("-c").arg(fixtures::busybox()), SOON);
        packed.ok();
        let archive = engine.scratch("packed").join(program);
        std::fs::write(&archive, &packed.stdout).unwrap();
        assert_eq!(engine.load(&archive), format!("Loaded image: {BB}"), "{program}");
        // Half of it is no archive.
        std::fs::write(&archive, &packed.stdout[..packed.stdout.len() / 2]).unwrap();
        engine
            .run(&["load", "-i", &archive.display().to_string()])
            .says(&["unexpected EOF", "invalid archive", "invalid tar header"])
            .fails(1);
    }
    let done = engine.run(&["load", "-i", "/nonexistent"]);
    done.fails(1);
    done.says(&["no such file or directory"]);
}

#[test]
fn layers_lie_upon_each_other() {
    let engine = engine();
    let busybox = || {
        Layer::default()
            .directory("bin/", 0o755)
            .file("bin/busybox", 0o755, &std::fs::read("/bin/busybox").unwrap())
            .symlink("bin/sh", "busybox")
    };
    let lower = busybox()
        .directory("dir/", 0o755)
        .file("dir/gone", 0o644, b"1")
        .file("dir/kept", 0o644, b"2")
        .directory("opaque/", 0o755)
        .file("opaque/below", 0o644, b"3")
        .file("changed", 0o644, b"old")
        .hard_link("hard", "changed")
        .finish();
    let upper = Layer::default()
        .directory("dir/", 0o700)
        .file("dir/.wh.gone", 0o644, b"")
        .directory("opaque/", 0o755)
        .file("opaque/.wh..wh..opq", 0o644, b"")
        .file("opaque/above", 0o644, b"4")
        .file("changed", 0o600, b"new")
        .finish();
    let archive = engine.scratch("made").join("layers.tar");
    ImageArchive::new("test/layers:1", vec![lower, upper]).write(&archive);
    engine.load(&archive);
    let script = "cd /; for f in dir/* opaque/* changed hard; do busybox stat -c '%n %a' $f; busybox cat $f; echo; done; busybox stat -c %a dir";
    let seen = engine.ok(&["run", "--rm", "test/layers:1", "sh", "-c", script]);
    let expected = "dir/kept 644\n2\nopaque/above 644\n4\nchanged 600\nnew\nhard 644\nold\n700";
    assert_eq!(seen, expected);
}

#[test]
fn skopeo_layouts_are_loaded() {
    corten_only!();
    let engine = corten_testkit::Engine::start();
    let dir = engine.scratch("oci");
    for (format, name) in [("gzip", "gz"), ("zstd", "zst")] {
        let archive = dir.join(format!("{name}.tar"));
        let mut copy = Command::new("skopeo");
        copy.args([
            "copy",
            "--quiet",
            "--insecure-policy",
            "--dest-compress-format",
            format,
        ])
        .arg(format!("docker-archive:{}", fixtures::busybox().display()))
        .arg(format!("oci-archive:{}:test/{name}:1", archive.display()));
        run(&mut copy, SOON).ok();
        assert_eq!(engine.load(&archive), format!("Loaded image: test/{name}:1"));
        assert_eq!(
            engine.ok(&["run", "--rm", &format!("test/{name}:1"), "cat", "/data/seed"]),
            "from the image"
        );
    }
    let layers = |name: &str| inspect(&engine, name)["RootFS"]["Layers"].clone();
    assert_eq!(
        layers("test/gz:1"),
        layers("test/zst:1"),
        "the same layer, however it was compressed"
    );
}

#[test]
fn hello_world_needs_no_registry() {
    corten_only!();
    let engine = corten_testkit::Engine::start();
    let said = engine.ok(&["run", "--rm", "hello-world"]);
    assert!(said.contains("Hello from"), "{said}");
}

#[test]
fn whoami_tells_of_itself() {
    corten_only!();
    let engine = corten_testkit::Engine::start();
    let port = engine.slot().port(0);
    let id = engine.ok(&[
        "run",
        "-d",
        "--rm",
        "-p",
        &format!("127.0.0.1:{port}:80"),
        "whoami",
    ]);
    let mut page = String::new();
    until("the page is served", SOON, || {
        page = corten_testkit::http::get(&format!("127.0.0.1:{port}"), "/some/path")
            .map(|page| page.text())
            .unwrap_or_default();
        !page.is_empty()
    });
    for part in [&id[..12], "/some/path", &engine.slot().subnet_prefix()] {
        assert!(page.contains(part), "{part} in {page}");
    }
}
