//! `cp`: files between containers and this machine, by Docker's rules for paths, and past a container that swaps links.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use corten_testkit::{Engine, run, until};

use crate::{BB, SOON, corten_only, engine, idle};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a script says inside a running container.
fn inside(engine: &Engine, name: &str, script: &str) -> String {
    engine.ok(&["exec", name, "sh", "-c", script])
}

#[test]
fn files_and_directories_go_both_ways() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let dir = engine.scratch("cp");
    let at = |name: &str| dir.join(name).display().to_string();
    inside(
        &engine,
        "box",
        "mkdir -p /src/sub /d && echo one > /src/f && echo two > /src/sub/g && chmod 640 /src/f && \
         ln -s f /src/link && ln -s /src /dirlink && ln /src/f /src/hard",
    );
    // A file: to a new name, over a file, into a directory.
    engine.ok(&["cp", "box:/src/f", &at("new")]);
    assert_eq!(text(&dir.join("new")), "one\n");
    assert_eq!(
        fs::metadata(at("new")).unwrap().permissions().mode() & 0o777,
        0o640
    );
    engine.ok(&["cp", "box:/src/sub/g", &at("new")]);
    assert_eq!(text(&dir.join("new")), "two\n");
    engine.ok(&["cp", "box:src/f", &at("")]);
    assert_eq!(
        text(&dir.join("f")),
        "one\n",
        "a path without a slash begins at the root"
    );
    // A directory: to a new name, into a directory, and what is in it.
    engine.ok(&["cp", "box:/src", &at("copy")]);
    assert_eq!(text(&dir.join("copy/sub/g")), "two\n");
    assert_eq!(fs::read_link(dir.join("copy/link")).unwrap(), Path::new("f"));
    let (one, other) = (
        fs::metadata(at("copy/f")).unwrap(),
        fs::metadata(at("copy/hard")).unwrap(),
    );
    assert_eq!(one.ino(), other.ino(), "hard links stay");
    engine.ok(&["cp", "box:/src", &at("copy")]);
    assert_eq!(text(&dir.join("copy/src/f")), "one\n");
    fs::create_dir(dir.join("flat")).unwrap();
    engine.ok(&["cp", "box:/src/.", &at("flat")]);
    assert_eq!(text(&dir.join("flat/f")), "one\n");
    // Links: as they are, followed with -L or a slash.
    engine.ok(&["cp", "box:/src/link", &at("as-link")]);
    assert!(fs::symlink_metadata(at("as-link")).unwrap().is_symlink());
    engine.ok(&["cp", "-L", "box:/src/link", &at("followed")]);
    assert_eq!(text(&dir.join("followed")), "one\n");
    engine.ok(&["cp", "-L", "box:/dirlink", &at("followed-dir")]);
    assert_eq!(text(&dir.join("followed-dir/f")), "one\n");
    // And into the container.
    fs::create_dir_all(dir.join("in/deep")).unwrap();
    fs::write(dir.join("in/a"), "A").unwrap();
    fs::write(dir.join("in/deep/b"), "B").unwrap();
    symlink("a", dir.join("in/l")).unwrap();
    engine.ok(&["cp", &at("in/a"), "box:/d/renamed"]);
    engine.ok(&["cp", &at("in/a"), "box:/d"]);
    engine.ok(&["cp", &at("in"), "box:/d/new"]);
    engine.ok(&["cp", &at("in"), "box:/d"]);
    engine.ok(&["cp", &format!("{}/.", at("in")), "box:/d"]);
    engine.ok(&["cp", "-L", &at("in/l"), "box:/d/target"]);
    engine.ok(&["cp", &at("in/l"), "box:/d/link"]);
    let seen = inside(
        &engine,
        "box",
        "cd /d && cat renamed a new/a new/deep/b in/a deep/b target && readlink link",
    );
    assert_eq!(seen, "AAABABAa");
    // A destination that is a link is followed.
    inside(&engine, "box", "ln -s /d/behind /to && ln -s /d /into");
    engine.ok(&["cp", &at("in/a"), "box:/to"]);
    engine.ok(&["cp", &at("in/deep/b"), "box:/into"]);
    assert_eq!(inside(&engine, "box", "cat /d/behind /d/b"), "AB");
}

