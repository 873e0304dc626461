//! `-v`, `--mount` and volumes.

use std::fs;

use crate::{BB, engine, inspect};

#[test]
fn a_directory_of_the_host_is_shared_both_ways() {
    let engine = engine();
    let dir = engine.scratch("shared");
    fs::write(dir.join("in"), "from the host").unwrap();
    let bind = format!("{}:/mnt", dir.display());
    assert_eq!(
        engine.ok(&[
            "run",
            "--rm",
            "-v",
            &bind,
            BB,
            "sh",
            "-c",
            "cat /mnt/in; echo made > /mnt/out"
        ]),
        "from the host"
    );
    assert_eq!(fs::read_to_string(dir.join("out")).unwrap(), "made\n");
    let done = engine.run(&["run", "--rm", "-v", &format!("{bind}:ro"), BB, "touch", "/mnt/x"]);
    assert_eq!(done.code(), 1);
    done.says(&["Read-only file system"]);
    let mount = format!("type=bind,source={},target=/m,readonly", dir.display());
    assert_eq!(
        engine.ok(&["run", "--rm", "--mount", &mount, BB, "cat", "/m/in"]),
        "from the host"
    );
    let file = format!("{}:/etc/one-file", dir.join("in").display());
    assert_eq!(
        engine.ok(&["run", "--rm", "-v", &file, BB, "cat", "/etc/one-file"]),
        "from the host"
    );
}

#[test]
fn a_missing_source_is_made_for_v_and_refused_for_mount() {
    let engine = engine();
    let missing = engine.scratch("sources").join("missing");
    let mount = format!("type=bind,source={},target=/m", missing.display());
    let done = engine.run(&["run", "--rm", "--mount", &mount, BB, "true"]);
    done.fails(125);
    done.says(&[&format!("bind source path does not exist: {}", missing.display())]);
    assert!(!missing.exists());
    engine.ok(&[
        "run",
        "--rm",
        "-v",
        &format!("{}:/m", missing.display()),
        BB,
        "true",
    ]);
    assert!(missing.is_dir());
}

#[test]
fn a_named_volume_begins_with_the_images_files_and_stays() {
    let engine = engine();
    let seen = engine.ok(&[
        "run",
        "--rm",
        "-v",
        "vol:/data",
        BB,
        "sh",
        "-c",
        "cat /data/seed; echo more > /data/more",
    ]);
    assert_eq!(seen, "from the image");
    assert_eq!(
        engine.ok(&[
            "run",
            "--rm",
            "-v",
            "vol:/elsewhere",
            BB,
            "cat",
            "/elsewhere/more"
        ]),
        "more"
    );
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "vol");
    engine.ok(&["create", "--name", "user", "-v", "vol:/data", BB, "true"]);
    let done = engine.run(&["volume", "rm", "vol"]);
    done.fails(1);
    done.says(&["volume is in use"]);
    let mounts = inspect(&engine, "user")["Mounts"].clone();
    assert_eq!(mounts[0]["Type"], "volume");
    assert_eq!(mounts[0]["Name"], "vol");
    assert_eq!(mounts[0]["Destination"], "/data");
    assert_eq!(mounts[0]["RW"], true);
    engine.ok(&["rm", "user"]);
    assert_eq!(engine.ok(&["volume", "rm", "vol"]), "vol");
}

#[test]
fn an_anonymous_volume_goes_with_its_container() {
    let engine = engine();
    engine.ok(&["run", "--rm", "-v", "/anon", BB, "touch", "/anon/x"]);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "", "--rm takes it along");
    engine.ok(&["run", "--name", "box", "-v", "/anon", BB, "touch", "/anon/x"]);
    let name = engine.ok(&["volume", "ls", "-q"]);
    assert_eq!(name.len(), 64, "{name}");
    engine.ok(&["rm", "-v", "box"]);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
}

#[test]
fn the_volumes_of_another_container_can_be_had() {
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "first",
        "-v",
        "vol:/data",
        BB,
        "sh",
        "-c",
        "echo shared > /data/x",
    ]);
    assert_eq!(
        engine.ok(&["run", "--rm", "--volumes-from", "first", BB, "cat", "/data/x"]),
        "shared"
    );
}

