//! Attacks on the wall between a container and its host, each really carried out from inside, each refused.

use std::fs;
use std::path::{Path, PathBuf};

use corten_testkit::fixtures::{ImageArchive, Layer};
use corten_testkit::{Engine, Finished, Running, fixtures};

use crate::{BB, SOON, corten_only, engine, idle};

/// Starts attacks are carried out against, where one alone would be luck.
const ROUNDS: u32 = 15;

/// Flags that put the attacking program into a container.
fn armed() -> [String; 2] {
    [
        "-v".into(),
        format!("{}:/intruder:ro", env!("CARGO_BIN_EXE_intruder")),
    ]
}

fn run(engine: &Engine, flags: &[&str], command: &[&str]) -> Finished {
    let armed = armed();
    let mut args = vec!["run", "--rm", &armed[0], &armed[1]];
    args.extend(flags);
    args.push(BB);
    args.extend(command);
    engine.run(&args)
}

/// An attack that lies in wait in a container called `name`.
fn lurk(engine: &Engine, name: &str, flags: &[&str], attack: &[&str]) -> Running {
    let armed = armed();
    let mut args = vec!["run", "--name", name, &armed[0], &armed[1]];
    args.extend(flags);
    args.extend([BB, "/intruder"]);
    args.extend(attack);
    let running = engine.spawn(&args);
    running.expect_out("waiting", SOON);
    running
}

/// A directory of the host's with a file in it that no container may see, and in which none may make anything.
fn treasure(engine: &Engine) -> PathBuf {
    let dir = engine.scratch("treasure");
    fs::write(dir.join("gold"), "gold\n").unwrap();
    dir
}

#[track_caller]
fn untouched(treasure: &Path) {
    let names: Vec<_> = fs::read_dir(treasure)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["gold"], "something was made on the host");
    assert_eq!(fs::read_to_string(treasure.join("gold")).unwrap(), "gold\n");
}

/// A path that leads up to the root, wherever it starts, and then to the treasure.
fn up_to(path: &Path) -> String {
    format!(
        "{}{}",
        "../".repeat(9),
        path.display().to_string().trim_start_matches('/')
    )
}

/// Loads busybox with one more layer under the name `evil:1`.
fn evil_image(engine: &Engine, layer: Layer) {
    let base = {
        let mut archive = tar_of(&fixtures::busybox());
        archive.pop().unwrap()
    };
    let path = engine.scratch("images").join("evil.tar");
    ImageArchive::new("evil:1", vec![base, layer.finish()]).write(&path);
    engine.load(&path);
}

/// The layers of a docker-archive.
fn tar_of(archive: &Path) -> Vec<Vec<u8>> {
    let names = output("tar", &["-tf", &archive.display().to_string()]);
    let names = String::from_utf8(names).unwrap();
    let layers = names.lines().filter(|name| name.ends_with("layer.tar"));
    layers
        .map(|name| output("tar", &["-xOf", &archive.display().to_string(), name]))
        .collect()
}

fn output(program: &str, args: &[&str]) -> Vec<u8> {
    let done = std::process::Command::new(program).args(args).output().unwrap();
    assert!(done.status.success(), "{program} {args:?}");
    done.stdout
}

#[test]
fn a_program_that_enters_cannot_be_overwritten() {
    let engine = engine();
    // CVE-2019-5736: the program a container is entered with is caught by way of its own /proc/self/exe.
    evil_image(
        &engine,
        Layer::default().file("bin/evil", 0o755, b"#!/proc/self/exe\n"),
    );
    let shim = corten_testkit::binary_dir().join("corten-shim");
    let before = fs::read(&shim).unwrap();
    let armed = armed();
    let flags = [
        "run",
        "--name",
        "box",
        &armed[0],
        &armed[1],
        "evil:1",
        "/intruder",
        "overwrite",
        "20",
    ];
    let attacker = engine.spawn(&flags);
    attacker.expect_out("waiting", SOON);
    for _ in 0..ROUNDS {
        // What becomes of it does not matter; it need not succeed.
        let _ = engine.run(&["exec", "box", "/bin/evil", "--help"]);
        let _ = engine.run(&["exec", "box", "sh", "-c", "sleep 0.05"]);
    }
    let seen = attacker.out();
    engine.ok(&["rm", "-f", "box"]);
    assert!(!seen.contains("wrote"), "{seen}");
    for _ in 0..3 {
        // The same by way of a start.
        let _ = engine.run(&["run", "--rm", "evil:1", "/bin/evil"]);
        let _ = engine.run(&["run", "--rm", "--entrypoint", "/proc/self/exe", "evil:1"]);
    }
    assert!(
        fs::read(&shim).unwrap() == before,
        "the supervisor's program was changed"
    );
    assert_eq!(engine.ok(&["run", "--rm", BB, "echo", "works"]), "works");
}

