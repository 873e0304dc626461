//! `run`: output, exit codes, environment, user, directory.

use crate::{BB, engine, inspect};

#[test]
fn output_and_exit_code_are_those_of_the_process() {
    let engine = engine();
    let done = engine.run(&["run", "--rm", BB, "sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!(
        (done.code(), done.out().as_str(), done.err().trim()),
        (3, "out\n", "err"),
        "{done}"
    );
    engine.run(&["run", "--rm", BB, "true"]).fails(0);
    engine.run(&["run", "--rm", BB, "false"]).fails(1);
    engine
        .run(&["run", "--rm", BB, "sh", "-c", "exit 255"])
        .fails(255);
    engine
        .run(&["run", "--rm", BB, "sh", "-c", "sh -c 'kill -TERM $$'; exit $?"])
        .fails(143);
    assert_eq!(engine.ok(&["ps", "-aq"]), "", "--rm leaves nothing");
}

#[test]
fn a_detached_run_prints_the_id() {
    let engine = engine();
    let id = engine.ok(&["run", "-d", "--name", "one", BB, "sleep", "100"]);
    assert!(
        id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    assert_eq!(inspect(&engine, "one")["Id"], id);
    assert_eq!(inspect(&engine, &id[..12])["Name"], "/one");
    engine.ok(&["rm", "-f", "one"]);
}

#[test]
fn create_start_attach_and_wait_are_the_parts_of_run() {
    let engine = engine();
    let id = engine.ok(&["create", "--name", "parts", BB, "sh", "-c", "echo said; exit 4"]);
    assert_eq!(inspect(&engine, "parts")["State"]["Status"], "created");
    assert_eq!(engine.ok(&["start", "parts"]), "parts");
    assert_eq!(engine.ok(&["wait", "parts"]), "4");
    assert_eq!(engine.ok(&["logs", &id]), "said");
    let again = engine.run(&["start", "-a", "parts"]);
    assert_eq!((again.code(), again.out().trim()), (4, "said"), "{again}");
}

#[test]
fn environment_user_and_directory_are_as_asked() {
    let engine = engine();
    let env = engine.ok(&[
        "run",
        "--rm",
        "-e",
        "A=1 2",
        "-e",
        "PATH=/bin:/x",
        "-h",
        "box",
        BB,
        "env",
    ]);
    let mut env: Vec<&str> = env.lines().collect();
    env.sort_unstable();
    assert_eq!(env, ["A=1 2", "HOME=/root", "HOSTNAME=box", "PATH=/bin:/x"]);

    assert_eq!(engine.ok(&["run", "--rm", "-w", "/data", BB, "pwd"]), "/data");
    assert_eq!(
        engine.ok(&["run", "--rm", "-w", "/new/dir", BB, "pwd"]),
        "/new/dir",
        "made when missing"
    );

    let id = |user: &str| {
        engine.ok(&[
            "run",
            "--rm",
            "-u",
            user,
            BB,
            "sh",
            "-c",
            "id -u; id -g; id -G; echo $HOME",
        ])
    };
    assert_eq!(id("app"), "1000\n1000\n1000 29\n/home/app");
    assert_eq!(id("1000"), "1000\n1000\n1000 29\n/home/app");
    assert_eq!(
        id("app:29"),
        "1000\n29\n29\n/home/app",
        "a group by name or number replaces the user's own"
    );
    assert_eq!(id("4242:4243"), "4242\n4243\n4243\n/");
}

#[test]
fn the_entry_point_takes_the_place_of_the_images() {
    let engine = engine();
    assert_eq!(
        engine.ok(&["run", "--rm", "--entrypoint", "echo", BB, "a", "b"]),
        "a b"
    );
    assert_eq!(
        engine.ok(&["run", "--rm", BB, "echo", "$HOME"]),
        "$HOME",
        "no shell in between"
    );
}

#[test]
fn the_file_system_is_the_containers_own() {
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "writes",
        BB,
        "sh",
        "-c",
        "rm -r /data && echo x > /made && echo >> /etc/passwd",
    ]);
    assert_eq!(
        engine.ok(&["run", "--rm", BB, "cat", "/data/seed"]),
        "from the image"
    );
    engine.run(&["run", "--rm", BB, "test", "-e", "/made"]).fails(1);
    let kept = engine.run(&["start", "-a", "writes"]);
    assert_ne!(
        kept.code(),
        0,
        "what it removed stays removed when it starts again: {kept}"
    );
    let denied = engine.run(&["run", "--rm", "--read-only", BB, "touch", "/x"]);
    assert_eq!(denied.code(), 1);
    denied.says(&["Read-only file system"]);
    assert_eq!(
        engine.ok(&[
            "run",
            "--rm",
            "--read-only",
            "--tmpfs",
            "/t:size=1m",
            BB,
            "sh",
            "-c",
            "echo a > /t/x; cat /t/x"
        ]),
        "a"
    );
}

#[test]
fn init_is_process_one_and_reaps() {
    let engine = engine();
    let seen = engine.ok(&[
        "run",
        "--rm",
        BB,
        "sh",
        "-c",
        "echo $$; ls /proc | grep -c '^[0-9]'",
    ]);
    assert!(seen.starts_with("1\n"), "{seen}");
    let id = engine.ok(&["run", "--rm", BB, "cat", "/proc/1/comm"]);
    assert_eq!(id, "cat");
}
