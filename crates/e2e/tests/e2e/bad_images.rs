//! Archives that are broken or hostile: an error or a harmless image, never a file outside, never a trace.

use std::fs;
use std::path::Path;

use corten_testkit::fixtures::{ImageArchive, Layer};
use corten_testkit::{Engine, fixtures, run};

use crate::cleanliness::{at_rest, comes_back_to};
use crate::{SOON, corten_only};

fn busybox() -> Layer {
    let program = fs::read("/bin/busybox").unwrap();
    Layer::default()
        .directory("bin/", 0o755)
        .file("bin/busybox", 0o755, &program)
        .symlink("bin/sh", "busybox")
}

/// Names of all files called `name` below `dir`, mounts not entered.
fn find(dir: &Path, name: &str) -> Vec<String> {
    let mut command = std::process::Command::new("find");
    let done = run(command.arg(dir).args(["-xdev", "-name", name]), SOON);
    done.out().lines().map(str::to_owned).collect()
}

/// Loads an archive that must not harm; runs what came of it, if anything did.
fn load_and_run(engine: &Engine, layers: Vec<Vec<u8>>) {
    // There may be one from before.
    engine.run(&["rmi", "-f", "test/bad:1"]);
    let archive = engine.scratch("bad").join("bad.tar");
    ImageArchive::new("test/bad:1", layers).write(&archive);
    let done = engine.run(&["load", "-i", &archive.display().to_string()]);
    if done.code() == 0 {
        engine.run(&["run", "--rm", "test/bad:1", "sh", "-c", "true"]);
    } else {
        assert!(!done.err().trim().is_empty(), "an error is explained: {done}");
        assert_eq!(engine.ok(&["images", "-q", "test/bad"]), "");
    }
}

#[test]
fn entries_that_climb_stay_inside() {
    let engine = Engine::start();
    for depth in [1, 3, 12] {
        let name = format!("{}climbed-{depth}", "../".repeat(depth));
        load_and_run(&engine, vec![busybox().file(&name, 0o644, b"x").finish()]);
        let outside = engine.slot().root();
        let allowed = |path: &String| {
            path.contains("/overlay") || path.contains("/layers") || path.contains("/snapshots")
        };
        let found = find(&outside, &format!("climbed-{depth}"));
        assert!(found.iter().all(allowed), "{found:?}");
        assert!(!Path::new("/").join(format!("climbed-{depth}")).exists());
        assert!(!Path::new("/tmp").join(format!("climbed-{depth}")).exists());
    }
}

#[test]
fn entries_through_symlinks_stay_inside() {
    let engine = Engine::start();
    let target = engine.scratch("target");
    let text = target.display().to_string();
    load_and_run(
        &engine,
        vec![
            busybox()
                .symlink("door", &text)
                .file("door/through", 0o644, b"x")
                .finish(),
        ],
    );
    assert!(!target.join("through").exists());
    // The link in one layer, the entry in the next.
    let first = busybox().symlink("door", &text).finish();
    load_and_run(
        &engine,
        vec![first, Layer::default().file("door/through", 0o644, b"x").finish()],
    );
    assert!(!target.join("through").exists());
    let up = busybox()
        .symlink("door", "../../../../../../..")
        .file("door/tmp/corten-through", 0o644, b"x")
        .finish();
    load_and_run(&engine, vec![up]);
    assert!(!Path::new("/tmp/corten-through").exists());
}

#[test]
fn hard_links_and_whiteouts_stay_inside() {
    let engine = Engine::start();
    let target = engine.scratch("target").join("secret");
    fs::write(&target, "secret").unwrap();
    let inode = || std::os::unix::fs::MetadataExt::nlink(&fs::metadata(&target).unwrap());
    let absolute = target.display().to_string();
    let climbing = format!("../../../../../../../../../../../..{absolute}");
    for name in [absolute.as_str(), climbing.as_str()] {
        load_and_run(&engine, vec![busybox().hard_link("stolen", name).finish()]);
        assert_eq!(inode(), 1, "nobody linked it");
        let whiteout = climbing.replace("/secret", "/.wh.secret");
        load_and_run(
            &engine,
            vec![
                busybox().finish(),
                Layer::default().file(&whiteout, 0o644, b"").finish(),
            ],
        );
        assert_eq!(fs::read_to_string(&target).unwrap(), "secret");
    }
}