#[test]
fn no_descriptor_is_inherited() {
    let engine = engine();
    for flags in [&[][..], &["-i"], &["-t"], &["--network", "host"], &["--init"]] {
        let done = run(&engine, flags, &["/intruder", "descriptors"]);
        if done.err().contains("not supported by Corten yet") {
            continue;
        }
        assert_eq!(done.ok(), "", "run {flags:?}");
    }
    let armed = armed();
    idle(&engine, "box", &[&armed[0], &armed[1]]);
    for flags in [&[][..], &["-i"], &["-t"]] {
        let mut args = vec!["exec"];
        args.extend(flags);
        args.extend(["box", "/intruder", "descriptors"]);
        assert_eq!(engine.ok(&args), "", "exec {flags:?}");
    }
}

#[test]
fn a_working_directory_in_proc_leads_nowhere() {
    let engine = engine();
    let treasure = treasure(&engine);
    let gold = up_to(&treasure.join("gold"));
    // CVE-2024-21626: a descriptor of the runtime's as the working directory.
    let mut layer = Layer::default();
    for number in 3..16 {
        layer = layer.symlink(&format!("fd{number}"), &format!("/proc/self/fd/{number}"));
    }
    evil_image(&engine, layer);
    engine.ok(&["run", "-d", "--name", "box", "evil:1", "sleep", "1000"]);
    for number in 3..16 {
        for dir in [
            format!("/proc/self/fd/{number}"),
            format!("/fd{number}"),
            format!("/proc/1/fd/{number}"),
        ] {
            let done = engine.run(&["run", "--rm", "-w", &dir, "evil:1", "cat", &gold]);
            assert_ne!(done.code(), 0, "run -w {dir}: {done}");
            assert!(!done.out().contains("gold"), "run -w {dir}: {done}");
            let done = engine.run(&["exec", "-w", &dir, "box", "cat", &gold]);
            assert_ne!(done.code(), 0, "exec -w {dir}: {done}");
            assert!(!done.out().contains("gold"), "exec -w {dir}: {done}");
        }
    }
    let done = engine.run(&["run", "--rm", "-w", "/proc/self/cwd", "evil:1", "cat", &gold]);
    assert!(!done.out().contains("gold"), "{done}");
}

#[test]
fn nothing_of_the_host_can_be_reached_through_who_enters() {
    let engine = engine();
    let gold = treasure(&engine).join("gold").display().to_string();
    let attacker = lurk(&engine, "box", &[], &["reach", "60", &gold]);
    for _ in 0..ROUNDS {
        engine.ok(&["exec", "box", "true"]);
        engine.ok(&["exec", "-t", "box", "true"]);
    }
    let seen = attacker.out();
    engine.ok(&["rm", "-f", "box"]);
    assert!(!seen.contains("reached"), "{seen}");
    // Nor through the host's own processes, where they can be seen.
    let done = run(
        &engine,
        &["--pid", "host"],
        &["timeout", "3", "/intruder", "reach", "2", &gold],
    );
    assert!(!done.out().contains("reached"), "{done}");
}

/// What must be hidden or read-only in a container that runs; prints what is not.
const STILL_HIDDEN: &str = "for f in /proc/kcore /proc/keys /proc/timer_list; do test -e $f && head -c1 $f | grep -q . && echo sees $f; done; \
     (echo h > /proc/sysrq-trigger) 2>/dev/null && echo sysrq; \
     (cat /proc/sys/kernel/core_pattern > /tmp/p && cat /tmp/p > /proc/sys/kernel/core_pattern) 2>/dev/null && echo core_pattern; \
     ls /sys/firmware 2>/dev/null; true";

