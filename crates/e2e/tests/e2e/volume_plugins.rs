//! Volumes of plugins: a real one, in Python, speaks Docker's protocol on a socket.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use corten_testkit::{Engine, until};

use crate::{BB, SOON, corten_only, engine, idle, inspect};

/// The plugin `plug`, until it is dropped.
struct Plugin {
    process: Child,
    dir: PathBuf,
}

impl Plugin {
    /// Starts it, and the daemon again so that it looks for plugins there.
    fn start(engine: &mut Engine) -> Self {
        let dir = engine.scratch("plugins");
        fs::create_dir_all(dir.join("data")).unwrap();
        let plugin = Self::run(dir);
        let flag = plugin.dir.display().to_string();
        engine.corten_mut().restart_with(&["--plugin-dir", &flag]);
        plugin
    }

    fn run(dir: PathBuf) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/clients/volume_plugin.py");
        let socket = dir.join("plug.sock");
        // What an earlier one left.
        let _ = fs::remove_file(&socket);
        let process = Command::new("/usr/bin/python3")
            .arg(script)
            .args([&socket, &dir.join("data"), &dir.join("calls")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        until("the plugin listens", SOON, || {
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
        Self { process, dir }
    }

    /// Its calls so far that begin with this word, without identifiers.
    fn calls(&self, word: &str) -> Vec<String> {
        self.whole_calls(word)
            .iter()
            .map(|call| call.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    }

    fn whole_calls(&self, word: &str) -> Vec<String> {
        let text = fs::read_to_string(self.dir.join("calls")).unwrap_or_default();
        let ours = |line: &&str| line.split(' ').next() == Some(word);
        text.lines().filter(ours).map(str::to_owned).collect()
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn a_plugins_volumes_are_made_mounted_and_removed() {
    corten_only!();
    let mut engine = engine();
    let plugin = Plugin::start(&mut engine);
    engine.ok(&[
        "volume", "create", "-d", "plug", "-o", "a=b", "--label", "k=v", "data",
    ]);
    let seen = inspect(&engine, "data");
    assert_eq!(seen["Driver"], "plug");
    assert_eq!(seen["Scope"], "global");
    assert_eq!(seen["Status"]["users"], 0);
    assert_eq!(seen["Options"], serde_json::json!({"a": "b"}));
    assert_eq!(seen["Labels"], serde_json::json!({"k": "v"}));
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "data");
    assert_eq!(engine.ok(&["volume", "ls", "-q", "-f", "driver=plug"]), "data");

    // Filled from the image like any other, and kept.
    assert_eq!(
        engine.ok(&["run", "--rm", "-v", "data:/data", BB, "cat", "/data/seed"]),
        "from the image"
    );
    assert_eq!(
        fs::read_to_string(plugin.dir.join("data/data/seed"))
            .unwrap()
            .trim(),
        "from the image"
    );
    idle(&engine, "one", &["-v", "data:/d"]);
    idle(&engine, "two", &["-v", "data:/d:ro"]);
    assert_eq!(inspect(&engine, "data")["Status"]["users"], 2);
    let mount = inspect(&engine, "one")["Mounts"][0].clone();
    assert_eq!(mount["Driver"], "plug");
    assert_eq!(
        mount["Source"],
        plugin.dir.join("data/data").display().to_string()
    );
    let done = engine.run(&["volume", "rm", "data"]);
    done.fails(1);
    done.says(&["remove data: volume is in use - ["]);
    engine.ok(&["rm", "-f", "one", "two"]);
    assert_eq!(inspect(&engine, "data")["Status"]["users"], 0);
    engine.ok(&["volume", "rm", "data"]);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
    // Each mounting was taken back by its own identifier.
    let ids = |word: &str| -> std::collections::BTreeSet<String> {
        plugin
            .whole_calls(word)
            .iter()
            .map(|call| call.rsplit_once(' ').unwrap().1.to_owned())
            .collect()
    };
    assert_eq!(ids("Mount").len(), 4);
    assert_eq!(ids("Mount"), ids("Unmount"));
    assert_eq!(plugin.calls("Create"), ["Create data"]);

    // Made on the way, by either of the flags.
    engine.ok(&[
        "run",
        "--rm",
        "--volume-driver",
        "plug",
        "-v",
        "by-flag:/v",
        BB,
        "true",
    ]);
    let mount = "type=volume,source=by-mount,target=/v,volume-driver=plug,volume-opt=x=y,volume-label=l";
    engine.ok(&["run", "--rm", "--mount", mount, BB, "true"]);
    assert_eq!(
        inspect(&engine, "by-mount")["Options"],
        serde_json::json!({"x": "y"})
    );
    assert_eq!(
        inspect(&engine, "by-mount")["Labels"],
        serde_json::json!({"l": ""})
    );
    assert_eq!(
        engine.ok(&["volume", "ls", "--format", "{{.Name}} {{.Driver}}"]),
        "by-flag plug\nby-mount plug"
    );
    // An anonymous one goes with its container.
    engine.ok(&[
        "run",
        "--rm",
        "--volume-driver",
        "plug",
        "-v",
        "/anon",
        BB,
        "touch",
        "/anon/x",
    ]);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]).lines().count(), 2);
    // Prune takes local ones only, as with Docker.
    engine.ok(&["volume", "prune", "-af"]);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]).lines().count(), 2);
}

