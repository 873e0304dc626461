//! Limits of memory, processor and processes, read back from inside and felt.

use corten_testkit::Engine;

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

#[test]
fn devices_have_their_rates() {
    let engine = engine();
    // A device every machine has; its numbers are all that matters to the kernel.
    let Some(device) = ["/dev/vda", "/dev/sda", "/dev/loop0", "/dev/nvme0n1"]
        .into_iter()
        .find(|path| std::fs::metadata(path).is_ok())
    else {
        return;
    };
    let rdev = {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(device).unwrap().rdev()
    };
    let numbers = format!("{}:{}", rustix::fs::major(rdev), rustix::fs::minor(rdev));
    let script = "cd /sys/fs/cgroup; cat io.max 2>/dev/null || cat blkio/blkio.throttle.read_bps_device \
                  blkio/blkio.throttle.write_bps_device blkio/blkio.throttle.read_iops_device \
                  blkio/blkio.throttle.write_iops_device";
    let flags = [
        format!("--device-read-bps={device}:1mb"),
        format!("--device-write-bps={device}:2mb"),
        format!("--device-read-iops={device}:300"),
        format!("--device-write-iops={device}:400"),
    ];
    let mut args = vec!["run", "--rm"];
    args.extend(flags.iter().map(String::as_str));
    args.extend([BB, "sh", "-c", script]);
    let said = engine.ok(&args);
    let v1 = [
        format!("{numbers} 1048576"),
        format!("{numbers} 2097152"),
        format!("{numbers} 300"),
        format!("{numbers} 400"),
    ]
    .join("\n");
    let v2 = format!("{numbers} rbps=1048576 wbps=2097152 riops=300 wiops=400");
    assert!(said == v1 || said == v2, "{said}");
    let done = engine.run(&["run", "--rm", "--device-read-bps", "/dev/nothing:1mb", BB, "true"]);
    // Docker's command line takes every missing file for the program's.
    done.fails(127);
    done.says(&[
        "stat /dev/nothing: no such file or directory",
        "no such file or directory",
    ]);
}

#[test]
fn what_such_a_machine_cannot_do_is_refused_in_dockers_words() {
    let engine = engine();
    let refused = |flags: &[&str], sentences: &[&str]| {
        let mut args = vec!["run", "--rm"];
        args.extend(flags);
        args.extend([BB, "true"]);
        let done = engine.run(&args);
        done.fails(125);
        done.says(sentences);
    };
    refused(
        &["--storage-opt", "size=1g"],
        &["--storage-opt is supported only for overlay over xfs with 'pquota' mount option"],
    );
    refused(
        &["--gpus", "all"],
        &["could not select device driver \"\" with capabilities: [[gpu]]"],
    );
    refused(
        &["--runtime", "frob"],
        &[
            "nknown or invalid runtime name: frob",
            "Unknown runtime specified frob",
        ],
    );
    refused(&["--isolation", "hyperv"], &["nvalid isolation"]);
    refused(
        &["--cpu-rt-period", "1000", "--cpu-rt-runtime", "2000"],
        &["cpu real-time runtime cannot be higher than cpu real-time period"],
    );
    refused(&["-m", "5m"], &["Minimum memory limit allowed is 6MB"]);
    // dockerd 20.10 first finds that such a machine has no weights, and lets any pass.
    if !Engine::is_reference() {
        refused(
            &["--blkio-weight", "9"],
            &["Range of blkio weight is from 10 to 1000"],
        );
    }
    refused(
        &["-m", "64m", "--memory-swap", "32m"],
        &["Minimum memoryswap limit should be larger than memory limit, see usage"],
    );
    refused(
        &["--memory-swap", "32m"],
        &["You should always set the Memory limit when using Memoryswap limit, see usage"],
    );
    let body = format!(r#"{{"Image":"{BB}","Cmd":["true"],"HostConfig":{{"KernelMemory":67108864}}}}"#);
    let answer = engine.api("POST", "/v1.44/containers/create?name=ignored", &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(answer.text().contains(r#""Warnings":[]"#), "{}", answer.text());
}

#[test]
fn few_descriptors_are_enough_to_start() {
    let engine = engine();
    // The runtime's own descriptors do not count against the program's limit.
    let said = engine.ok(&[
        "run",
        "--rm",
        "-t",
        "--init",
        "--ulimit",
        "nofile=8:9",
        BB,
        "sh",
        "-c",
        "ulimit -Sn; ulimit -Hn",
    ]);
    assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["8", "9"]);
    engine.ok(&[
        "run", "-d", "--name", "box", "--ulimit", "nofile=8", BB, "sleep", "1000",
    ]);
    assert_eq!(engine.ok(&["exec", "box", "sh", "-c", "ulimit -n"]), "8");
}
