//! Limits of memory, processor and processes, read back from inside and felt.

use crate::{BB, engine, inspect};

/// The first of these files there is: cgroup v1's or v2's.
fn read(engine: &corten_testkit::Engine, flags: &[&str], files: &[&str]) -> String {
    let script = format!(
        "for f in {}; do test -e $f && cat $f && exit; done; exit 9",
        files.join(" ")
    );
    let mut args = vec!["run", "--rm"];
    args.extend(flags);
    args.extend([BB, "sh", "-c", &script]);
    engine.ok(&args)
}

#[test]
fn they_are_set_for_the_container() {
    let engine = engine();
    let memory = [
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory.max",
    ];
    assert_eq!(read(&engine, &["-m", "64m"], &memory), "67108864");
    let pids = ["/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"];
    assert_eq!(read(&engine, &["--pids-limit", "32"], &pids), "32");
    assert_eq!(read(&engine, &[], &pids), "max");
    let v1 = engine.run(&[
        "run",
        "--rm",
        "--cpus",
        "0.5",
        BB,
        "cat",
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    ]);
    if v1.code() == 0 {
        assert_eq!(v1.ok(), "50000");
        let shares = ["/sys/fs/cgroup/cpu/cpu.shares"];
        assert_eq!(read(&engine, &["--cpu-shares", "512"], &shares), "512");
    } else {
        assert_eq!(
            read(&engine, &["--cpus", "0.5"], &["/sys/fs/cgroup/cpu.max"]),
            "50000 100000"
        );
    }
    let cpus = engine.ok(&[
        "run",
        "--rm",
        "--cpuset-cpus",
        "0",
        BB,
        "grep",
        "Cpus_allowed_list",
        "/proc/self/status",
    ]);
    assert!(cpus.ends_with("\t0"), "{cpus}");
}

#[test]
fn too_many_processes_cannot_be_started() {
    let engine = engine();
    let script = "i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done; echo all";
    let done = engine.run(&["run", "--rm", "--pids-limit", "8", BB, "sh", "-c", script]);
    done.says(&["can't fork: Resource temporarily unavailable"]);
    assert_ne!(done.code(), 0);
}

#[test]
fn too_much_memory_is_death_and_known_as_such() {
    let engine = engine();
    // dd takes its whole block into memory at once.
    let done = engine.run(&[
        "run",
        "--name",
        "box",
        "-m",
        "16m",
        "--memory-swap",
        "16m",
        BB,
        "dd",
        "if=/dev/zero",
        "of=/dev/null",
        "bs=64M",
        "count=1",
    ]);
    done.fails(137);
    let state = inspect(&engine, "box")["State"].clone();
    assert_eq!(
        (&state["OOMKilled"], &state["ExitCode"]),
        (&true.into(), &137.into()),
        "{state}"
    );
}

#[test]
fn rlimits_and_shared_memory_are_as_asked() {
    let engine = engine();
    assert_eq!(
        engine.ok(&[
            "run",
            "--rm",
            "--ulimit",
            "nofile=100:200",
            BB,
            "sh",
            "-c",
            "ulimit -Sn; ulimit -Hn"
        ]),
        "100\n200"
    );
    let shm = engine.ok(&[
        "run",
        "--rm",
        "--shm-size",
        "8m",
        BB,
        "sh",
        "-c",
        "df -k /dev/shm | tail -1",
    ]);
    assert_eq!(shm.split_whitespace().nth(1), Some("8192"), "{shm}");
}
