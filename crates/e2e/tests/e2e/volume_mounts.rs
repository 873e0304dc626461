//! Volumes that are mounted: the local driver's `type`, `device` and `o`.

use std::fs;
use std::process::Command;

use corten_testkit::{Engine, run, until};

use crate::{BB, SOON, corten_only, engine, idle, inspect, pid_of};

/// Makes a volume with these options.
#[track_caller]
fn create(engine: &Engine, name: &str, options: &[&str]) {
    let mut args = vec!["volume", "create"];
    for option in options {
        args.extend(["--opt", option]);
    }
    args.push(name);
    assert_eq!(engine.ok(&args), name);
}

/// Whether the host has something mounted on the volume's directory.
fn is_mounted(engine: &Engine, name: &str) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let place = mountpoint(engine, name);
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&place))
}

fn mountpoint(engine: &Engine, name: &str) -> String {
    engine.ok(&["volume", "inspect", "-f", "{{.Mountpoint}}", name])
}

#[test]
fn a_tmpfs_is_there_as_long_as_somebody_runs_with_it() {
    let engine = engine();
    create(
        &engine,
        "scratch",
        &["type=tmpfs", "device=tmpfs", "o=size=1m,uid=7,mode=750"],
    );
    let seen = inspect(&engine, "scratch");
    let options = serde_json::json!({"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=7,mode=750"});
    assert_eq!(seen["Options"], options);
    assert!(!is_mounted(&engine, "scratch"));
    idle(&engine, "one", &["-v", "scratch:/s"]);
    idle(&engine, "two", &["-v", "scratch:/other"]);
    assert!(is_mounted(&engine, "scratch"));
    engine.ok(&["exec", "one", "sh", "-c", "echo shared > /s/f"]);
    assert_eq!(engine.ok(&["exec", "two", "cat", "/other/f"]), "shared");
    assert_eq!(
        engine.ok(&["exec", "two", "stat", "-c", "%u %a", "/other"]),
        "7 750"
    );
    let mounted = engine.ok(&["exec", "two", "grep", " /other ", "/proc/mounts"]);
    assert!(mounted.contains("size=1024k"), "{mounted}");
    let full = engine.run(&[
        "exec",
        "one",
        "dd",
        "if=/dev/zero",
        "of=/s/big",
        "bs=64k",
        "count=32",
    ]);
    full.fails(1);
    full.says(&["No space left on device"]);
    let done = engine.run(&["volume", "rm", "scratch"]);
    done.fails(1);
    done.says(&["remove scratch: volume is in use - ["]);
    engine.ok(&["rm", "-f", "one"]);
    assert!(is_mounted(&engine, "scratch"));
    engine.ok(&["rm", "-f", "two"]);
    assert!(!is_mounted(&engine, "scratch"));
    // With the last container the file system has gone; a new one is filled from the image again.
    assert_eq!(
        engine.ok(&["run", "--rm", "-v", "scratch:/s", BB, "ls", "/s"]),
        ""
    );
    engine.ok(&["volume", "prune", "-af"]);
    assert_eq!(
        engine.ok(&["volume", "ls", "-q"]),
        "scratch",
        "what may be elsewhere is left alone"
    );
    engine.ok(&["volume", "rm", "scratch"]);
}

