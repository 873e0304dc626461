//! `--init`: a process 1 that reaps and passes signals on, and gives nothing of the host away.

use corten_testkit::until;

use crate::{BB, SOON, corten_only, engine, inspect, wait_for_state};

#[test]
fn zombies_are_reaped_and_signals_arrive() {
    let engine = engine();
    let script = "trap 'echo told; exit 7' TERM; (sleep 0.2 &); echo ready; while :; do sleep 0.1; done";
    engine.ok(&["run", "-d", "--init", "--name", "box", BB, "sh", "-c", script]);
    assert_eq!(inspect(&engine, "box")["HostConfig"]["Init"], true);
    until("it is ready", SOON, || {
        engine.ok(&["logs", "box"]).contains("ready")
    });
    let first = engine.ok(&["exec", "box", "sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline"]);
    assert!(first.starts_with("/sbin/docker-init -- sh -c "), "{first}");
    let zombies = || {
        engine
            .ok(&["exec", "box", "sh", "-c", "cat /proc/[0-9]*/stat 2> /dev/null"])
            .lines()
            .filter(|line| line.contains(") Z "))
            .count()
    };
    engine.ok(&["exec", "box", "sh", "-c", "(true &); (sleep 0.1 &); sleep 0.3"]);
    until("nobody is left unburied", SOON, || zombies() == 0);
    engine.ok(&["stop", "-t", "30", "box"]);
    assert_eq!(inspect(&engine, "box")["State"]["ExitCode"], 7);
    assert!(engine.ok(&["logs", "box"]).ends_with("told"));
}

#[test]
fn exit_codes_are_the_programs() {
    let engine = engine();
    engine
        .run(&["run", "--rm", "--init", BB, "sh", "-c", "exit 42"])
        .fails(42);
    engine
        .run(&["run", "--rm", "--init", BB, "sh", "-c", "kill -KILL $$"])
        .fails(137);
    let missing = engine.run(&["run", "--rm", "--init", BB, "nosuch"]);
    assert_eq!(missing.code(), 127, "{missing}");
    assert!(
        missing
            .err()
            .contains("exec nosuch failed: No such file or directory"),
        "{missing}"
    );
    let forbidden = engine.run(&["run", "--rm", "--init", BB, "/etc/passwd"]);
    assert_eq!(forbidden.code(), 126, "{forbidden}");
}

#[test]
fn it_works_for_users_terminals_and_input() {
    let engine = engine();
    let flags = ["run", "--rm", "--init", "--cap-drop", "ALL", "--read-only"];
    let args = [
        &flags[..],
        &[
            "-u",
            "1000",
            "--security-opt",
            "no-new-privileges",
            BB,
            "id",
            "-u",
        ],
    ]
    .concat();
    assert_eq!(engine.ok(&args), "1000");
    let typed = engine.ok(&[
        "run",
        "--rm",
        "--init",
        "-t",
        BB,
        "sh",
        "-c",
        "test -t 0 && echo terminal",
    ]);
    assert_eq!(typed, "terminal");
    // In a process namespace that has a process 1 already, there is no place for another.
    let host = engine.ok(&[
        "run",
        "--rm",
        "--init",
        "--pid",
        "host",
        BB,
        "sh",
        "-c",
        "tr '\\0' ' ' < /proc/$PPID/cmdline; echo",
    ]);
    assert!(!host.contains("docker-init"), "{host}");
}

#[test]
fn its_program_is_sealed_and_nothing_of_the_hosts() {
    corten_only!();
    let engine = engine();
    let args = [
        "run",
        "-d",
        "--init",
        "--privileged",
        "--name",
        "box",
        BB,
        "sleep",
        "1000",
    ];
    engine.ok(&args);
    let link = engine.ok(&["exec", "--privileged", "box", "readlink", "/proc/1/exe"]);
    assert!(link.starts_with("/memfd:"), "{link}");
    let overwritten = engine.run(&["exec", "--privileged", "box", "sh", "-c", "echo x > /proc/1/exe"]);
    assert_ne!(overwritten.code(), 0, "{overwritten}");
    let mounts = engine.ok(&["exec", "box", "cat", "/proc/self/mounts"]);
    assert!(!mounts.contains("init"), "{mounts}");
    let open = engine.ok(&[
        "exec",
        "--privileged",
        "box",
        "sh",
        "-c",
        "ls -l /proc/1/fd | wc -l",
    ]);
    assert_eq!(open, "4", "three streams and a title");
    engine.ok(&["kill", "box"]);
    wait_for_state(&engine, "box", "exited");
}

#[test]
fn groups_are_found_by_name_in_the_container() {
    let engine = engine();
    let known = engine.ok(&[
        "run",
        "--rm",
        "--group-add",
        "audio",
        "--group-add",
        "4711",
        BB,
        "id",
        "-G",
    ]);
    let groups: Vec<&str> = known.split(' ').collect();
    assert!(groups.contains(&"29") && groups.contains(&"4711"), "{known}");
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        "--group-add",
        "audio",
        BB,
        "sleep",
        "1000",
    ]);
    assert!(
        engine
            .ok(&["exec", "box", "id", "-G"])
            .split(' ')
            .any(|group| group == "29")
    );
    let missing = engine.run(&["run", "--rm", "--group-add", "nosuch", BB, "true"]);
    assert_ne!(missing.code(), 0, "{missing}");
    assert!(
        missing
            .err()
            .to_lowercase()
            .contains("unable to find group nosuch"),
        "{missing}"
    );
}
