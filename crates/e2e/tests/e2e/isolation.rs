//! What a container may see and do, read back from inside, equals Docker's.

use std::collections::BTreeMap;

use corten_testkit::{Engine, Finished};

use crate::{BB, corten_only, engine};

fn status(engine: &Engine, flags: &[&str]) -> BTreeMap<String, String> {
    let mut args = vec!["run", "--rm"];
    args.extend(flags);
    args.extend([BB, "cat", "/proc/self/status"]);
    let text = engine.ok(&args);
    let pairs = text.lines().filter_map(|line| line.split_once(":\t"));
    pairs
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect()
}

fn shell(engine: &Engine, flags: &[&str], script: &str) -> Finished {
    let mut args = vec!["run", "--rm"];
    args.extend(flags);
    args.extend([BB, "sh", "-c", script]);
    engine.run(&args)
}

#[test]
fn capabilities_are_dockers() {
    let engine = engine();
    let default = status(&engine, &[]);
    let capabilities = |status: &BTreeMap<String, String>| {
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
            .map(|key| status[key].trim_start_matches('0').to_owned())
    };
    assert_eq!(
        capabilities(&default),
        ["", "a80425fb", "a80425fb", "a80425fb", ""]
    );
    assert_eq!(
        capabilities(&status(&engine, &["-u", "app"])),
        ["", "", "", "a80425fb", ""]
    );
    assert_eq!(capabilities(&status(&engine, &["--cap-drop", "ALL"])), [""; 5]);
    assert_eq!(
        capabilities(&status(&engine, &["--cap-drop", "ALL", "--cap-add", "CHOWN"])),
        ["", "1", "1", "1", ""]
    );
    assert_eq!(
        capabilities(&status(&engine, &["--cap-add", "NET_ADMIN"])),
        ["", "a80435fb", "a80435fb", "a80435fb", ""]
    );
    assert_eq!(status(&engine, &[])["NoNewPrivs"], "0");
    assert_eq!(
        status(&engine, &["--security-opt", "no-new-privileges"])["NoNewPrivs"],
        "1"
    );
    let mount = "mount -t tmpfs x /tmp";
    let done = shell(&engine, &[], mount);
    assert_ne!(done.code(), 0);
    done.says(&["ermission denied", "not permitted"]);
    // With the capability the profile lets mount through, as Docker's does.
    shell(
        &engine,
        &["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"],
        mount,
    )
    .fails(0);
}

#[test]
fn what_tells_of_the_host_is_masked() {
    let engine = engine();
    let script = "cat /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | wc -c; \
                  ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v : | wc -w";
    let seen = shell(&engine, &[], script).ok();
    assert!(seen.split_whitespace().all(|number| number == "0"), "{seen}");
    let files = [
        "/proc/sys/kernel/domainname",
        "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity",
    ];
    // Not every kernel has them all.
    for path in files.iter().filter(|path| std::path::Path::new(path).exists()) {
        let done = shell(&engine, &[], &format!("echo x > {path}"));
        assert_ne!(done.code(), 0, "{path}");
        done.says(&["Read-only file system"]);
    }
    shell(
        &engine,
        &[],
        "d=/sys/fs/cgroup/memory; test -d $d || d=/sys/fs/cgroup; mkdir $d/x",
    )
    .says(&["Read-only file system", "Permission denied"]);
}

#[test]
fn privileged_is_all_this_host_has() {
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let bounding = corten_testkit::proc::field(&own, "CapBnd").unwrap();
    if Engine::is_reference() && bounding != "000001ffffffffff" {
        eprintln!("skipped: the reference wants capabilities this host does not have");
        return;
    }
    let engine = engine();
    let all = status(&engine, &["--privileged"]);
    assert_eq!(
        (
            all["CapEff"].as_str(),
            all["CapBnd"].as_str(),
            all["Seccomp"].as_str()
        ),
        (bounding, bounding, "0")
    );
    let open = shell(
        &engine,
        &["--privileged"],
        "touch /proc/sys/kernel/domainname && ls /dev | wc -l",
    )
    .ok();
    assert!(
        open.parse::<u32>().unwrap() > 30,
        "it sees the host's devices: {open}"
    );
}