#[test]
fn a_directory_and_a_disk_are_mounted() {
    let engine = engine();
    let dir = engine.scratch("bound");
    let device = format!("device={}", dir.display());
    create(&engine, "bound", &["type=none", &device, "o=bind"]);
    create(&engine, "sealed", &["type=none", &device, "o=bind,ro"]);
    // What the image has at the place goes where the volume leads.
    assert_eq!(
        engine.ok(&["run", "--rm", "-v", "bound:/data", BB, "cat", "/data/seed"]),
        "from the image"
    );
    assert_eq!(
        fs::read_to_string(dir.join("seed")).unwrap().trim(),
        "from the image"
    );
    let done = engine.run(&["run", "--rm", "-v", "sealed:/d", BB, "touch", "/d/x"]);
    done.fails(1);
    done.says(&["Read-only file system"]);

    let image = engine.scratch("disk").join("image");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    run(Command::new("mkfs.ext4").arg("-q").arg(&image), SOON).ok();
    let looped = run(
        Command::new("losetup").args(["--find", "--show"]).arg(&image),
        SOON,
    )
    .ok();
    let detach = Detach(looped.clone());
    create(
        &engine,
        "disk",
        &["type=ext4", &format!("device={looped}"), "o=noatime"],
    );
    engine.ok(&["run", "--rm", "-v", "disk:/d", BB, "sh", "-c", "echo kept > /d/f"]);
    let seen = engine.ok(&[
        "run",
        "--rm",
        "-v",
        "disk:/d",
        BB,
        "sh",
        "-c",
        "cat /d/f; grep ' /d ' /proc/mounts",
    ]);
    assert!(seen.starts_with("kept\n"), "{seen}");
    assert!(seen.contains("ext4 rw,noatime"), "{seen}");
    // Two containers share it.
    idle(&engine, "first", &["-v", "disk:/d"]);
    assert_eq!(
        engine.ok(&["run", "--rm", "-v", "disk:/d", BB, "cat", "/d/f"]),
        "kept"
    );
    // In one step, as Docker's documentation has it.
    let mount =
        format!("type=volume,dst=/e,volume-driver=local,volume-opt=device={looped},volume-opt=type=ext4");
    assert_eq!(
        engine.ok(&["run", "--rm", "--mount", &mount, BB, "cat", "/e/f"]),
        "kept"
    );
    engine.ok(&["rm", "-f", "first"]);
    engine.ok(&["volume", "rm", "disk"]);
    let again = format!("device={looped}");
    create(&engine, "disk", &["type=ext4", &again]);
    assert_eq!(
        engine.ok(&["run", "--rm", "-v", "disk:/d", BB, "cat", "/d/f"]),
        "kept",
        "removal deletes no files of others"
    );
    drop(detach);
}

/// Frees a loop device when dropped.
struct Detach(String);

impl Drop for Detach {
    fn drop(&mut self) {
        run(Command::new("losetup").args(["-d", &self.0]), SOON).ok();
    }
}

#[test]
fn what_cannot_be_mounted_is_said_when_it_is_needed() {
    let engine = engine();
    for (name, options, sentence) in [
        (
            "gone",
            &["type=none", "device=/nowhere", "o=bind"][..],
            ", flags: 0x1000: no such file or directory",
        ),
        ("odd", &["type=frob", "device=xx"], ": no such device"),
        (
            "bad",
            &["type=tmpfs", "device=tmpfs", "o=size=xyz,uid=7"],
            ", data: size=xyz,uid=7: invalid argument",
        ),
        (
            "disk",
            &["type=ext4", "device=/dev/nope"],
            ": no such file or directory",
        ),
    ] {
        create(&engine, name, options);
        let device = options
            .iter()
            .find_map(|option| option.strip_prefix("device="))
            .unwrap();
        let place = mountpoint(&engine, name);
        let done = engine.run(&["run", "--rm", "-v", &format!("{name}:/v"), BB, "true"]);
        assert!([125, 127].contains(&done.code()), "{done}");
        done.says(&[&format!(
            "error while mounting volume '{place}': failed to mount local volume: mount {device}:{place}{sentence}"
        )]);
        assert!(!is_mounted(&engine, name));
        engine.ok(&["volume", "rm", name]);
    }
    create(
        &engine,
        "named",
        &["type=nfs", "device=:/x", "o=addr=no-such-host.invalid,rw"],
    );
    let done = engine.run(&["run", "--rm", "-v", "named:/v", BB, "true"]);
    done.fails(125);
    done.says(&["error resolving passed in network volume address: lookup no-such-host.invalid"]);
    // A container that could not be started leaves the others' mount alone.
    create(&engine, "good", &["type=tmpfs", "device=tmpfs"]);
    create(&engine, "bad", &["type=frob", "device=xx"]);
    engine
        .run(&["run", "--rm", "-v", "good:/a", "-v", "bad:/b", BB, "true"])
        .says(&["no such device"]);
    assert!(!is_mounted(&engine, "good"));
}

