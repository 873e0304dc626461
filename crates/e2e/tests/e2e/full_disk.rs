//! A disk that is full: what needs space says so and leaves nothing half made, what needs none works, and so does
//! everything once there is space again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use corten_testkit::fixtures::{ImageArchive, Layer};
use corten_testkit::{Engine, Finished, fixtures, until};
use serde_json::json;

use crate::cleanliness::{at_rest, comes_back_to};
use crate::{BB, SOON, corten_only, inspect, pid_of};

const DISK: u64 = 96;
const FULL: &str = "no space left on device";
const LARGE: usize = 8 << 20;

/// An engine on a small disk.
fn engine() -> Engine {
    let engine = Engine::start_on_small_disk(DISK);
    engine.load(&fixtures::busybox());
    engine
}

/// The file that fills an engine's disk.
fn filler(engine: &Engine) -> PathBuf {
    engine.slot().root().join("data").join("filler")
}

/// Fills the disk to its last block. What the engine gives back meanwhile is taken, too.
fn fill(engine: &Engine) {
    let path = filler(engine);
    let mut file = File::options().create(true).append(true).open(&path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
    file.sync_all().unwrap();
}

fn free(engine: &Engine) {
    fs::remove_file(filler(engine)).unwrap();
}

/// Contents that no file system stores in less.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}

/// An image with one large layer, and a file of the same size.
fn large(engine: &Engine) -> (PathBuf, PathBuf) {
    let dir = engine.scratch("large");
    let (archive, file) = (dir.join("image.tar"), dir.join("file"));
    let layer = Layer::default().file("large", 0o644, &noise(LARGE)).finish();
    ImageArchive::new("test/large:1", vec![layer]).write(&archive);
    fs::write(&file, noise(LARGE)).unwrap();
    (archive, file)
}

/// Demands that a command failed for want of space.
#[track_caller]
fn is_full(done: &Finished) {
    assert_ne!(done.code(), 0, "{done}");
    done.says(&[FULL]);
}

/// A container that says a line ten times a second.
#[track_caller]
fn talker(engine: &Engine, name: &str) {
    let script = "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done";
    engine.ok(&["run", "-d", "--name", name, BB, "sh", "-c", script]);
}

/// All that must work on a disk with space.
#[track_caller]
fn works(engine: &Engine, archive: &Path, file: &Path) {
    let text = file.display().to_string();
    assert_eq!(engine.load(archive), "Loaded image: test/large:1");
    engine.ok(&[
        "create", "--name", "again", "-v", "again:/v", BB, "cat", "/v/file",
    ]);
    engine.ok(&["cp", &text, "again:/v/file"]);
    let out = engine.run(&["start", "-a", "again"]);
    out.ok();
    assert!(
        out.stdout == fs::read(file).unwrap(),
        "all of the file comes back"
    );
    engine.ok(&["commit", "again", "test/committed:1"]);
    engine.ok(&["run", "--rm", "test/committed:1", "true"]);
    engine.ok(&["rm", "-v", "again"]);
    engine.ok(&["volume", "rm", "again"]);
    engine.ok(&["rmi", "test/committed:1", "test/large:1"]);
}

#[test]
fn what_needs_space_says_so_and_leaves_nothing() {
    corten_only!();
    let mut engine = engine();
    let (archive, file) = large(&engine);
    let (archive_text, file_text) = (archive.display().to_string(), file.display().to_string());
    talker(&engine, "talker");
    let pid = pid_of(&engine, "talker");
    engine.ok(&["create", "--name", "changed", BB, "true"]);
    engine.ok(&["cp", &file_text, "changed:/large"]);
    engine.ok(&["run", "--name", "ended", BB, "echo", "said before"]);
    works(&engine, &archive, &file);
    let before = at_rest(&engine);
    let images = engine.ok(&["images", "-q"]);
    fill(&engine);

    // What writes.
    for round in 0..2 {
        is_full(&engine.run(&["load", "-i", &archive_text]));
        is_full(&engine.run(&["import", &file_text, "test/imported:1"]));
        is_full(&engine.run(&["commit", "changed", "test/committed:1"]));
        is_full(&engine.run(&["cp", &file_text, "talker:/large"]));
        assert_eq!(
            engine.ok(&["exec", "talker", "ls", "/"]).matches("large").count(),
            0,
            "half of a file"
        );
        assert_eq!(engine.ok(&["images", "-q"]), images, "round {round}");
    }
    let written = engine.run(&[
        "exec",
        "talker",
        "sh",
        "-c",
        "cat /bin/busybox > /a; cat /bin/busybox > /b",
    ]);
    assert_ne!(written.code(), 0, "{written}");
    written.says(&["No space left on device"]);
    // Small things find a place at first, in directories made ahead and in what the engine has kept back.
    let mut made = Vec::new();
    let refused = (0..500).find_map(|number| {
        let name = format!("made{number}");
        let body = json!({ "Image": BB, "Cmd": ["true"], "Labels": { "long": "x".repeat(8192) } });
        let answer = engine.api(
            "POST",
            &format!("/containers/create?name={name}"),
            &body.to_string(),
        );
        if answer.status != 201 {
            return Some(answer);
        }
        made.push(name);
        None
    });
    let refused = refused.unwrap_or_else(|| panic!("five hundred containers on a full disk"));
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(refused.message().contains(FULL), "{}", refused.text());
    let done = engine.run(&["run", "--rm", BB, "true"]);
    done.fails(125);
    done.says(&[FULL]);
    is_full(&engine.run(&["create", "-v", "new-volume:/v", BB, "true"]));
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
    assert_eq!(engine.ok(&["images", "-q"]), images);

    // What only reads, or frees.
    assert_eq!(engine.ok(&["logs", "ended"]), "said before");
    assert!(engine.ok(&["logs", "--tail", "1", "talker"]).starts_with("line "));
    assert_eq!(engine.ok(&["exec", "talker", "echo", "hi"]), "hi");
    let out = engine.scratch("out").join("large").display().to_string();
    engine.ok(&["cp", "changed:/large", &out]);
    assert!(fs::read(&out).unwrap() == fs::read(&file).unwrap());
    assert_eq!(pid_of(&engine, "talker"), pid, "it runs on");
    engine.ok(&["exec", "talker", "rm", "-f", "/a", "/b"]);
    for name in &made {
        engine.ok(&["rm", name]);
    }

    // Full again, another daemon finds everything.
    fill(&engine);
    engine.corten_mut().kill9();
    engine.corten_mut().restart();
    assert_eq!(pid_of(&engine, "talker"), pid);
    assert_eq!(engine.ok(&["ps", "-aq"]).lines().count(), 3);
    is_full(&engine.run(&["load", "-i", &archive_text]));

    free(&engine);
    works(&engine, &archive, &file);
    assert_eq!(pid_of(&engine, "talker"), pid, "it has never noticed");
    let last = || engine.ok(&["logs", "--tail", "1", "talker"]);
    let seen = last();
    until("it is heard again", SOON, || last() != seen);
    // The daemon is another process now.
    let own = |one: &String| !one.starts_with("process ");
    let before = before.into_iter().filter(own).collect();
    let after = || {
        at_rest(&engine)
            .into_iter()
            .filter(own)
            .collect::<std::collections::BTreeSet<_>>()
    };
    until("nothing is left behind", SOON, || after() == before);
    engine.corten_mut().restart();
    works(&engine, &archive, &file);
}

#[test]
fn a_full_disk_is_cleared_by_removing() {
    corten_only!();
    let engine = engine();
    let (archive, file) = large(&engine);
    works(&engine, &archive, &file);
    let before = at_rest(&engine);
    engine.load(&archive);
    let file_text = file.display().to_string();
    for name in ["one", "two"] {
        engine.ok(&["create", "--name", name, "-v", &format!("{name}:/v"), BB, "true"]);
        engine.ok(&["cp", &file_text, &format!("{name}:/large")]);
        engine.ok(&["cp", &file_text, &format!("{name}:/v/large")]);
    }
    engine.ok(&["run", "-d", "--name", "runs", BB, "sleep", "1000"]);
    fill(&engine);
    // What the engine has kept back lets it write these down.
    engine.ok(&["kill", "runs"]);
    until("it has ended", SOON, || {
        inspect(&engine, "runs")["State"]["Running"] == false
    });
    assert_eq!(inspect(&engine, "runs")["State"]["ExitCode"], 137);
    engine.ok(&["rm", "one"]);
    engine.ok(&["container", "prune", "-f"]);
    engine.ok(&["volume", "prune", "-af"]);
    engine.ok(&["image", "rm", "test/large:1"]);
    assert_eq!(
        engine.ok(&["ps", "-aq"]) + &engine.ok(&["volume", "ls", "-q"]),
        ""
    );
    assert_eq!(engine.ok(&["images", "-q"]).lines().count(), 1);
    free(&engine);
    works(&engine, &archive, &file);
    comes_back_to(&engine, &before);
}

#[test]
fn containers_started_on_a_full_disk_start_or_say_why() {
    corten_only!();
    let engine = engine();
    let (archive, file) = large(&engine);
    for number in 0..5 {
        engine.ok(&["create", "--name", &format!("box{number}"), BB, "echo", "hi"]);
    }
    fill(&engine);
    for number in 0..5 {
        let name = format!("box{number}");
        let done = engine.run(&["start", "-a", &name]);
        if done.code() != 0 {
            is_full(&done);
        }
        let state = inspect(&engine, &name)["State"].clone();
        assert_ne!(state["Running"], true, "{state}");
    }
    free(&engine);
    for number in 0..5 {
        assert_eq!(engine.ok(&["start", "-a", &format!("box{number}")]), "hi");
    }
    engine.ok(&["container", "prune", "-f"]);
    works(&engine, &archive, &file);
}
