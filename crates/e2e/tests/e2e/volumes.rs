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