#[test]
fn senseless_options_are_refused_when_the_volume_is_made() {
    let engine = engine();
    for (options, sentence) in [
        (&["type=nfs"][..], "missing required option: \"device\""),
        (&["device=/x"], "missing required option: \"type\""),
        (&["o=rw"], "missing required option: \"device\""),
        (&["frob=1"], "invalid option: \"frob\""),
        (&["size=10m"], "quota size requested but no quota support"),
        (&["size=xx"], "invalid size: 'xx'"),
        (&["type=none", "o=bind"], "missing required option: \"device\""),
        (&["o=bind", "device=/x"], "missing required option: \"type\""),
        (&["TYPE=tmpfs", "device=x"], "invalid option: \"TYPE\""),
        (
            &["type=tmpfs", "device=tmpfs", "frob=1"],
            "invalid option: \"frob\"",
        ),
    ] {
        let mut args = vec!["volume", "create"];
        for option in options {
            args.extend(["--opt", option]);
        }
        args.push("v1");
        let done = engine.run(&args);
        done.fails(1);
        done.says(&[&format!("create v1: {sentence}")]);
    }
    let answer = engine.api(
        "POST",
        "/volumes/create",
        r#"{"Name":"v1","DriverOpts":{"frob":"1"}}"#,
    );
    assert_eq!(answer.status, 400);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
    // Those of one that is there already are not looked at, as with Docker.
    create(&engine, "v1", &["type=tmpfs", "device=tmpfs"]);
    create(&engine, "v1", &["type=nfs", "device=:/x"]);
    assert_eq!(
        inspect(&engine, "v1")["Options"],
        serde_json::json!({"type": "tmpfs", "device": "tmpfs"})
    );
    let mount = "type=volume,source=v2,target=/d,volume-opt=type=nfs";
    let done = engine.run(&["run", "--rm", "--mount", mount, BB, "true"]);
    done.fails(125);
    done.says(&["create v2: missing required option: \"device\""]);
}

#[test]
fn mounts_outlive_the_daemon_with_their_containers_and_no_longer() {
    corten_only!();
    let mut engine = engine();
    create(&engine, "stays", &["type=tmpfs", "device=tmpfs"]);
    create(&engine, "goes", &["type=tmpfs", "device=tmpfs"]);
    idle(&engine, "one", &["-v", "stays:/s"]);
    idle(&engine, "two", &["-v", "goes:/g"]);
    engine.ok(&["exec", "one", "sh", "-c", "echo here > /s/f"]);
    let two = pid_of(&engine, "two");
    engine.corten_mut().kill9();
    crate::end_process(two);
    until("its shim has ended, too", SOON, || {
        !std::path::Path::new(&format!("/proc/{two}")).exists()
    });
    engine.corten_mut().restart();
    assert!(is_mounted(&engine, "stays") && !is_mounted(&engine, "goes"));
    // A new container gets what the old one has.
    assert_eq!(
        engine.ok(&["run", "--rm", "-v", "stays:/s", BB, "cat", "/s/f"]),
        "here"
    );
    assert_eq!(engine.ok(&["exec", "one", "cat", "/s/f"]), "here");
    // An orderly end takes nothing from those that run.
    engine.corten_mut().restart();
    assert!(is_mounted(&engine, "stays"));
    engine.ok(&["rm", "-f", "one"]);
    assert!(!is_mounted(&engine, "stays"));
    engine.ok(&["start", "two"]);
    assert!(is_mounted(&engine, "goes"));
    // After a reboot nothing is mounted, and nothing believed to be.
    engine.corten_mut().reboot(true);
    assert!(!is_mounted(&engine, "goes"));
    engine.ok(&["start", "two"]);
    engine.ok(&["exec", "two", "touch", "/g/x"]);
    engine.ok(&["rm", "-f", "two"]);
    engine.ok(&["volume", "rm", "goes", "stays"]);
    engine.corten().assert_no_container_left();
}

#[test]
fn what_is_mounted_on_a_directory_hides_nothing_mounted_below() {
    let engine = engine();
    for flags in [&["-v", "settings:/etc"][..], &["--tmpfs", "/etc"]] {
        let script = "cat /etc/hosts /etc/hostname && cat /etc/resolv.conf";
        let args = [
            &["run", "--rm", "--hostname", "hidden"],
            flags,
            &[BB, "sh", "-c", script],
        ]
        .concat();
        let seen = engine.ok(&args);
        assert!(
            seen.contains("localhost") && seen.contains("\nhidden\n"),
            "{seen}"
        );
    }
    engine.ok(&["run", "--rm", "-v", "inner:/in", BB, "touch", "/in/there"]);
    engine.ok(&[
        "run",
        "--rm",
        "-v",
        "inner:/data/in",
        "-v",
        "outer:/data",
        BB,
        "ls",
        "/data/in/there",
    ]);
}

#[test]
fn a_source_that_has_gone_is_named_at_the_next_start() {
    let engine = engine();
    let dir = engine.scratch("source");
    let mount = format!("type=bind,src={},dst=/x", dir.display());
    idle(&engine, "bound", &["--mount", &mount]);
    std::fs::remove_dir_all(&dir).unwrap();
    let why = format!(
        "invalid mount config for type \"bind\": bind source path does not exist: {}",
        dir.display()
    );
    let done = engine.run(&["restart", "-t", "0", "bound"]);
    done.fails(1);
    done.says(&[&format!("Cannot restart container bound: {why}")]);
    let done = engine.run(&["start", "bound"]);
    done.fails(1);
    done.says(&[&why]);
}
