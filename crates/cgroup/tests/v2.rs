//! Real cgroups of this host's v2 hierarchy, which may be without controllers on a hybrid host: freezing, killing,
//! birth inside and device programs need none.

#![allow(clippy::unwrap_used)] // helpers of tests, too, may fail loudly

mod support;

use std::fs;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use corten_cgroup::{Error, Joiner, Layout};
use support::{Child, Scratch, exists, resources};

/// The host's v2 hierarchy, wherever it is.
fn v2() -> Option<Layout> {
    // SAFETY: geteuid only answers.
    let root = unsafe { libc::geteuid() } == 0;
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mountpoint = mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let mountpoint = words.nth(1)?;
        (words.next() == Some("cgroup2")).then(|| mountpoint.to_owned())
    });
    match mountpoint {
        Some(mountpoint) if root => {
            let controllers = fs::read_to_string(format!("{mountpoint}/cgroup.controllers")).unwrap();
            let controllers = controllers.split_whitespace().map(str::to_owned).collect();
            Some(Layout::V2 {
                mountpoint: mountpoint.into(),
                controllers,
            })
        }
        _ => {
            eprintln!("skipped: needs root and cgroup v2");
            None
        }
    }
}

/// clone3(2) into the joiner's cgroup; the child sleeps.
fn born_inside(joiner: &Joiner) -> Child {
    let mut args = [0u64; 11];
    args[0] = 0x2_0000_0000; // CLONE_INTO_CGROUP
    args[4] = libc::SIGCHLD as u64;
    args[10] = joiner.clone_into().unwrap().as_raw_fd() as u64;
    // SAFETY: the arguments are a full `struct clone_args`; without CLONE_VM this is a fork.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, args.as_ptr(), size_of_val(&args)) };
    match pid {
        0 => loop {
            // SAFETY: only sleeps.
            unsafe { libc::pause() };
        },
        pid => {
            assert!(pid > 0, "clone3: {}", std::io::Error::last_os_error());
            Child(pid as libc::pid_t)
        }
    }
}

#[test]
fn children_are_born_inside_frozen_killed_and_leave_nothing() {
    let Some(layout) = v2() else { return };
    let scratch = Scratch::new(&layout);
    let cgroup = &scratch.cgroup;
    cgroup.create(&resources("{}")).unwrap();
    let joiner = cgroup.join_fds().unwrap();
    let first = born_inside(&joiner);
    let second = Child::sleeping(&joiner);
    assert_eq!(cgroup.pids().unwrap(), [first.0 as u32, second.0 as u32]);
    fs::create_dir(cgroup.directory("").unwrap().join("inner")).unwrap();

    cgroup.freeze().unwrap();
    assert!(cgroup.is_frozen().unwrap());
    // Under load the kernel takes a child that is still on its way out of clone back for a moment.
    let events = cgroup.directory("").unwrap().join("cgroup.events");
    let deadline = Instant::now() + Duration::from_secs(5);
    while !fs::read_to_string(&events).unwrap().contains("frozen 1") {
        assert!(Instant::now() < deadline, "it does not stay frozen");
        std::thread::yield_now();
    }
    cgroup.thaw().unwrap();
    assert!(matches!(
        cgroup.wait_until_empty(Duration::from_millis(1)),
        Err(Error::Timeout { .. })
    ));
    assert!(matches!(
        cgroup.create(&resources("{}")),
        Err(Error::InUse { .. })
    ));
    assert!(cgroup.stats().is_ok());

    cgroup.freeze().unwrap();
    cgroup.kill_all().unwrap();
    cgroup.wait_until_empty(Duration::from_secs(5)).unwrap();
    assert!(
        exists(first.0),
        "not reaped yet, and the cgroup is free nevertheless"
    );
    assert_eq!(libc::WTERMSIG(first.wait()), libc::SIGKILL);
    cgroup.remove().unwrap();
    assert!(!cgroup.exists());
    cgroup.kill_all().unwrap();
    cgroup.remove().unwrap();
}

/// Which of `/dev/null` for reading (1), for writing (2) and `/dev/zero` (4) a child in the cgroup may open.
fn openable(joiner: &Joiner) -> i32 {
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
    libc::WEXITSTATUS(status)
}

#[test]
fn device_program_is_loaded_in_force_and_replaced() {
    let Some(layout) = v2() else { return };
    let scratch = Scratch::new(&layout);
    let cgroup = &scratch.cgroup;
    let devices = |access| {
        resources(&format!(
            r#"{{"devices": [{{"allow": false, "access": "rwm"}},
                {{"allow": true, "type": "c", "access": "m"}},
                {{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "{access}"}}]}}"#
        ))
    };
    cgroup.create(&devices("r")).unwrap();
    let joiner = cgroup.join_fds().unwrap();
    assert_eq!(openable(&joiner), 1);
    cgroup.update(&devices("rw")).unwrap();
    assert_eq!(
        openable(&joiner),
        3,
        "an old program left attached would deny writing"
    );
    cgroup
        .update(&resources(r#"{"devices": [{"allow": true, "access": "rwm"}]}"#))
        .unwrap();
    assert_eq!(openable(&joiner), 7);
}

#[test]
fn limits_without_controllers_are_refused() {
    let Some(layout) = v2() else { return };
    if layout.has("memory") {
        return;
    }
    let scratch = Scratch::new(&layout);
    let result = scratch
        .cgroup
        .create(&resources(r#"{"memory": {"limit": 67108864}}"#));
    assert!(
        matches!(
            result,
            Err(Error::MissingController {
                controller: "memory",
                ..
            })
        ),
        "{result:?}"
    );
    assert!(!scratch.cgroup.exists());
}
