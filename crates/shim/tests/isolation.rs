//! What a container sees and may do, by itself and next to the same bundle under runc.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use corten_shim_api::{NetworkMode, Request, Response, RootMount};
use harness::{Container, wait_until};
use serde_json::{Value, json};

#[test]
fn proc_and_sys_are_guarded() {
    let script = "echo x > /proc/sys/kernel/panic; mkdir /sys/x; \
                  cat /proc/interrupts | wc -c; ls /sys/firmware | wc -l; cat /proc/keys | wc -c; \
                  echo x > /sys/fs/cgroup/pids/tasks; stat -c %t,%T /proc/interrupts";
    let received = Container::script(script).run();
    assert_eq!(received.text(), "0\n0\n0\n1,3\n");
    let errors = String::from_utf8(received.stderr).unwrap();
    assert_eq!(
        errors.matches("Read-only file system").count(),
        errors.lines().count(),
        "{errors}"
    );
    assert!(errors.lines().count() >= 3, "{errors}");
}

#[test]
fn nothing_above_standard_streams_is_open() {
    let received =
        Container::script("ls /proc/self/fd; ls -l /proc/self/cwd /proc/self/root; ls -l /proc/1/exe").run();
    let text = received.text();
    // 3 is the directory being listed.
    assert!(text.starts_with("0\n1\n2\n3\n"), "{text}");
    assert!(
        text.lines().count() == 7 && text.contains("/proc/1/exe -> /bin/busybox"),
        "{text}"
    );
}

#[test]
fn devices_and_links() {
    let script = "stat -c '%n %a %t,%T' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty; \
                  for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; \
                  stat -c %a /dev/shm /dev/mqueue /dev/pts/ptmx; echo x > /dev/null && echo fine; \
                  test -e /dev/console || echo none; stat -c %a,%u,%g /dev/fuse";
    let received = Container::script(script)
        .with(|spec| {
            spec["linux"]["devices"] =
                json!([{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "gid": 7}]);
        })
        .run();
    let expected = "/dev/null 666 1,3\n/dev/zero 666 1,5\n/dev/full 666 1,7\n/dev/random 666 1,8\n\
                    /dev/urandom 666 1,9\n/dev/tty 666 5,0\n/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n\
                    /proc/self/fd/2\npts/ptmx\n1777\n1777\n666\nfine\nnone\n640,0,7\n";
    assert_eq!(received.text(), expected, "{received:?}");
}