#[test]
fn hidden_paths_stay_hidden_whatever_the_image_holds() {
    let engine = engine();
    assert_eq!(run(&engine, &[], &["sh", "-c", STILL_HIDDEN]).ok(), "");
    let layers: [(&str, Layer); 6] = [
        (
            "/dev is a link to /proc",
            Layer::default().symlink("dev", "/proc"),
        ),
        (
            "/dev is a link to a directory",
            Layer::default().symlink("dev", "/data"),
        ),
        (
            "/sys is a link to /proc",
            Layer::default().symlink("sys", "/proc"),
        ),
        ("/proc is a link", Layer::default().symlink("proc", "/data")),
        (
            "/proc is a link to the root",
            Layer::default().symlink("proc", "/"),
        ),
        (
            "names in /dev are links",
            Layer::default()
                .directory("dev/", 0o755)
                .symlink("dev/null", "/proc/sys/kernel/core_pattern")
                .symlink("dev/console", "/proc/sysrq-trigger")
                .symlink("dev/pts", "/proc"),
        ),
    ];
    for (what, layer) in layers {
        evil_image(&engine, layer);
        for flags in [&["run", "--rm"][..], &["run", "--rm", "-t"]] {
            let mut args = flags.to_vec();
            args.extend(["evil:1", "sh", "-c", STILL_HIDDEN]);
            let done = engine.run(&args);
            // It may be refused; if it runs, nothing is to be seen.
            assert!(done.code() != 0 || done.out().trim().is_empty(), "{what}: {done}");
        }
        engine.ok(&["rmi", "evil:1"]);
    }
}

#[test]
fn hidden_paths_stay_hidden_whatever_a_volume_at_dev_holds() {
    // The reference falls for this one.
    corten_only!();
    let engine = engine();
    // CVE-2025-31133 and 52565: /dev/null, /dev/console and /dev/pts as links into /proc, in a volume others write to.
    let plant = "rm -rf /v/*; ln -s /proc/sys/kernel/core_pattern /v/null; ln -s /proc/sysrq-trigger /v/console; ln -s /proc /v/pts; \
                 ln -s /proc/self/fd /v/fd; mkdir /v/sub; ln -s /proc/sysrq-trigger /v/sub/ptmx; ln -s /proc/sysrq-trigger /v/sub/0";
    engine.ok(&["run", "--rm", "-v", "evil:/v", BB, "sh", "-c", plant]);
    for mount in [
        "evil:/dev",
        "evil:/dev/pts",
        "evil:/dev/console",
        "evil:/dev/x",
        "evil:/dev/null",
        "evil:/dev/shm",
    ] {
        for terminal in [&[][..], &["-t"]] {
            let mut args = vec!["run", "--rm", "-v", mount];
            args.extend(terminal);
            args.extend([BB, "sh", "-c", STILL_HIDDEN]);
            let done = engine.run(&args);
            assert!(
                done.code() != 0 || done.out().trim().is_empty(),
                "{mount} {terminal:?}: {done}"
            );
        }
    }
    let done = engine.run(&[
        "run",
        "--rm",
        "-t",
        "--mount",
        "type=volume,src=evil,dst=/dev/pts,volume-subpath=sub",
        BB,
        "true",
    ]);
    assert_ne!(done.code(), 0, "a terminal that is none: {done}");
}

#[test]
fn nothing_is_mounted_over_proc() {
    let engine = engine();
    let file = engine.scratch("files").join("cpuinfo");
    fs::write(&file, "my own\n").unwrap();
    let file = file.display().to_string();
    evil_image(
        &engine,
        Layer::default()
            .symlink("harmless", "/proc")
            .symlink("also", "/harmless/self"),
    );
    for target in [
        "/proc",
        "/proc/self",
        "/proc/sys",
        "/proc/1/attr",
        "/harmless/sys",
        "/harmless/self/attr",
        "/also/attr",
    ] {
        let done = engine.run(&["run", "--rm", "-v", &format!("evil:{target}"), "evil:1", "true"]);
        assert_ne!(done.code(), 0, "{target}: {done}");
        done.says(&[
            "cannot be mounted because it is inside /proc",
            "inside /proc",
            "Are you trying to mount a directory onto a file",
            "no such file or directory",
        ]);
        let done = engine.run(&["run", "--rm", "--tmpfs", target, "evil:1", "true"]);
        assert_ne!(done.code(), 0, "--tmpfs {target}: {done}");
    }
    for target in [
        "/proc/sysrq-trigger",
        "/proc/self/attr/exec",
        "/harmless/sysrq-trigger",
    ] {
        let done = engine.run(&["run", "--rm", "-v", &format!("{file}:{target}"), "evil:1", "true"]);
        assert_ne!(done.code(), 0, "{target}: {done}");
    }
    // What only informs may be covered, as lxcfs does.
    assert_eq!(
        engine.ok(&[
            "run",
            "--rm",
            "-v",
            &format!("{file}:/proc/cpuinfo"),
            BB,
            "cat",
            "/proc/cpuinfo"
        ]),
        "my own"
    );
}