#[test]
fn mistakes_are_told_in_dockers_words() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let dir = engine.scratch("cp");
    let at = |name: &str| dir.join(name).display().to_string();
    fs::write(dir.join("file"), "x").unwrap();
    fs::create_dir(dir.join("dir")).unwrap();
    inside(&engine, "box", "mkdir /dir && echo y > /file");
    for (args, sentence) in [
        (
            ["box:/nope", &at("")],
            "Could not find the file /nope in container box",
        ),
        (["box:/file", &at("nope/x")], "does not exist"),
        (["box:/dir", &at("file")], "cannot copy directory"),
        (["box:/file", &at("nope/")], "no such directory"),
        ([&at("nope"), "box:/"], "no such file or directory"),
        (
            [&at("file"), "box:/nope/x"],
            "Could not find the file /nope in container box",
        ),
        ([&at("dir"), "box:/file"], "cannot copy directory"),
        ([&at("file"), "box:/nope/"], "no such directory"),
        (
            ["box:/file", "box:/file2"],
            "copying between containers is not supported",
        ),
        (
            [&at("file"), &at("dir")],
            "must specify at least one container source",
        ),
        (["nope:/file", &at("")], "No such container: nope"),
        (["-", "box:/file"], "must be a directory"),
    ] {
        let done = engine.run(&["cp", args[0], args[1]]);
        done.fails(1);
        done.says(&[sentence]);
    }
    // What would replace a directory by a file, inside of what is copied.
    fs::create_dir_all(dir.join("mixed")).unwrap();
    fs::write(dir.join("mixed/dir"), "a file").unwrap();
    let done = engine.run(&["cp", &format!("{}/.", at("mixed")), "box:/"]);
    done.fails(1);
    done.says(&["cannot overwrite directory"]);
    assert_eq!(inside(&engine, "box", "ls -d /dir && cat /file"), "/dir\ny");
}

#[test]
fn streams_replace_files() {
    let engine = engine();
    idle(&engine, "box", &[]);
    inside(&engine, "box", "mkdir -p /s/x && echo 1 > /s/x/f");
    let listed = |path: &str| {
        let mut tar = Command::new("tar");
        tar.arg("-t").stdin(Stdio::piped()).stdout(Stdio::piped());
        let out = engine.run(&["cp", path, "-"]);
        out.ok();
        let mut child = tar.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &out.stdout).unwrap();
        let mut names = String::new();
        child.stdout.take().unwrap().read_to_string(&mut names).unwrap();
        assert!(child.wait().unwrap().success());
        names
    };
    assert_eq!(listed("box:/s"), "s/\ns/x/\ns/x/f\n");
    assert_eq!(listed("box:/s/"), "s/\ns/x/\ns/x/f\n");
    assert_eq!(listed("box:/s/."), "./\n./x/\n./x/f\n");
    assert_eq!(listed("box:/s/x/f"), "f\n");
    let dir = engine.scratch("tar");
    fs::write(dir.join("from-tar"), "hello").unwrap();
    for compress in ["-c", "-cz", "-cj", "-cJ"] {
        let archive = run(
            Command::new("tar")
                .arg(compress)
                .arg("-C")
                .arg(&dir)
                .arg("from-tar"),
            SOON,
        );
        let mut cp = engine.spawn(&["cp", "-", "box:/s"]);
        cp.write(&archive.stdout);
        cp.finish(SOON).ok();
        assert_eq!(
            inside(&engine, "box", "cat /s/from-tar && rm /s/from-tar"),
            "hello"
        );
    }
}