#[test]
fn a_layer_that_is_not_what_its_image_says_is_refused() {
    let engine = Engine::start();
    let before = at_rest(&engine);
    let mut archive = ImageArchive::new("test/liar:1", vec![busybox().finish()]);
    archive.diff_ids = Some(vec![format!("sha256:{}", "0".repeat(64))]);
    let path = engine.scratch("bad").join("liar.tar");
    archive.write(&path);
    let done = engine.run(&["load", "-i", &path.display().to_string()]);
    done.fails(1);
    done.says(&[
        "invalid diffID for layer 0: expected",
        "wrong diff id calculated on extraction",
        "unsupported",
    ]);
    assert_eq!(engine.ok(&["images", "-aq", "test/liar"]), "");
    fs::remove_file(path).unwrap();
    if !Engine::is_reference() {
        comes_back_to(&engine, &before);
    }
}

#[test]
fn archives_that_end_too_soon_are_refused() {
    let engine = Engine::start();
    let before = at_rest(&engine);
    let whole = fs::read(fixtures::busybox()).unwrap();
    let path = engine.scratch("bad").join("short.tar");
    for length in [0, 100, 512, 100_000, whole.len() - 20_000] {
        fs::write(&path, &whole[..length]).unwrap();
        let done = engine.run(&["load", "-i", &path.display().to_string()]);
        assert!(
            done.code() != 0 || done.out().trim().is_empty(),
            "{length}: {done}"
        );
        assert_eq!(engine.ok(&["images", "-aq", crate::BB]), "");
    }
    fs::write(
        &path,
        b"this is no archive at all, not by any stretch of the imagination".repeat(100),
    )
    .unwrap();
    assert_ne!(engine.run(&["load", "-i", &path.display().to_string()]).code(), 0);
    fs::remove_file(path).unwrap();
    if !Engine::is_reference() {
        comes_back_to(&engine, &before);
    }
    engine.load(&fixtures::busybox());
    assert_eq!(engine.ok(&["run", "--rm", crate::BB, "echo", "fine"]), "fine");
}

#[test]
fn a_corrupt_blob_is_refused() {
    corten_only!();
    let engine = Engine::start();
    let before = at_rest(&engine);
    let dir = engine.scratch("corrupt");
    let layout = dir.join("layout");
    let mut copy = std::process::Command::new("skopeo");
    copy.args(["copy", "--quiet", "--insecure-policy"])
        .arg(format!("docker-archive:{}", fixtures::busybox().display()))
        .arg(format!("oci:{}:test/corrupt:1", layout.display()));
    run(&mut copy, SOON).ok();
    let blobs = fs::read_dir(layout.join("blobs/sha256")).unwrap().flatten();
    let largest = blobs
        .max_by_key(|blob| blob.metadata().unwrap().len())
        .unwrap()
        .path();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, bytes).unwrap();
    let archive = dir.join("corrupt.tar");
    run(
        std::process::Command::new("tar")
            .arg("-C")
            .arg(&layout)
            .arg("-cf")
            .arg(&archive)
            .arg("."),
        SOON,
    )
    .ok();
    let done = engine.run(&["load", "-i", &archive.display().to_string()]);
    done.fails(1);
    done.says(&["digest", "checksum", "corrupt"]);
    assert_eq!(engine.ok(&["images", "-aq", "test/corrupt"]), "");
    fs::remove_dir_all(&dir).unwrap();
    comes_back_to(&engine, &before);
}