#[test]
fn links_at_mount_targets_lead_nowhere_else() {
    let engine = engine();
    let treasure = treasure(&engine);
    let absolute = treasure.display().to_string();
    evil_image(
        &engine,
        Layer::default()
            .symlink("absolute", &absolute)
            .symlink("chain", "/absolute")
            .symlink("etc/resolv.conf", "/chain/gold")
            .symlink("etc/hosts", &format!("{absolute}/gold"))
            .symlink("etc/hostname", &format!("{absolute}/new")),
    );
    engine.ok(&[
        "run",
        "--rm",
        "evil:1",
        "sh",
        "-c",
        "echo x >> /etc/hosts; echo x >> /etc/resolv.conf; true",
    ]);
    for link in ["absolute", "chain"] {
        for target in [
            format!("/{link}"),
            format!("/{link}/made/deep"),
            format!("/{link}/gold"),
        ] {
            let script = format!("echo spoilt > {target}/gold; echo spoilt > {target}; true");
            let _ = engine.run(&[
                "run",
                "--rm",
                "-v",
                &format!("vol:{target}"),
                "evil:1",
                "sh",
                "-c",
                &script,
            ]);
            let _ = engine.run(&["run", "--rm", "--tmpfs", &target, "evil:1", "sh", "-c", &script]);
            let _ = engine.run(&[
                "run",
                "--rm",
                "-w",
                &target,
                "evil:1",
                "sh",
                "-c",
                "echo spoilt > gold",
            ]);
            untouched(&treasure);
        }
    }
    let seen = engine.ok(&["run", "--rm", "-v", "vol:/v", BB, "cat", "/v/gold"]);
    assert_eq!(seen, "spoilt", "it went into the volume");
}

#[test]
fn links_swapped_into_mount_targets_lead_nowhere_else() {
    // The reference falls for this one.
    corten_only!();
    let engine = engine();
    let treasure = treasure(&engine);
    let plant = format!(
        "mkdir -p /v/real/gold /v/real/made; ln -s {} /v/link",
        up_to(&treasure)
    );
    engine.ok(&["run", "--rm", "-v", "shared:/v", BB, "sh", "-c", &plant]);
    let attacker = lurk(
        &engine,
        "attacker",
        &["-v", "shared:/v"],
        &["swap", "/v/real", "/v/link"],
    );
    for round in 0..ROUNDS {
        let target = format!("other:/v/real/made{}", round % 3);
        let _ = engine.run(&["run", "--rm", "-v", "shared:/v", "-v", &target, BB, "true"]);
        let done = engine.run(&[
            "run",
            "--rm",
            "-v",
            "shared:/v",
            "-w",
            "/v/real",
            BB,
            "cat",
            "gold",
        ]);
        assert!(!done.out().contains("gold"), "{done}");
        untouched(&treasure);
    }
    drop(attacker);
    engine.ok(&["rm", "-f", "attacker"]);
}