#[test]
fn counts_are_right_after_the_daemon_was_killed() {
    corten_only!();
    let mut engine = engine();
    let plugin = Plugin::start(&mut engine);
    engine.ok(&["volume", "create", "-d", "plug", "data"]);
    idle(&engine, "stays", &["-v", "data:/d"]);
    idle(&engine, "ends", &["-v", "data:/d"]);
    assert_eq!(inspect(&engine, "data")["Status"]["users"], 2);
    let ends = crate::pid_of(&engine, "ends");
    engine.corten_mut().kill9();
    crate::end_process(ends);
    engine.corten_mut().restart();
    let users = || inspect(&engine, "data")["Status"]["users"].clone();
    until("the one that ended is counted no more", SOON, || users() == 1);
    assert_eq!(plugin.calls("Mount").len(), 2, "what runs is not mounted again");
    engine.ok(&["exec", "stays", "touch", "/d/x"]);
    engine.ok(&["start", "ends"]);
    assert_eq!(users(), 2);
    engine.ok(&["rm", "-f", "stays", "ends"]);
    assert_eq!(users(), 0);
    assert_eq!(plugin.calls("Unmount").len(), 3);
    engine.ok(&["volume", "rm", "data"]);
}

#[test]
fn what_a_plugin_refuses_is_told_in_its_words() {
    corten_only!();
    let mut engine = engine();
    let mut plugin = Plugin::start(&mut engine);
    let refused = |args: &[&str], code: i32, sentence: &str| {
        let done = engine.run(args);
        done.fails(code);
        assert!(done.err().contains(sentence), "{args:?}: {}", done.err());
    };
    refused(
        &["volume", "create", "-d", "plug", "-o", "frob=1", "v1"],
        1,
        "create v1: VolumeDriver.Create: unknown option: frob",
    );
    engine.ok(&["volume", "create", "-d", "plug", "bad"]);
    refused(
        &["run", "--name", "box", "-v", "bad:/v", BB, "true"],
        125,
        &format!(
            "error while mounting volume '{}': VolumeDriver.Mount: the disk is gone",
            plugin.dir.join("data/bad").display()
        ),
    );
    assert_eq!(inspect(&engine, "box")["State"]["Status"], "created");
    engine.ok(&["rm", "box"]);
    engine.ok(&["volume", "create", "-d", "plug", "stuck"]);
    refused(
        &["volume", "rm", "stuck"],
        1,
        "remove stuck: VolumeDriver.Remove: volume is stuck",
    );
    // Another driver's volume of that name.
    engine.ok(&["volume", "create", "own"]);
    refused(
        &["volume", "create", "-d", "plug", "own"],
        1,
        "create own: driver 'local' already has volume 'own': volume name must be unique",
    );
    refused(
        &["volume", "create", "-d", "local", "stuck"],
        1,
        "create stuck: driver 'plug' already has volume 'stuck': volume name must be unique",
    );
    assert_eq!(
        engine
            .api("POST", "/volumes/create", r#"{"Name":"own","Driver":"plug"}"#)
            .status,
        409
    );
    // A plugin that is no volume driver, one that is gone, and a file that says where another is.
    refused(
        &["volume", "create", "-d", "nosuch", "v2"],
        1,
        "create v2: error looking up volume plugin nosuch: plugin \"nosuch\" not found",
    );
    let specification = format!("unix://{}", plugin.dir.join("plug.sock").display());
    fs::write(plugin.dir.join("named.spec"), specification).unwrap();
    engine.ok(&["volume", "create", "-d", "named", "v3"]);
    fs::remove_file(plugin.dir.join("named.spec")).unwrap();
    plugin.end();
    // Their names stay taken.
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "bad\nown\nstuck\nv3");
    let warnings = engine.api("GET", "/volumes", "").json()["Warnings"].to_string();
    assert_eq!(warnings.matches("list plug: ").count(), 1, "{warnings}");
    refused(&["volume", "inspect", "stuck"], 1, "connection refused");
    refused(&["volume", "rm", "stuck"], 1, "connection refused");
    engine.ok(&["volume", "rm", "-f", "stuck"]);
    // Back again: what it has is found, though nobody here asked for it.
    let plugin = Plugin::run(plugin.dir.clone());
    engine.ok(&["volume", "create", "-d", "plug", "back"]);
    assert_eq!(plugin.calls("Create").last().unwrap(), "Create back");
}
