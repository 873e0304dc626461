//! Real cgroups of this host's v1 hierarchies; without root or v1 there is nothing to test and the tests say so.

#![allow(clippy::unwrap_used)] // helpers of tests, too, may fail loudly

mod support;

use std::fs;
use std::time::{Duration, Instant};

use corten_cgroup::{Cgroup, Error, Layout};
use support::{Child, Scratch, eventually, resources};

/// The host's layout if these tests can run here.
fn v1() -> Option<Layout> {
    // SAFETY: geteuid only answers.
    let root = unsafe { libc::geteuid() } == 0;
    match Layout::detect() {
        Ok(layout @ Layout::V1 { .. }) if root && layout.has("freezer") => Some(layout),
        _ => {
            eprintln!("skipped: needs root and cgroup v1");
            None
        }
    }
}

fn value(cgroup: &Cgroup, controller: &str, file: &str) -> String {
    fs::read_to_string(cgroup.directory(controller).unwrap().join(file))
        .unwrap()
        .trim()
        .to_owned()
}

/// Directories of the cgroup that exist, over all hierarchies.
fn directories(layout: &Layout, cgroup: &Cgroup) -> usize {
    let Layout::V1 { hierarchies } = layout else {
        panic!("not v1")
    };
    hierarchies
        .iter()
        .filter(|h| cgroup.directory(&h.controllers[0]).unwrap().exists())
        .count()
}

#[test]
fn limits_are_set_and_changed() {
    let Some(layout) = v1() else { return };
    let scratch = Scratch::new(&layout);
    let cgroup = &scratch.cgroup;
    let started = Instant::now();
    cgroup
        .create(&resources(
            r#"{
            "devices": [{"allow": false, "access": "rwm"},
                        {"allow": true, "type": "c", "access": "m"},
                        {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}],
            "memory": {"limit": 67108864, "swap": 134217728, "reservation": 33554432},
            "cpu": {"shares": 512, "quota": 50000, "period": 100000},
            "pids": {"limit": 100},
            "blockIO": {"weight": 300}}"#,
        ))
        .unwrap();
    println!("create: {:?}", started.elapsed());
    assert_eq!(value(cgroup, "memory", "memory.limit_in_bytes"), "67108864");
    assert_eq!(
        value(cgroup, "memory", "memory.memsw.limit_in_bytes"),
        "134217728"
    );
    assert_eq!(value(cgroup, "memory", "memory.soft_limit_in_bytes"), "33554432");
    assert_eq!(value(cgroup, "cpu", "cpu.shares"), "512");
    assert_eq!(value(cgroup, "cpu", "cpu.cfs_quota_us"), "50000");
    assert_eq!(value(cgroup, "pids", "pids.max"), "100");
    assert_eq!(value(cgroup, "devices", "devices.list"), "c *:* m\nc 1:3 rwm");
    assert_ne!(value(cgroup, "cpuset", "cpuset.cpus"), "");
    assert_ne!(value(cgroup, "cpuset", "cpuset.mems"), "");

    // Up beyond the old memory+swap, then down again: the two files depend on each other.
    for (limit, swap) in [(268_435_456, 536_870_912), (33_554_432, 33_554_432)] {
        let json = format!(r#"{{"memory": {{"limit": {limit}, "swap": {swap}}}, "cpu": {{"quota": -1}}}}"#);
        cgroup.update(&resources(&json)).unwrap();
        assert_eq!(
            value(cgroup, "memory", "memory.limit_in_bytes"),
            limit.to_string()
        );
        assert_eq!(
            value(cgroup, "memory", "memory.memsw.limit_in_bytes"),
            swap.to_string()
        );
    }
    assert_eq!(value(cgroup, "cpu", "cpu.cfs_quota_us"), "-1");
    assert_eq!(value(cgroup, "cpu", "cpu.shares"), "512");
}