#[test]
fn a_part_of_a_volume_is_a_part_of_it() {
    corten_only!();
    let engine = engine();
    let treasure = treasure(&engine);
    let plant = format!(
        "mkdir -p /v/real/inner; echo mine > /v/real/gold; ln -s {} /v/link; ln -s {} /v/up; ln -s real /v/good",
        treasure.display(),
        up_to(&treasure)
    );
    engine.ok(&["run", "--rm", "-v", "shared:/v", BB, "sh", "-c", &plant]);
    let mounted = |part: &str| {
        let mount = format!("type=volume,src=shared,dst=/m,volume-subpath={part}");
        engine.run(&["run", "--rm", "--mount", &mount, BB, "cat", "/m/gold"])
    };
    assert_eq!(mounted("real").ok(), "mine");
    assert_eq!(
        mounted("good").ok(),
        "mine",
        "a link that stays inside is followed"
    );
    for part in ["link", "up", "real/../link", "nosuch"] {
        let done = mounted(part);
        assert!(done.code() != 0 && !done.out().contains("gold"), "{part}: {done}");
        let base = engine.ok(&["volume", "inspect", "-f", "{{.Mountpoint}}", "shared"]);
        done.says(&[if part == "nosuch" {
            format!("Error response from daemon: cannot access path {base}/nosuch: lstat {base}/nosuch: no such file or directory")
        } else {
            format!("path concatenation escapes the base directory, base: {base}, subpath: {part}")
        }
        .as_str()]);
        // Nor do files go there that are copied into a container that does not run.
        let mount = format!("type=volume,src=shared,dst=/m,volume-subpath={part}");
        engine.ok(&["create", "--name", "still", "--mount", &mount, BB, "true"]);
        let copied = engine.run(&["cp", "still:/m/gold", "-"]);
        assert!(!copied.out().contains("gold\n"), "{part}: {copied}");
        engine.ok(&["rm", "still"]);
    }
    for part in ["../x", "/etc", "real/../../x"] {
        let done = mounted(part);
        done.fails(125);
        done.says(&["subpath must be a relative path within the volume"]);
    }
    let attacker = lurk(
        &engine,
        "attacker",
        &["-v", "shared:/v"],
        &["swap", "/v/real", "/v/link"],
    );
    for _ in 0..ROUNDS {
        let done = mounted("real");
        assert!(!done.out().contains("gold"), "{done}");
    }
    drop(attacker);
    engine.ok(&["rm", "-f", "attacker"]);
}

#[test]
fn an_image_is_not_copied_past_its_volume() {
    let engine = engine();
    let treasure = treasure(&engine);
    let mut layer = Layer::default().directory("many/", 0o755);
    for dir in ["one", "two", "three"] {
        // Many files, so that the attacker is in time for some of them.
        layer = layer.directory(&format!("many/{dir}/"), 0o755);
        for number in 0..300 {
            layer = layer.file(&format!("many/{dir}/stolen{number}"), 0o644, b"x");
        }
    }
    evil_image(&engine, layer);
    for round in 0..2 {
        let name = format!("shared{round}");
        let root = {
            engine.ok(&["volume", "create", &name]);
            let volume = engine.api("GET", &format!("/volumes/{name}"), "").json();
            PathBuf::from(volume["Mountpoint"].as_str().unwrap())
        };
        // The attacker has what is around the volume mounted while the engine fills it from the image.
        let mount = format!("{}:/v", root.parent().unwrap().display());
        let attacker = lurk(
            &engine,
            "attacker",
            &["-v", &mount],
            &["ambush", "/v/_data", &treasure.display().to_string()],
        );
        let _ = engine.run(&[
            "create",
            "--name",
            "victim",
            "-v",
            &format!("{name}:/many"),
            "evil:1",
            "true",
        ]);
        drop(attacker);
        engine.ok(&["rm", "-f", "attacker"]);
        let _ = engine.run(&["rm", "-f", "victim"]);
        untouched(&treasure);
    }
}

#[test]
fn device_nodes_of_others_cannot_be_opened() {
    let engine = engine();
    // Memory, kernel log, first disks, loop control, fuse, kvm, the host's own terminals.
    let nodes = [
        "c 1 1", "c 1 4", "c 1 11", "b 8 0", "b 254 0", "b 7 0", "c 10 237", "c 10 229", "c 10 232", "c 4 0",
    ];
    let make = |flags: &[&str], node: &str| {
        run(
            &engine,
            flags,
            &["sh", "-c", &format!("mknod /node {node} && /intruder open /node")],
        )
    };
    for node in nodes {
        // By the cgroup's rules (EPERM), whatever the mode of the node.
        assert_eq!(make(&[], node).ok(), "open: 1", "{node}");
        let done = make(&["--cap-drop", "MKNOD"], node);
        assert_ne!(done.code(), 0, "{node}: {done}");
    }
    let rule = ["--device-cgroup-rule", "c 1:11 r"];
    assert_eq!(make(&rule, "c 1 11").ok(), "open: 1", "reading is not writing");
    assert_eq!(
        make(&["--device-cgroup-rule", "c 10:229 rw"], "c 10 229")
            .ok()
            .replace("open: 19", "open: done")
            .replace("open: 6", "open: done"),
        "open: done"
    );
    // A node on a volume is no better, nor one entered with `exec`.
    engine.ok(&[
        "run", "--rm", "-v", "vol:/v", BB, "mknod", "/v/mem", "c", "1", "1",
    ]);
    assert_eq!(
        run(&engine, &["-v", "vol:/v"], &["/intruder", "open", "/v/mem"]).ok(),
        "open: 1"
    );
    let armed = armed();
    idle(&engine, "box", &["-v", "vol:/v", &armed[0], &armed[1]]);
    assert_eq!(
        engine.ok(&["exec", "box", "/intruder", "open", "/v/mem"]),
        "open: 1"
    );
}

