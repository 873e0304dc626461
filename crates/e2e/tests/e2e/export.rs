//! `export`: a container's files as an archive, and `import` of it.

use std::process::Command;

use corten_testkit::{Terminal, run};

use crate::{BB, SOON, engine, idle};

fn names(archive: &std::path::Path) -> Vec<String> {
    let listed = run(Command::new("tar").arg("-tf").arg(archive), SOON).ok();
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn running_and_stopped_containers_are_exported() {
    let engine = engine();
    let dir = engine.scratch("export");
    idle(&engine, "box", &["-v", "vol1:/data", "--tmpfs", "/t"]);
    engine.ok(&[
        "exec",
        "box",
        "sh",
        "-c",
        "echo 1 > /made && echo 2 > /data/in-volume && echo 3 > /t/in-tmpfs && rm /etc/group",
    ]);
    let check = |file: &str| {
        let archive = dir.join(file);
        engine.ok(&["export", "-o", &archive.display().to_string(), "box"]);
        let names = names(&archive);
        for there in ["made", "bin/busybox", "bin/sh", "data/", "t/", "etc/passwd"] {
            assert!(names.iter().any(|name| name == there), "{there} in {names:?}");
        }
        for missing in [
            "data/in-volume",
            "t/in-tmpfs",
            "etc/group",
            "proc/version",
            "dev/null",
        ] {
            assert!(names.iter().all(|name| name != missing), "{missing}");
        }
    };
    check("running.tar");
    engine.ok(&["stop", "box"]);
    check("stopped.tar");
    let to_stdout = engine.run(&["container", "export", "box"]);
    to_stdout.ok();
    std::fs::write(dir.join("out.tar"), &to_stdout.stdout).unwrap();
    assert_eq!(names(&dir.join("out.tar")), names(&dir.join("stopped.tar")));
}

#[test]
fn terminals_are_refused() {
    let engine = engine();
    engine.ok(&["create", "--name", "box", BB, "true"]);
    let terminal = Terminal::start(&engine.command(&["export", "box"]), 80, 24);
    terminal.expect(
        "cowardly refusing to save to a terminal. Use the -o flag or redirect",
        SOON,
    );
    let done = engine.run(&["export", "-o", "/nonexistent/x", "box"]);
    done.fails(1);
    done.says(&[
        "failed to export container: invalid output path: stat /nonexistent: no such file or directory",
    ]);
    let done = engine.run(&["export", "nope"]);
    done.fails(1);
    done.says(&["No such container: nope"]);
}
