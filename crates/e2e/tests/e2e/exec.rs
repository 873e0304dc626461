//! `exec`: another process in a running container.

use corten_testkit::until;

use crate::{SOON, engine, idle, wait_for_state};

#[test]
fn it_sees_the_container_and_gives_its_exit_code() {
    let engine = engine();
    idle(&engine, "box", &["-e", "FROM_RUN=1", "-h", "box"]);
    let done = engine.run(&[
        "exec",
        "box",
        "sh",
        "-c",
        "echo out; echo err >&2; hostname; echo $FROM_RUN; exit 9",
    ]);
    assert_eq!(
        (done.code(), done.out().as_str(), done.err().trim()),
        (9, "out\nbox\n1\n", "err"),
        "{done}"
    );
    assert_eq!(engine.ok(&["exec", "box", "cat", "/proc/1/comm"]), "sh");
}

#[test]
fn environment_user_and_directory_are_as_asked() {
    let engine = engine();
    idle(&engine, "box", &["-e", "A=run", "-w", "/data"]);
    assert_eq!(
        engine.ok(&["exec", "-e", "A=exec", "box", "sh", "-c", "echo $A; pwd"]),
        "exec\n/data"
    );
    assert_eq!(engine.ok(&["exec", "-w", "/tmp", "box", "pwd"]), "/tmp");
    assert_eq!(
        engine.ok(&["exec", "-u", "app", "box", "sh", "-c", "id -u; id -G; echo $HOME"]),
        "1000\n1000 29\n/home/app"
    );
}

#[test]
fn it_is_confined_like_the_container() {
    let engine = engine();
    idle(&engine, "box", &["--cap-drop", "CHOWN"]);
    let of = |args: &[&str]| -> Vec<String> {
        let text = engine.ok(args);
        let interesting = ["CapEff", "CapBnd", "Seccomp:", "NoNewPrivs"];
        text.lines()
            .filter(|line| interesting.iter().any(|key| line.starts_with(key)))
            .map(str::to_owned)
            .collect()
    };
    let init = of(&["exec", "box", "cat", "/proc/1/status"]);
    assert_eq!(of(&["exec", "box", "cat", "/proc/self/status"]), init);
    assert!(
        init.iter().any(|line| line.ends_with("00000000a80425fa")),
        "{init:?}"
    );
    let cgroups = |path: &str| engine.ok(&["exec", "box", "cat", path]);
    assert_eq!(cgroups("/proc/self/cgroup"), cgroups("/proc/1/cgroup"));
}

#[test]
fn input_goes_in_and_its_end_is_seen() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let mut cat = engine.spawn(&["exec", "-i", "box", "sh", "-c", "cat; echo end"]);
    cat.write(b"one\n");
    cat.expect_out("one", SOON);
    cat.write(b"two\n");
    assert_eq!(cat.finish(SOON).ok(), "one\ntwo\nend");
    assert_eq!(
        engine.ok(&["exec", "box", "sh", "-c", "cat; echo end"]),
        "end",
        "without -i there is no input"
    );
}

#[test]
fn detached_it_is_on_its_own() {
    let engine = engine();
    idle(&engine, "box", &[]);
    assert_eq!(
        engine.ok(&[
            "exec",
            "-d",
            "box",
            "sh",
            "-c",
            "sleep 0.2; echo done > /tmp/mark"
        ]),
        ""
    );
    until("the detached process has written", SOON, || {
        engine.run(&["exec", "box", "cat", "/tmp/mark"]).code() == 0
    });
}

#[test]
fn mistakes_have_dockers_codes() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let done = engine.run(&["exec", "box", "nosuch"]);
    // Docker 20.10 said 126.
    assert!(matches!(done.code(), 127 | 126), "{done}");
    assert!(
        (done.out() + &done.err()).contains("exec: \"nosuch\": executable file not found in $PATH"),
        "{done}"
    );
    let done = engine.run(&["exec", "box", "/etc/not-executable"]);
    done.fails(126);
    assert!((done.out() + &done.err()).contains("permission denied"), "{done}");
    engine.ok(&["stop", "box"]);
    let done = engine.run(&["exec", "box", "true"]);
    done.fails(1);
    done.says(&["is not running"]);
}

#[test]
fn it_ends_with_its_container() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let exec = engine.spawn(&["exec", "box", "sh", "-c", "echo up; sleep 100"]);
    exec.expect_out("up", SOON);
    engine.ok(&["kill", "box"]);
    wait_for_state(&engine, "box", "exited");
    exec.finish(SOON).fails(137);
}

/// The end of the output once overtook the record of the exit code.
#[test]
fn no_exit_code_is_lost() {
    let engine = engine();
    idle(&engine, "box", &["-t"]);
    for _ in 0..20 {
        engine.run(&["exec", "box", "sh", "-c", "exit 3"]).fails(3);
    }
}

#[test]
fn those_that_have_not_ended_are_listed_with_their_container() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let listed = || crate::inspect(&engine, "box")["ExecIDs"].clone();
    assert_eq!(listed(), serde_json::Value::Null);
    let created = engine.api(
        "POST",
        "/v1.41/containers/box/exec",
        r#"{"Cmd": ["sleep", "1000"]}"#,
    );
    let id = created.json()["Id"].clone();
    assert_eq!(listed(), serde_json::json!([id]), "though nobody has started it");
    engine.ok(&["exec", "box", "true"]);
    until("the other one is over", SOON, || {
        listed() == serde_json::json!([id])
    });
}