#[test]
fn system_calls_that_are_not_a_containers_are_refused() {
    let engine = engine();
    let allowed = |flags: &[&str]| -> Vec<String> {
        let said = run(&engine, flags, &["/intruder", "calls"]).ok();
        let lines = said.lines().map(str::to_owned);
        // EPERM, or ENOSYS for what programs know how to live without. Any other word means that the call was looked at.
        lines
            .filter(|line| !line.ends_with(": 1") && !line.ends_with(": 38"))
            .collect()
    };
    let mut open = allowed(&[]);
    if Engine::is_reference() {
        open.retain(|line| !line.starts_with("io_uring_setup"));
    }
    assert_eq!(open, [] as [String; 0]);
    assert_eq!(allowed(&["-u", "app"]).len(), open.len());
    // Without the profile the capabilities still hold: no key of the host's, no mount, no module.
    let unconfined = allowed(&["--security-opt", "seccomp=unconfined"]).join("\n");
    for call in [
        "mount:",
        "umount2",
        "pivot_root",
        "fsopen",
        "open_by_handle_at",
        "init_module",
        "kexec",
        "reboot",
        "swapon",
        "settimeofday",
        "acct",
        "sethostname",
    ] {
        assert!(
            !unconfined.lines().any(|line| line.starts_with(call)),
            "{call} in {unconfined}"
        );
    }
    // The profile is also that of who enters later, unless it enters with all rights.
    let armed = armed();
    idle(&engine, "box", &[&armed[0], &armed[1]]);
    let later = engine.ok(&["exec", "box", "/intruder", "calls"]);
    assert!(
        later.contains("unshare user: 1\n") && later.contains("mount: 1\n"),
        "{later}"
    );
}

#[test]
fn keys_are_each_containers_own() {
    let engine = engine();
    let keyring = |flags: &[&str]| {
        run(
            &engine,
            flags,
            &["sh", "-c", "cat /proc/keys; cat /proc/key-users"],
        )
        .ok()
    };
    assert!(!keyring(&[]).contains("_ses"), "hidden");
    let armed = armed();
    let open = ["--security-opt", "seccomp=unconfined"];
    for name in ["one", "two"] {
        idle(&engine, name, &[&armed[0], &armed[1], open[0], open[1]]);
    }
    // With the calls allowed, what one adds is in its own session keyring, which the other does not share.
    let said = |name: &str, attack: &str| engine.ok(&["exec", name, "/intruder", attack]);
    assert_eq!(said("one", "add-key"), "add_key: done");
    assert_eq!(said("one", "find-key"), "keyctl: done");
    assert_eq!(said("two", "find-key"), "keyctl: 126");
}

#[test]
fn cgroups_cannot_be_written() {
    let engine = engine();
    let script = "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do test -d $d || continue; \
                  (echo /bin/evil > $d/release_agent) 2>/dev/null && echo release_agent $d; \
                  (echo 1 > $d/notify_on_release) 2>/dev/null && echo notify $d; \
                  (echo 0 > $d/cgroup.procs) 2>/dev/null && echo procs $d; \
                  (echo a > $d/devices.allow) 2>/dev/null && echo devices $d; \
                  (echo -1 > $d/memory.limit_in_bytes) 2>/dev/null && echo memory $d; \
                  (echo max > $d/memory.max) 2>/dev/null && echo memory $d; \
                  mkdir $d/x 2>/dev/null && echo mkdir $d; done; \
                  mkdir /tmp/c; mount -t cgroup -o memory x /tmp/c 2>/dev/null && echo mounted; \
                  mount -t cgroup2 x /tmp/c 2>/dev/null && echo mounted; true";
    for flags in [
        &[][..],
        &["--cap-add", "DAC_READ_SEARCH"],
        &["--cgroupns", "private"],
    ] {
        assert_eq!(run(&engine, flags, &["sh", "-c", script]).ok(), "", "{flags:?}");
    }
}