#[test]
fn containers_that_do_not_run_have_files_too() {
    let engine = engine();
    let dir = engine.scratch("cp");
    let at = |name: &str| dir.join(name).display().to_string();
    fs::write(dir.join("script"), "echo made before the start; cat /vol/seed").unwrap();
    fs::write(dir.join("seed"), "seed\n").unwrap();
    engine.ok(&["create", "--name", "box", "-v", "data:/vol", BB, "sh", "/script"]);
    engine.ok(&["cp", &at("script"), "box:/script"]);
    engine.ok(&["cp", &at("seed"), "box:/vol/seed"]);
    engine.ok(&["cp", "box:/vol/seed", &at("back")]);
    assert_eq!(text(&dir.join("back")), "seed\n", "volumes are seen");
    assert_eq!(engine.ok(&["start", "-a", "box"]), "made before the start\nseed");
    engine.ok(&["cp", "box:/script", &at("after")]);
    assert_eq!(
        text(&dir.join("after")),
        "echo made before the start; cat /vol/seed"
    );
    let seen = engine.ok(&["run", "--rm", "-v", "data:/v", BB, "cat", "/v/seed"]);
    assert_eq!(seen, "seed", "written to the volume, not beneath it");
    engine.ok(&["rm", "box"]);
}

#[test]
fn mounts_of_a_running_container_are_seen() {
    let engine = engine();
    let dir = engine.scratch("bind");
    fs::write(dir.join("on-host"), "h").unwrap();
    let bind = format!("{}:/bind:ro", dir.display());
    idle(&engine, "box", &["-v", "vol1:/vol", "-v", &bind]);
    inside(&engine, "box", "echo v > /vol/f");
    let out = engine.scratch("out");
    let at = |name: &str| out.join(name).display().to_string();
    engine.ok(&["cp", "box:/vol/f", &at("f")]);
    engine.ok(&["cp", "box:/bind/on-host", &at("on-host")]);
    assert_eq!(text(&out.join("f")) + &text(&out.join("on-host")), "v\nh");
    engine.ok(&["cp", &at("on-host"), "box:/vol/"]);
    assert_eq!(inside(&engine, "box", "cat /vol/on-host"), "h");
    let done = engine.run(&["cp", &at("f"), "box:/bind/"]);
    done.fails(1);
    done.says(&["mounted volume is marked read-only"]);
    assert!(!dir.join("f").exists());
    if !Engine::is_reference() {
        idle(&engine, "tmp1", &["--tmpfs", "/t"]);
        engine.ok(&["cp", &at("f"), "tmp1:/t/"]);
        assert_eq!(inside(&engine, "tmp1", "cat /t/f"), "v");
        engine.ok(&["cp", "tmp1:/t/f", &at("from-tmpfs")]);
        assert_eq!(text(&out.join("from-tmpfs")), "v\n");
    }
}

#[test]
fn what_the_kernel_shows_is_no_file_to_copy() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let out = engine.scratch("out");
    let at = |name: &str| out.join(name).display().to_string();
    for path in ["/proc/1/status", "/sys/kernel"] {
        let done = engine.run(&["cp", &format!("box:{path}"), &at("file")]);
        done.fails(1);
        done.says(&[&format!("Could not find the file {path} in container box")]);
        assert!(!out.join("file").exists(), "{path}");
    }
    engine.ok(&["cp", "box:/proc", &at("proc")]);
    assert_eq!(fs::read_dir(out.join("proc")).unwrap().count(), 0);
    // On the way through all files it is passed by, too.
    engine.ok(&["cp", "box:/", &at("all")]);
    assert_eq!(fs::read_dir(out.join("all/proc")).unwrap().count(), 0);
    assert!(out.join("all/bin").exists());
}

