//! `update`: limits of running and stopped containers change, for good.

use corten_testkit::Engine;

use crate::{BB, SOON, corten_only, engine, idle, inspect};

/// The first of these files there is inside a running container.
fn file(engine: &Engine, name: &str, files: &[&str]) -> String {
    let script = format!(
        "for f in {}; do test -e $f && cat $f && exit; done; exit 9",
        files.join(" ")
    );
    engine.ok(&["exec", name, "sh", "-c", &script])
}

const MEMORY: [&str; 2] = [
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory.max",
];
const PIDS: [&str; 2] = ["/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"];

#[test]
fn a_running_container_feels_it_and_keeps_it() {
    let engine = engine();
    idle(&engine, "box", &["-m", "64m", "--memory-swap", "128m"]);
    assert_eq!(
        engine.ok(&["update", "-m", "32m", "--pids-limit", "50", "box"]),
        "box"
    );
    assert_eq!(file(&engine, "box", &MEMORY), "33554432");
    assert_eq!(file(&engine, "box", &PIDS), "50");
    // Up beyond the sum of memory and swap goes with that sum only.
    engine.ok(&["update", "-m", "256m", "--memory-swap", "512m", "box"]);
    assert_eq!(file(&engine, "box", &MEMORY), "268435456");
    engine.ok(&[
        "container",
        "update",
        "--cpu-shares",
        "512",
        "--cpuset-cpus",
        "0",
        "--memory-reservation",
        "16m",
        "box",
    ]);
    let cpus = engine.ok(&["exec", "box", "grep", "Cpus_allowed_list", "/proc/self/status"]);
    assert!(cpus.ends_with("\t0"), "{cpus}");
    let host = inspect(&engine, "box")["HostConfig"].clone();
    assert_eq!(
        (&host["CpuShares"], &host["Memory"], &host["MemorySwap"]),
        (&512.into(), &268_435_456.into(), &536_870_912.into())
    );
    assert_eq!(
        (&host["PidsLimit"], &host["CpusetCpus"]),
        (&50.into(), &"0".into()),
        "what is not named stays"
    );
    engine.ok(&["restart", "-t", "0", "box"]);
    assert_eq!(file(&engine, "box", &MEMORY), "268435456");
    assert_eq!(file(&engine, "box", &PIDS), "50");
    engine.ok(&["update", "--pids-limit", "-1", "box"]);
    assert_eq!(file(&engine, "box", &PIDS), "max");
}

#[test]
fn the_quota_of_cpu_time() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let quota = || {
        let script =
            "cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us 2>/dev/null || cat cpu.max";
        engine.ok(&["exec", "box", "sh", "-c", script]).replace('\n', " ")
    };
    engine.ok(&["update", "--cpus", "0.5", "box"]);
    assert_eq!(quota(), "50000 100000");
    let done = engine.run(&["update", "--cpu-quota", "20000", "box"]);
    done.fails(1);
    done.says(&["Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set"]);
    assert_eq!(quota(), "50000 100000");
}

#[test]
fn a_stopped_container_has_it_when_it_starts() {
    let engine = engine();
    engine.ok(&["create", "--name", "box", BB, "sleep", "1000"]);
    engine.ok(&["update", "--memory", "48m", "--memory-swap", "96m", "box"]);
    engine.ok(&["start", "box"]);
    assert_eq!(file(&engine, "box", &MEMORY), "50331648");
}

#[test]
fn senseless_updates_change_nothing() {
    let engine = engine();
    let id = idle(&engine, "box", &[]);
    let refused = |args: &[&str], sentences: &[&str]| {
        let mut all = vec!["update"];
        all.extend(args);
        let done = engine.run(&all);
        done.fails(1);
        done.says(sentences);
    };
    refused(&["-m", "1m", "box"], &["Minimum memory limit allowed is 6MB"]);
    refused(
        &["--cpus", "1000", "box"],
        &["range of CPUs is from 0.01 to", "Range of CPUs is from 0.01 to"],
    );
    // dockerd 20.10 first finds that such a machine has no weights, and lets any pass.
    if !Engine::is_reference() {
        refused(
            &["--blkio-weight", "5", "box"],
            &["Range of blkio weight is from 10 to 1000"],
        );
    }
    refused(
        &["-m", "64m", "box"],
        &[&format!(
            "Cannot update container {id}: Memory limit should be smaller than already set memoryswap limit, update \
             the memoryswap at the same time"
        )],
    );
    refused(
        &["box"],
        &["ou must provide one or more flags when using this command"],
    );
    for (args, sentence) in [
        (
            ["--cpuset-cpus", "x", "box"],
            "Invalid value x for cpuset cpus: invalid format: x",
        ),
        (
            ["--cpuset-cpus", "8000", "box"],
            "Requested CPUs are not available - requested 8000, available: ",
        ),
        (
            ["--cpuset-mems", "900", "box"],
            "Requested memory nodes are not available - requested 900, available: ",
        ),
    ] {
        refused(&args, &[sentence]);
    }
    refused(&["-m", "64m", "nobody"], &["No such container: nobody"]);
    let host = inspect(&engine, "box")["HostConfig"].clone();
    assert_eq!((&host["Memory"], &host["NanoCpus"]), (&0.into(), &0.into()));
}

#[test]
fn restart_policies_are_noted() {
    let engine = engine();
    idle(&engine, "box", &[]);
    engine.ok(&["update", "--restart", "on-failure:3", "box"]);
    let policy = inspect(&engine, "box")["HostConfig"]["RestartPolicy"].clone();
    assert_eq!(
        (&policy["Name"], &policy["MaximumRetryCount"]),
        (&"on-failure".into(), &3.into())
    );
    engine.run(&["update", "--restart", "sometimes", "box"]).fails(1);
    idle(&engine, "once", &["--rm"]);
    let done = engine.run(&["update", "--restart", "always", "once"]);
    done.fails(1);
    done.says(&["Restart policy cannot be updated because AutoRemove is enabled for the container"]);
    engine.ok(&["update", "--restart", "no", "box"]);
    let body = r#"{"Memory":0,"RestartPolicy":{"Name":""}}"#;
    let answer = engine.api("POST", "/containers/box/update", body);
    assert_eq!(
        (answer.status, answer.text().trim()),
        (200, r#"{"Warnings":null}"#)
    );
}

#[test]
fn less_memory_than_is_used_is_refused() {
    corten_only!();
    let engine = engine();
    let script = "head -c 40m /dev/zero > /dev/shm/f; sleep 1000";
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        "--shm-size",
        "64m",
        BB,
        "sh",
        "-c",
        script,
    ]);
    corten_testkit::until("memory is in use", SOON, || {
        engine
            .ok(&["exec", "box", "sh", "-c", "wc -c < /dev/shm/f"])
            .trim()
            == "41943040"
    });
    let before = file(&engine, "box", &MEMORY);
    let done = engine.run(&["update", "-m", "8m", "--memory-swap", "8m", "box"]);
    // Shared memory can be swapped out where there is swap.
    if done.code() != 0 {
        assert_eq!(file(&engine, "box", &MEMORY), before);
        assert_eq!(inspect(&engine, "box")["HostConfig"]["Memory"], 0);
    }
}