#[test]
fn volumes_are_made_listed_and_looked_at() {
    let engine = engine();
    assert_eq!(
        engine.ok(&["volume", "create", "--label", "a=b", "--label", "c", "data"]),
        "data"
    );
    assert_eq!(
        engine.ok(&["volume", "create", "data"]),
        "data",
        "it is there already"
    );
    let anonymous = engine.ok(&["volume", "create"]);
    assert_eq!(anonymous.len(), 64, "{anonymous}");
    let seen = inspect(&engine, "data");
    assert_eq!(seen["Labels"], serde_json::json!({"a": "b", "c": ""}));
    assert_eq!(
        (&seen["Driver"], &seen["Scope"]),
        (&"local".into(), &"local".into())
    );
    engine.ok(&["create", "-v", "data:/d", BB, "true"]);
    let named = |filter: &str| engine.ok(&["volume", "ls", "-q", "-f", filter]);
    assert_eq!(named("dangling=true"), anonymous);
    assert_eq!(named("dangling=0"), "data");
    assert_eq!(named("label=a=b"), "data");
    assert_eq!(named("label=a=x"), "");
    assert_eq!(named("name=^da.a$"), "data");
    assert_eq!(named("name=at"), "data");
    assert_eq!(named("driver=local").lines().count(), 2);
    assert_eq!(named("driver=other"), "");
    for (filter, sentence) in [
        ("frob=1", "nvalid filter 'frob'"),
        ("dangling=x", "nvalid filter 'dangling=[x]'"),
    ] {
        let done = engine.run(&["volume", "ls", "-f", filter]);
        done.fails(1);
        done.says(&[sentence, "nvalid filter 'dangling' "]);
    }
    let done = engine.run(&["volume", "rm", "missing", "data", &anonymous]);
    done.fails(1);
    assert_eq!(done.out().trim(), anonymous);
    for sentence in ["get missing: no such volume", "remove data: volume is in use - ["] {
        assert!(done.err().contains(sentence), "{}", done.err());
    }
    assert_eq!(engine.ok(&["volume", "rm", "-f", "missing"]), "missing");
}

#[test]
fn senseless_volumes_are_refused() {
    let engine = engine();
    let refused = |args: &[&str], code: i32, sentences: &[&str]| {
        let done = engine.run(args);
        done.fails(code);
        done.says(sentences);
    };
    let short = "create x: volume name is too short, names should be at least two alphanumeric characters";
    refused(&["volume", "create", "x"], 1, &[short]);
    refused(
        &["volume", "create", "a b"],
        1,
        &[
            "create a b: \"a b\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
        ],
    );
    refused(
        &["volume", "create", "-d", "nfs", "data"],
        1,
        &[
            "create data: error looking up volume plugin nfs: plugin \"nfs\" not found",
            "create data: error looking up volume plugin nfs: legacy plugin: plugin not found",
            "error looking up volume plugin nfs",
        ],
    );
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
}

#[test]
fn a_new_volume_takes_owner_and_mode_along() {
    let engine = engine();
    // What the image has at the target: made in a container, as a directory of somebody else's.
    let made = engine.ok(&[
        "run",
        "--rm",
        "-v",
        "vol:/data",
        BB,
        "sh",
        "-c",
        "chown 7:8 /data; chmod 1750 /data; stat -c '%u:%g %a' /data",
    ]);
    assert_eq!(made, "7:8 1750");
    let kept = engine.ok(&[
        "run",
        "--rm",
        "-v",
        "vol:/data",
        BB,
        "stat",
        "-c",
        "%u:%g %a",
        "/data",
    ]);
    assert_eq!(kept, made, "a volume that is not empty is left alone");
}

#[test]
fn volumes_of_others_keep_their_modes() {
    let engine = engine();
    let dir = engine.scratch("bound");
    let bind = format!("{}:/b", dir.display());
    engine.ok(&[
        "create", "--name", "first", "-v", "vol:/v", "-v", &bind, BB, "true",
    ]);
    let tried = engine.run(&[
        "run",
        "--rm",
        "--volumes-from",
        "first:ro",
        BB,
        "sh",
        "-c",
        "touch /v/x || touch /b/x || echo neither",
    ]);
    assert_eq!(tried.ok(), "neither");
    engine.ok(&[
        "run",
        "--rm",
        "--volumes-from",
        "first",
        BB,
        "sh",
        "-c",
        "echo seen > /b/y",
    ]);
    assert_eq!(fs::read_to_string(dir.join("y")).unwrap(), "seen\n");
    let missing = engine.run(&["run", "--rm", "--volumes-from", "nobody", BB, "true"]);
    missing.fails(125);
    missing.says(&["No such container: nobody"]);
}

#[test]
fn a_volume_of_any_depth_is_removed() {
    crate::corten_only!();
    let engine = engine();
    engine.ok(&["volume", "create", "deep"]);
    let mountpoint = engine.ok(&["volume", "inspect", "-f", "{{.Mountpoint}}", "deep"]);
    // As a program in a container could make it: deeper than any path is long, and than the daemon's stack.
    let script = "import os, sys\nos.chdir(sys.argv[1])\nfor i in range(20000):\n    os.mkdir('d')\n    os.chdir('d')\n";
    let made = std::process::Command::new("python3")
        .args(["-c", script, &mountpoint])
        .status();
    assert!(made.unwrap().success());
    engine.ok(&["volume", "rm", "deep"]);
    assert!(!std::path::Path::new(&mountpoint).exists());
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
}