#[test]
fn devices_are_the_few_that_are_harmless() {
    let engine = engine();
    let list = shell(&engine, &[], "ls /dev | tr '\\n' ' '").ok();
    assert_eq!(
        list.trim_start_matches("core "),
        "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    );
    let numbers = shell(
        &engine,
        &[],
        "cd /dev; stat -c '%n %t:%T %a' null zero full random urandom tty",
    )
    .ok();
    let expected = "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666";
    assert_eq!(numbers, expected);
    let links = shell(
        &engine,
        &[],
        "cd /dev; readlink fd; readlink ptmx; readlink stdin",
    )
    .ok();
    assert_eq!(links, "/proc/self/fd\npts/ptmx\n/proc/self/fd/0");
    // A node may be made (CAP_MKNOD is kept), but not opened: loop-control asks for no capability of its own.
    let done = shell(&engine, &[], "mknod /tmp/loop c 10 237 && cat < /tmp/loop");
    assert_ne!(done.code(), 0);
    done.says(&["Operation not permitted"]);
    shell(&engine, &[], "mknod /tmp/null c 1 3 && cat < /tmp/null").fails(0);
}

#[test]
fn standard_mounts_have_dockers_flags() {
    let engine = engine();
    let text = shell(&engine, &[], "cat /proc/self/mounts").ok();
    let mounts: BTreeMap<&str, (&str, Vec<&str>)> = text
        .lines()
        .filter_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [_, point, kind, options, ..] => Some((point, (kind, options.split(',').collect()))),
            _ => None,
        })
        .collect();
    let check = |point: &str, kind: &str, flags: &[&str]| {
        let (found, options) = mounts.get(point).unwrap_or_else(|| panic!("{point} in {text}"));
        assert_eq!(*found, kind, "{point}");
        for flag in flags {
            assert!(options.contains(flag), "{point} is {flag}: {options:?}");
        }
    };
    check("/", "overlay", &["rw", "relatime"]);
    check("/proc", "proc", &["rw", "nosuid", "nodev", "noexec"]);
    check("/dev", "tmpfs", &["rw", "nosuid", "size=65536k", "mode=755"]);
    check(
        "/dev/pts",
        "devpts",
        &["rw", "nosuid", "noexec", "gid=5", "mode=620", "ptmxmode=666"],
    );
    check("/dev/mqueue", "mqueue", &["rw", "nosuid", "nodev", "noexec"]);
    check(
        "/dev/shm",
        "tmpfs",
        &["rw", "nosuid", "nodev", "noexec", "size=65536k"],
    );
    check("/sys", "sysfs", &["ro", "nosuid", "nodev", "noexec"]);
    for point in [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ] {
        if mounts.contains_key(point) || point == "/proc/sys" {
            check(point, "proc", &["ro"]);
        }
    }
    check("/sys/firmware", "tmpfs", &["ro"]);
    assert!(
        mounts.keys().any(|point| point.starts_with("/sys/fs/cgroup")),
        "{text}"
    );
    for (point, (kind, options)) in mounts.iter().filter(|(_, (kind, _))| kind.starts_with("cgroup")) {
        assert!(options.contains(&"ro"), "{point} {kind} {options:?}");
    }
    for file in ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"] {
        assert!(mounts.contains_key(file), "{file} in {text}");
    }
}

#[test]
fn namespaces_are_its_own() {
    let engine = engine();
    let names = ["ipc", "mnt", "net", "pid", "uts"];
    let script = "for n in ipc mnt net pid uts; do readlink /proc/self/ns/$n; done";
    let inside = shell(&engine, &[], script).ok();
    for (name, inside) in names.iter().zip(inside.lines()) {
        let outside = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert_ne!(outside.to_str(), Some(inside), "{name}");
    }
    let host = shell(
        &engine,
        &[
            "--pid",
            "host",
            "--ipc",
            "host",
            "--uts",
            "host",
            "--network",
            "host",
        ],
        script,
    )
    .ok();
    for (name, inside) in names.iter().zip(host.lines()).filter(|(name, _)| **name != "mnt") {
        let outside = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert_eq!(outside.to_str(), Some(inside), "{name}");
    }
}