#[test]
fn read_only_roots_are_not_written_to() {
    let engine = engine();
    let dir = engine.scratch("cp");
    let file = dir.join("file").display().to_string();
    fs::write(&file, "x").unwrap();
    idle(&engine, "box", &["--read-only", "-v", "vol1:/vol"]);
    for to in ["box:/", "box:/etc/new"] {
        let done = engine.run(&["cp", &file, to]);
        done.fails(1);
        done.says(&["container rootfs is marked read-only"]);
    }
    engine.ok(&["cp", &file, "box:/vol/"]);
    engine.ok(&["cp", "box:/data/seed", &dir.join("seed").display().to_string()]);
}

#[test]
fn owners_are_kept_or_given() {
    // dockerd 20.10 runs a getent of the image's to look users up.
    corten_only!();
    let engine = engine();
    idle(&engine, "box", &["-u", "app"]);
    let dir = engine.scratch("cp");
    let file = dir.join("file").display().to_string();
    fs::write(&file, "x").unwrap();
    std::os::unix::fs::chown(&file, Some(1234), Some(2345)).unwrap();
    engine.ok(&["cp", &file, "box:/tmp/kept"]);
    engine.ok(&["cp", "-a", &file, "box:/tmp/given"]);
    let seen = inside(&engine, "box", "stat -c '%u:%g' /tmp/kept /tmp/given");
    assert_eq!(seen, "1234:2345\n1000:1000");
    engine.ok(&["cp", "box:/tmp/kept", &dir.join("back").display().to_string()]);
    let back = fs::metadata(dir.join("back")).unwrap();
    assert_eq!(
        (back.uid(), back.gid()),
        (0, 0),
        "files on this machine are the caller's"
    );
}

#[test]
fn the_size_is_told_on_request() {
    let engine = engine();
    idle(&engine, "box", &[]);
    let dir = engine.scratch("cp");
    let to = dir.join("seed").display().to_string();
    let quiet = engine.run(&["cp", "box:/data/seed", &to]);
    quiet.ok();
    assert_eq!((quiet.out(), quiet.err()), (String::new(), String::new()));
    if !engine.speaks_docker() || !Engine::is_reference() {
        let told = engine.run(&["cp", "-q=false", "box:/data/seed", &to]);
        assert_eq!(told.ok(), "");
        told.says(&[&format!("Successfully copied 2.05kB to {to}")]);
        let told = engine.run(&["cp", "--quiet=false", &to, "box:/tmp/"]);
        told.says(&["Successfully copied 2.05kB to box:/tmp/"]);
    }
}

#[test]
fn the_api_tells_what_is_at_a_path() {
    let engine = engine();
    let id = idle(&engine, "box", &[]);
    inside(&engine, "box", "ln -s ../data/seed /etc/link && mkfifo /etc/fifo");
    let head = |path: &str| engine.api("HEAD", &format!("/containers/box/archive?path={path}"), "");
    let stat = |path: &str| {
        let answer = head(path);
        assert_eq!(answer.status, 200, "{path}");
        let header = answer.header("X-Docker-Container-Path-Stat").unwrap().to_owned();
        let decoded = run(
            Command::new("sh").args(["-c", &format!("echo {header} | base64 -d")]),
            SOON,
        );
        serde_json::from_slice::<serde_json::Value>(&decoded.stdout).unwrap()
    };
    let seed = stat("/data/seed");
    assert_eq!(
        (&seed["name"], &seed["size"], &seed["mode"]),
        (&"seed".into(), &15.into(), &0o644.into())
    );
    assert_eq!(seed["linkTarget"], "");
    let link = stat("/etc/link");
    assert_eq!(link["linkTarget"], "/data/seed");
    assert_eq!(link["mode"].as_u64().unwrap() >> 27, 1);
    assert_eq!(stat("/tmp")["mode"].as_u64().unwrap(), 1 << 31 | 1 << 20 | 0o777);
    assert_eq!(head("/nope").status, 404);
    assert_eq!(engine.api("HEAD", "/containers/box/archive", "").status, 400);
    assert_eq!(
        engine.api("GET", "/containers/nope/archive?path=/", "").status,
        404
    );
    let missing = engine.api("GET", &format!("/containers/{id}/archive?path=/nope"), "");
    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.message(),
        format!("Could not find the file /nope in container {id}")
    );
    let wrong = engine.api("PUT", "/containers/box/archive?path=/data/seed", "");
    // dockerd 20.10 takes it for a fault of its own.
    let status = if Engine::is_reference() { 500 } else { 400 };
    assert_eq!(
        (wrong.status, wrong.message().as_str()),
        (status, "extraction point is not a directory")
    );
    // Pipes and devices are told of, not opened.
    engine.ok(&[
        "cp",
        "box:/etc/fifo",
        &engine.scratch("x").join("fifo").display().to_string(),
    ]);
}