#[test]
fn other_containers_cannot_be_joined_or_traced() {
    let engine = engine();
    let target = idle(&engine, "target", &[]);
    let pid = crate::pid_of(&engine, "target").to_string();
    // Seen from the host's pid namespace: everything has a number, nothing can be entered.
    for namespace in ["mnt", "net", "pid", "uts", "ipc"] {
        for pid in ["1", &pid] {
            let path = format!("/proc/{pid}/ns/{namespace}");
            let done = run(&engine, &["--pid", "host"], &["/intruder", "join", &path]).out();
            assert!(
                done.contains("setns: 13") || done.contains("setns: 1"),
                "{path}: {done}"
            );
        }
    }
    assert_eq!(
        run(&engine, &["--pid", "host"], &["/intruder", "trace", "1"]).ok(),
        "ptrace: 1"
    );
    let root = run(
        &engine,
        &["--pid", "host"],
        &["sh", "-c", "ls /proc/1/root/ /proc/1/cwd/ 2>/dev/null"],
    );
    assert_eq!(root.out(), "");
    // In one's own pid namespace there is nobody else.
    let seen = run(&engine, &[], &["sh", "-c", "ls -d /proc/[0-9]* | wc -l"]).ok();
    assert!(seen.parse::<u32>().unwrap() <= 4, "{seen}");
    assert!(
        !run(&engine, &[], &["sh", "-c", "cat /proc/*/cgroup"])
            .out()
            .contains(&target)
    );
}

#[test]
fn a_hostile_user_database_is_no_trap() {
    // The reference falls for this one.
    corten_only!();
    let engine = engine();
    let plant = "rm /etc/passwd /etc/group; mkfifo /etc/passwd; mkdir /etc/group; sleep 1000";
    engine.ok(&["run", "-d", "--name", "box", BB, "sh", "-c", plant]);
    corten_testkit::until("the trap is set", SOON, || {
        engine
            .run(&["exec", "-u", "0:0", "box", "test", "-p", "/etc/passwd"])
            .code()
            == 0
    });
    let done = engine.run(&["exec", "-u", "app", "box", "true"]);
    assert_ne!(done.code(), 0, "{done}");
    assert!(
        (done.out() + &done.err()).contains("unable to find user app: no matching entries in passwd file"),
        "{done}"
    );
    let seen = engine.ok(&[
        "exec",
        "-u",
        "1234:1235",
        "box",
        "grep",
        "^Uid",
        "/proc/self/status",
    ]);
    assert!(seen.contains("1234"), "{seen}");
    engine.ok(&[
        "exec",
        "box",
        "sh",
        "-c",
        "rm /etc/passwd; ln -s /dev/zero /etc/passwd; rmdir /etc/group; ln -s /proc/kmsg /etc/group",
    ]);
    let seen = engine.ok(&["exec", "-u", "7:8", "box", "grep", "^Gid", "/proc/self/status"]);
    assert!(seen.contains("\t8\t"), "{seen}");
}

#[test]
fn privileged_means_it() {
    let engine = engine();
    let own = fs::read_to_string("/proc/self/status").unwrap();
    if Engine::is_reference() && corten_testkit::proc::field(&own, "CapBnd").unwrap() != "000001ffffffffff" {
        eprintln!("skipped: the reference wants capabilities this host does not have");
        return;
    }
    let script = "mount -t tmpfs x /mnt 2>/dev/null || { mkdir -p /mnt; mount -t tmpfs x /mnt; } && echo mounts; \
                  mknod /node c 1 11 && /intruder open /node; unshare -m true && echo unshares; \
                  grep -c ' /proc/sys ' /proc/self/mounts";
    let seen = run(&engine, &["--privileged"], &["sh", "-c", script]).out();
    assert_eq!(seen, "mounts\nopen: done\nunshares\n0\n");
    // Rights given to one process are that process's alone.
    let armed = armed();
    idle(&engine, "box", &[&armed[0], &armed[1]]);
    let status = engine.ok(&["exec", "--privileged", "box", "cat", "/proc/self/status"]);
    assert!(!status.contains("CapEff:\t00000000a80425fb"), "{status}");
    let status = engine.ok(&["exec", "box", "cat", "/proc/self/status"]);
    assert!(status.contains("CapEff:\t00000000a80425fb"), "{status}");
}