#[test]
fn a_cpuset_is_set_below_parents_that_are_new() {
    let Some(layout) = v1() else { return };
    let scratch = Scratch::new(&layout);
    let cgroup = &scratch.cgroup;
    cgroup
        .create(&resources(r#"{"cpu": {"cpus": "0", "mems": "0"}}"#))
        .unwrap();
    assert_eq!(value(cgroup, "cpuset", "cpuset.cpus"), "0");
    assert_eq!(value(cgroup, "cpuset", "cpuset.mems"), "0");
    cgroup.remove().unwrap();
    cgroup.create(&resources(r#"{"cpu": {"cpus": "0"}}"#)).unwrap();
    assert_eq!(value(cgroup, "cpuset", "cpuset.cpus"), "0");
    assert_ne!(value(cgroup, "cpuset", "cpuset.mems"), "");
}

#[test]
fn children_join_are_counted_frozen_killed_and_leave_nothing() {
    let Some(layout) = v1() else { return };
    let scratch = Scratch::new(&layout);
    let cgroup = &scratch.cgroup;
    cgroup
        .create(&resources(r#"{"memory": {"limit": 67108864}}"#))
        .unwrap();
    let joiner = cgroup.join_fds().unwrap();
    assert!(joiner.clone_into().is_none());
    let child = Child::sleeping(&joiner);
    assert_eq!(cgroup.pids().unwrap(), [child.0 as u32]);
    let membership = fs::read_to_string(format!("/proc/{}/cgroup", child.0)).unwrap();
    let outside = membership
        .lines()
        .filter(|l| !l.starts_with("0::") && !l.ends_with("/box"))
        .count();
    assert_eq!(outside, 0, "{membership}");

    let stats = cgroup.stats().unwrap();
    assert_eq!(stats.pids.current, 1);
    assert_eq!(stats.pids.limit, u64::MAX);
    assert_eq!(stats.memory.limit, 67_108_864);
    assert!(stats.memory.stat.iter().any(|(key, _)| key == "total_rss"));
    assert!(!stats.cpu.per_cpu.is_empty());
    assert_eq!(cgroup.oom_kill_count().unwrap(), 0);
    assert!(cgroup.memory_peak().unwrap().is_some());

    cgroup.freeze().unwrap();
    assert!(cgroup.is_frozen().unwrap());
    assert_eq!(value(cgroup, "freezer", "freezer.state"), "FROZEN");
    cgroup.thaw().unwrap();
    assert_eq!(value(cgroup, "freezer", "freezer.state"), "THAWED");

    assert!(matches!(
        cgroup.create(&resources("{}")),
        Err(Error::InUse { .. })
    ));
    cgroup.freeze().unwrap();
    cgroup.kill_all().unwrap();
    let status = child.wait();
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL);
    let started = Instant::now();
    cgroup.remove().unwrap();
    println!("remove: {:?}", started.elapsed());
    assert_eq!(directories(&layout, cgroup), 0);
    assert_eq!(cgroup.pids().unwrap(), [0u32; 0]);
    cgroup.kill_all().unwrap();
    cgroup.remove().unwrap();
}

#[test]
fn nested_cgroups_and_dying_processes_are_waited_for() {
    let Some(layout) = v1() else { return };
    let scratch = Scratch::new(&layout);
    let cgroup = &scratch.cgroup;
    cgroup.create(&resources("{}")).unwrap();
    for controller in ["memory", "freezer", "pids"] {
        fs::create_dir_all(cgroup.directory(controller).unwrap().join("inner/most")).unwrap();
    }
    let children: Vec<Child> = (0..20)
        .map(|_| Child::sleeping(&cgroup.join_fds().unwrap()))
        .collect();
    let inner = cgroup
        .directory("freezer")
        .unwrap()
        .join("inner/most/cgroup.procs");
    fs::write(inner, children[0].0.to_string()).unwrap();
    assert_eq!(cgroup.pids().unwrap().len(), 20);
    // Not reaped: zombies must not hold the cgroup.
    cgroup.kill_all().unwrap();
    cgroup.remove().unwrap();
    assert_eq!(directories(&layout, cgroup), 0);
}

#[test]
fn kill_all_outruns_forking_processes() {
    let Some(layout) = v1() else { return };
    let scratch = Scratch::new(&layout);
    let cgroup = &scratch.cgroup;
    cgroup.create(&resources(r#"{"pids": {"limit": 50}}"#)).unwrap();
    let joiner = cgroup.join_fds().unwrap();
    let root = Child::running(|| {
        if joiner.join_self().is_err() {
            return 1;
        }
        loop {
            // SAFETY: both sides of the fork only fork again.
            unsafe { libc::fork() };
        }
    });
    eventually("the limit of processes is reached", || {
        cgroup.pids().unwrap().len() == 50
    });
    // The limit bites: the kernel counts refused forks.
    eventually("a fork was refused", || {
        value(cgroup, "pids", "pids.events") != "max 0"
    });
    cgroup.kill_all().unwrap();
    cgroup.wait_until_empty(Duration::from_secs(5)).unwrap();
    drop(root);
    cgroup.remove().unwrap();
}

#[test]
fn device_rules_are_in_force() {
    let Some(layout) = v1() else { return };
    let scratch = Scratch::new(&layout);
    let devices = r#"{"devices": [{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "r"}]}"#;
    scratch.cgroup.create(&resources(devices)).unwrap();
    let joiner = scratch.cgroup.join_fds().unwrap();
    let status = Child::running(|| {
        let open = |path: &std::ffi::CStr, flags| {
            // SAFETY: opens a constant path; the child ends right after.
            unsafe { libc::open(path.as_ptr(), flags) >= 0 }
        };
        if joiner.join_self().is_err() {
            return 100;
        }
        i32::from(open(c"/dev/null", libc::O_RDONLY))
            + 2 * i32::from(open(c"/dev/null", libc::O_WRONLY))
            + 4 * i32::from(open(c"/dev/zero", libc::O_RDONLY))
    })
    .wait();
    assert_eq!(libc::WEXITSTATUS(status), 1, "only /dev/null, only for reading");
}

#[test]
fn a_failed_create_leaves_nothing() {
    let Some(layout) = v1() else { return };
    let scratch = Scratch::new(&layout);
    let result = scratch.cgroup.create(&resources(r#"{"cpu": {"cpus": "4095"}}"#));
    assert!(matches!(result, Err(Error::Write { .. })), "{result:?}");
    assert_eq!(directories(&layout, &scratch.cgroup), 0);
    let missing = scratch
        .cgroup
        .create(&resources(r#"{"network": {"classID": 1}}"#));
    if !layout.has("net_cls") {
        assert!(
            matches!(
                missing,
                Err(Error::MissingController {
                    controller: "net_cls",
                    ..
                })
            ),
            "{missing:?}"
        );
    }
}

#[test]
fn names_that_leave_the_hierarchy_are_refused() {
    let Some(layout) = v1() else { return };
    for path in ["", "/", "x", "/a/../../b", "/a//b", "/a/", "/."] {
        assert!(
            matches!(Cgroup::new(&layout, path), Err(Error::Path { .. })),
            "{path:?}"
        );
    }
}