#[test]
fn binds_volumes_and_read_only_roots() {
    let script = "cat /data/file; echo new > /data/made; echo x > /ro/file; touch /x; touch /tmp/y && echo tmp; \
                  cat /etc/hosts; stat -c %a /tmp; touch /deep/new/dir/z && echo deep; grep -c ' /data ' /proc/self/mountinfo";
    let container = Container::script(script);
    let (data, hosts) = (container.path("data"), container.path("hosts"));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file"), "content\n").unwrap();
    fs::write(&hosts, "127.0.0.1 me\n").unwrap();
    let tmp = container.path("lower/tmp");
    fs::set_permissions(tmp, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    let bind = |source: &std::path::Path, destination: &str, options: &[&str]| json!({"destination": destination, "type": "bind", "source": source, "options": options});
    let mut container = container.with(|spec| {
        spec["root"]["readonly"] = json!(true);
        spec["mounts"].as_array_mut().unwrap().extend([
            bind(&data, "/data", &["rbind", "rprivate"]),
            bind(&data, "/ro", &["rbind", "ro", "rprivate"]),
            bind(&hosts, "/etc/hosts", &["rbind", "rprivate"]),
            bind(&data, "/deep/new/dir", &["bind", "rslave"]),
            json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=1m"]}),
        ]);
    });
    let received = container.run();
    assert_eq!(
        received.text(),
        "content\ntmp\n127.0.0.1 me\n1777\ndeep\n1\n",
        "{received:?}"
    );
    assert_eq!(fs::read_to_string(data.join("made")).unwrap(), "new\n");
    let errors = String::from_utf8(received.stderr).unwrap();
    assert_eq!(errors.matches("Read-only file system").count(), 2, "{errors}");
    container.assert_gone();
}

#[test]
fn links_in_the_image_lead_mounts_nowhere_else() {
    let container = Container::script("ls /inside; cat /link/file");
    let (outside, data) = (container.path("outside"), container.path("data"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file"), "mounted\n").unwrap();
    std::os::unix::fs::symlink("/../../../../../inside", container.path("lower/link")).unwrap();
    let mut container = container.with(|spec| {
        spec["mounts"]
            .as_array_mut()
            .unwrap()
            .push(json!({"destination": "/link", "type": "bind", "source": data, "options": ["bind"]}));
    });
    assert_eq!(container.run().text(), "file\nmounted\n");
    container.assert_gone();
}

#[test]
fn rights_of_a_user() {
    let script = "id; grep -E '^(Cap|NoNewPrivs|Groups)' /proc/self/status; umask; echo $HOME; pwd";
    let received = Container::script(script)
        .with(|spec| {
            spec["process"]["user"] = json!({"uid": 0, "gid": 0, "username": "web", "additionalGids": [7]});
            spec["process"]["noNewPrivileges"] = json!(true);
            spec["process"]["cwd"] = json!("/work/here");
        })
        .run();
    let expected = "uid=1000(web) gid=1001(web) groups=7,29(audio),1001(web)\nGroups:\t7 29 1001 \n\
                    CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                    CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n0022\n/home/web\n/work/here\n";
    assert_eq!(received.text(), expected, "{received:?}");
}

#[test]
fn ambient_capabilities() {
    let received = Container::script("grep -E '^Cap(Eff|Amb)' /proc/self/status")
        .with(|spec| {
            let set = json!(["CAP_NET_BIND_SERVICE"]);
            spec["process"]["user"] = json!({"uid": 1000, "gid": 1001});
            spec["process"]["capabilities"] =
                json!({"bounding": set, "permitted": set, "effective": set, "inheritable": set, "ambient": set});
        })
        .run();
    assert_eq!(
        received.text(),
        "CapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n"
    );
}

#[test]
fn limits_parameters_and_names() {
    let script = "ulimit -n; hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward \
                  /proc/sys/kernel/shm_rmid_forced; cat /proc/self/oom_score_adj; cat /sys/fs/cgroup/memory/memory.limit_in_bytes \
                  || cat /sys/fs/cgroup/memory.max";
    let received = Container::script(script)
        .with(|spec| {
            spec["domainname"] = json!("example.org");
            spec["process"]["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "soft": 1000, "hard": 2000}]);
            spec["process"]["oomScoreAdj"] = json!(500);
            spec["linux"]["sysctl"] = json!({"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"});
            spec["linux"]["resources"]["memory"] = json!({"limit": 64 << 20});
        })
        .run();
    assert_eq!(
        received.text(),
        "1000\ntesthost\nexample.org\n1\n1\n500\n67108864\n",
        "{received:?}"
    );
}

/// One rule: `uname` is refused with EACCES, everything else allowed.
fn filter() -> Vec<u8> {
    let instructions: [(u16, u8, u8, u32); 4] = [
        (0x20, 0, 0, 0),
        (0x15, 0, 1, libc::SYS_uname as u32),
        (0x06, 0, 0, 0x0005_0000 | libc::EACCES as u32),
        (0x06, 0, 0, 0x7fff_0000),
    ];
    let mut bytes = Vec::new();
    for (code, yes, no, value) in instructions {
        bytes.extend(code.to_ne_bytes());
        bytes.extend([yes, no]);
        bytes.extend(value.to_ne_bytes());
    }
    bytes
}

#[test]
fn seccomp_with_and_without_new_privileges() {
    for no_new_privileges in [false, true] {
        let container = Container::script("hostname; grep Seccomp: /proc/self/status; sleep 1000")
            .with(|spec| spec["process"]["noNewPrivileges"] = json!(no_new_privileges));
        let path = container.path("filter");
        fs::write(&path, filter()).unwrap();
        let mut container = container.ordered(|launch| launch.seccomp = Some(path));
        container.start();
        wait_until("it has looked", || container.logged("stdout").contains("Seccomp"));
        assert!(
            container.logged("stdout").ends_with("Seccomp:\t2\n"),
            "{}",
            container.log()
        );
        assert!(!container.logged("stdout").contains("testhost"));
        let inside = container.exec(&["sh", "-c", "hostname; grep Seccomp: /proc/self/status"]);
        assert_eq!(inside.text().lines().last(), Some("Seccomp:\t2"), "{inside:?}");
        assert!(!inside.text().contains("testhost"));
        container.kill();
    }
}

#[test]
fn networks() {
    let script = "ls /sys/class/net; cat /sys/class/net/lo/operstate; ip link show lo | grep -c UP";
    let mut isolated = Container::script(script);
    assert_eq!(isolated.run().text(), "lo\nunknown\n1\n");

    let mut host = Container::script("readlink /proc/self/ns/net").with(|spec| {
        spec["linux"]["namespaces"]
            .as_array_mut()
            .unwrap()
            .retain(|namespace| namespace["type"] != "network");
    });
    host.launch.network = NetworkMode::Host;
    assert_eq!(
        host.run().text().trim(),
        fs::read_link("/proc/self/ns/net").unwrap().to_str().unwrap()
    );

    // A prepared one: that of a process which has nothing else to do.
    let mut other = Command::new("unshare")
        .args(["--net", "sleep", "1000"])
        .spawn()
        .unwrap();
    let path = format!("/proc/{}/ns/net", other.id());
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    wait_until("it has its namespace", || fs::read_link(&path).unwrap() != own);
    let mut prepared = Container::script("readlink /proc/self/ns/net; ls /sys/class/net")
        .ordered(|launch| launch.network = NetworkMode::Prepared);
    assert!(matches!(prepared.create(), Response::Created { .. }));
    let mut client = prepared.attach(false);
    let proceed = Request::Proceed {
        netns: Some(path.clone().into()),
        resolver: None,
    };
    let started = harness::ask(prepared.control(), &proceed);
    assert!(matches!(started, Response::Started { .. }), "{started:?}");
    let received = harness::receive_all(&mut client);
    let expected = format!("{}\nlo\n", fs::read_link(&path).unwrap().display());
    assert_eq!(received.text(), expected);
    prepared.wait();
    other.kill().unwrap();
    other.wait().unwrap();
}

/// The container's view of itself, in a form that two runtimes can be compared by.
const VIEW: &str = "echo @caps; grep -E '^(Cap|NoNewPrivs|Seccomp|Groups|SigBlk|SigCgt)' /proc/1/status; \
    echo @mounts; cat /proc/self/mountinfo; echo @env; cat /proc/1/environ | tr '\\0' '\\n'; \
    echo @dev; ls -l /dev | awk '{print $1,$3,$4,$5,$6,$NF}'; echo @session; awk '{print $5,$6,$7,$8}' /proc/1/stat; \
    echo @keys; cat /proc/key-users | wc -l; echo @limits; cat /proc/1/limits; echo @umask; umask; \
    echo @cgroup; cat /proc/self/cgroup; ls /sys/fs/cgroup; echo @end";

fn section<'t>(text: &'t str, name: &str) -> &'t str {
    let start = text
        .find(&format!("@{name}\n"))
        .unwrap_or_else(|| panic!("{name} in {text}"));
    let rest = &text[start + name.len() + 2..];
    &rest[..rest.find('@').unwrap_or(rest.len())]
}

/// Mount point, type and options of each mount, and its propagation.
fn mounts(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let (mount, file_system) = line.split_once(" - ").unwrap();
        let mount: Vec<&str> = mount.split(' ').collect();
        let file_system: Vec<&str> = file_system.split(' ').collect();
        // It does not matter whether a mount or its file system is read-only.
        let options = match file_system[2].starts_with("ro") {
            true => mount[5].replacen("rw", "ro", 1),
            false => mount[5].to_owned(),
        };
        format!(
            "{} {options} {} {}",
            mount[4],
            file_system[0],
            mount[6..].join(" ")
        )
    };
    section(text, "mounts").lines().map(line).collect()
}

#[test]
fn the_view_from_inside_is_runcs() {
    let mut ours = Container::script(VIEW).with(|spec| {
        spec["process"]["args"] = json!(["sh", "-c", VIEW]);
    });
    // Only what both can do: runc knows no overlay of its own and makes its networks itself.
    ours.launch.root = RootMount::Directory(ours.path("lower"));
    let our_view = ours.run().text();

    let bundle = ours.path("runc");
    let state = ours.path("runc-state");
    fs::create_dir(&bundle).unwrap();
    let mut spec: Value = ours.spec.clone();
    spec["root"]["path"] = json!(ours.path("lower"));
    spec["linux"]["cgroupsPath"] = json!(format!("/{}-runc", ours.id));
    fs::write(bundle.join("config.json"), serde_json::to_vec(&spec).unwrap()).unwrap();
    let output = Command::new("runc")
        .arg("--root")
        .arg(&state)
        .args(["run", "--bundle"])
        .arg(&bundle)
        .arg(format!("{}-runc", ours.id))
        .output()
        .unwrap();
    let their_view = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    for name in ["caps", "env", "dev", "session", "limits", "umask", "cgroup"] {
        assert_eq!(section(&our_view, name), section(&their_view, name), "{name}");
    }
    let (mut our_mounts, mut their_mounts) = (mounts(&our_view), mounts(&their_view));
    // With a cgroup namespace runc leaves the directory of the v1 hierarchies writable; here it is read-only as asked.
    for mounts in [&mut our_mounts, &mut their_mounts] {
        mounts.retain(|mount| !(mount.starts_with("/sys/fs/cgroup ") && mount.contains(" tmpfs ")));
    }
    let ours_only: Vec<_> = our_mounts.difference(&their_mounts).collect();
    let theirs_only: Vec<_> = their_mounts.difference(&our_mounts).collect();
    assert!(
        ours_only.is_empty() && theirs_only.is_empty(),
        "ours: {ours_only:#?}\nrunc's: {theirs_only:#?}"
    );
}