/// The container's root holds a directory that turns into a link to the host's `/` and back, as fast as it can.
fn swapper(engine: &Engine, host: &Path) {
    let script = format!(
        "mkdir -p /race/dir {0} && echo inside > {0}/secret && echo inside > /race/dir/secret && ln -s {0} /race/evil && \
         ln -s ../../../../../../../../..{0} /race/evil2 && \
         while :; do mv /race/dir /race/kept && mv /race/evil /race/dir && mv /race/dir /race/evil && mv /race/kept /race/dir; done",
        host.display()
    );
    engine.ok(&["run", "-d", "--name", "race", BB, "sh", "-c", &script]);
    until("the links are there", SOON, || {
        engine.run(&["exec", "race", "test", "-L", "/race/evil2"]).code() == 0
    });
}

#[test]
fn swapped_links_lead_nowhere_out_of_the_container() {
    corten_only!();
    let engine = engine();
    let host = engine.scratch("host");
    fs::write(host.join("secret"), "of the host").unwrap();
    swapper(&engine, &host);
    let dir = engine.scratch("cp");
    let (out, payload) = (dir.join("out"), dir.join("payload").display().to_string());
    fs::write(&payload, "from outside").unwrap();
    let mut read = 0;
    for round in 0..120 {
        let path = ["/race/dir/secret", "/race/evil2/secret", "/race/dir/"][round % 3];
        let _ = fs::remove_dir_all(&out);
        let _ = fs::remove_file(&out);
        let done = engine.run(&["cp", "-L", &format!("race:{path}"), &out.display().to_string()]);
        if done.code() == 0 {
            read += 1;
            let found = if out.is_dir() {
                out.join("secret")
            } else {
                out.clone()
            };
            if let Ok(found) = fs::read_to_string(found) {
                assert_eq!(found, "inside\n", "{path}");
            }
        }
        // Written wherever the container's own links lead, or refused: never to the host.
        let to = [
            "race:/race/dir/planted",
            "race:/race/evil2/planted",
            "race:/race/dir/",
        ][round % 3];
        engine.run(&["cp", &payload, to]);
        let names: Vec<_> = fs::read_dir(&host)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["secret"]);
    }
    assert!(read > 0, "not one copy went through");
    assert_eq!(text(&host.join("secret")), "of the host");
    engine.ok(&["rm", "-f", "race"]);
}

#[test]
fn a_large_file_takes_little_memory() {
    corten_only!();
    let engine = engine();
    idle(&engine, "box", &[]);
    inside(
        &engine,
        "box",
        "dd if=/dev/zero of=/big bs=1M count=300 2>/dev/null",
    );
    let dir = engine.scratch("cp");
    let to = dir.join("big").display().to_string();
    engine.ok(&["cp", "box:/big", &to]);
    assert_eq!(fs::metadata(&to).unwrap().len(), 300 << 20);
    engine.ok(&["cp", &to, "box:/again"]);
    assert_eq!(
        inside(&engine, "box", "stat -c %s /again"),
        (300 << 20).to_string()
    );
    let status = fs::read_to_string(format!("/proc/{}/status", engine.pid())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 100 << 10, "the daemon took {kib} KiB");
}