#[test]
fn an_ipc_namespace_is_shared_with_its_memory_where_it_is_offered() {
    let engine = engine();
    crate::idle(&engine, "owner", &["--ipc", "shareable"]);
    crate::idle(&engine, "alone", &["--ipc", "private"]);
    let say = |container: &str, script: &str| engine.ok(&["exec", container, "sh", "-c", script]);
    say("owner", "echo to-guest > /dev/shm/note");
    crate::idle(&engine, "guest", &["--ipc", "container:owner"]);
    assert_eq!(say("guest", "cat /dev/shm/note").trim(), "to-guest");
    say("guest", "echo to-owner > /dev/shm/reply");
    assert_eq!(say("owner", "cat /dev/shm/reply").trim(), "to-owner");
    let seen = "readlink /proc/self/ns/ipc; grep ' /dev/shm ' /proc/mounts";
    assert_eq!(say("owner", seen), say("guest", seen));
    assert_ne!(say("alone", seen), say("guest", seen));
    let refused = engine.run(&["run", "--rm", "--ipc", "container:alone", BB, "true"]);
    refused.fails(125);
    refused.says(&["non-shareable IPC (hint: use IpcMode:shareable for the donor container)"]);
    shell(&engine, &["--ipc", "none"], "test ! -e /dev/shm").ok();
    // It is found again when it is called otherwise, and is gone for others when it has ended.
    engine.ok(&["rename", "owner", "other"]);
    crate::idle(&engine, "owner", &["--ipc", "shareable"]);
    engine.ok(&["restart", "-t", "0", "guest"]);
    assert_eq!(say("guest", "cat /dev/shm/note").trim(), "to-guest");
    engine.ok(&["stop", "-t", "0", "other", "guest"]);
    engine.run(&["start", "guest"]).fails(1);
}

#[test]
fn the_supervisor_cannot_be_overwritten_from_inside() {
    let engine = engine();
    // CVE-2019-5736: a process enters through /proc/self/exe of whoever starts it; what it finds must not be writable.
    crate::idle(&engine, "box", &[]);
    let script = "for p in /proc/[0-9]*; do for f in $p/exe; do (: >> $f) 2>/dev/null && readlink $f; done; done; true";
    let writable = engine.ok(&["exec", "-u", "0", "box", "sh", "-c", script]);
    assert!(!writable.contains("corten"), "{writable}");
    let done = shell(&engine, &["--entrypoint", "/proc/self/exe"], "");
    assert_ne!(
        done.code(),
        0,
        "the supervisor must not run as a program of the container: {done}"
    );
}

#[test]
fn a_daemon_in_a_chroot_starts_nothing() {
    corten_only!();
    let engine = corten_testkit::Engine::start();
    let root = engine.scratch("jail");
    let path = root.display().to_string();
    // The machine once more, below a directory: a chroot there has everything but the root of its mount namespace.
    let script = "mount --rbind / \"$1\" && exec chroot \"$@\"";
    let state = engine.scratch("state").display().to_string();
    let socket = format!("{state}/s.sock");
    let mut daemon = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "jail", &path])
        .arg(corten_testkit::binary())
        .args([
            "daemon",
            "--bridge",
            "none",
            "--data-root",
            &format!("{state}/data"),
        ])
        .args([
            "--exec-root",
            &format!("{state}/exec"),
            "--pidfile",
            &format!("{state}/pid"),
        ])
        .args([
            "--host",
            &format!("unix://{socket}"),
            "--cgroup-parent",
            &engine.slot().cgroup_parent(),
        ])
        .args(["--config-file", "/dev/null"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let socket = std::path::PathBuf::from(socket);
    corten_testkit::until("the daemon answers", crate::SOON, || {
        corten_testkit::http::try_unix(&socket, "GET", "/_ping", b"").is_ok()
    });
    let ask = |path: &str, body: &str| corten_testkit::http::unix(&socket, "POST", path, body.as_bytes());
    ask("/images/create?fromImage=hello-world&tag=latest", "");
    let body = r#"{"Image":"hello-world","HostConfig":{"NetworkMode":"none"}}"#;
    let made = ask("/containers/create?name=box", body);
    let refused = ask("/containers/box/start", "");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(refused.status, 501, "{}", refused.text());
    assert!(
        refused.message().starts_with("the daemon runs in a chroot"),
        "{}",
        refused.text()
    );
}
