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
    let made = |name: &str, driver: &str| {
        let body = serde_json::json!({"Name": name, "Driver": driver}).to_string();
        let answer = engine.api("POST", "/volumes/create", &body);
        (answer.status, answer.message())
    };
    for name in ["-x", ".x", "_x", "a/b", "../x", "x:y", "ü1", "a\nb"] {
        let sentence = format!(
            "create {name}: {name:?} includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" \
             are allowed. If you intended to pass a host directory, use absolute path"
        );
        assert_eq!(made(name, ""), (400, sentence.clone()));
        if name != "a\nb" {
            refused(&["volume", "create", "--", name], 1, &[&sentence]);
        }
    }
    let long = "a".repeat(256);
    let (status, said) = made(&long, "");
    let end = format!("/volumes/{long}: file name too long");
    assert!(
        status == 500
            && said.starts_with(&format!(
                "create {long}: error while creating volume root path '/"
            ))
            && said.ends_with(&end),
        "{status} {said}"
    );
    let unknown = |driver: &str| {
        format!("create vol: error looking up volume plugin {driver}: plugin \"{driver}\" not found")
    };
    for driver in ["nosuch", "Local", "../x"] {
        assert_eq!(made("vol", driver), (404, unknown(driver)));
    }
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "");
    // The same once more is what it was; a driver that is none is none for it, too.
    for _ in 0..2 {
        engine.ok(&["volume", "create", "--label", "a=b", "vol"]);
    }
    assert_eq!(made("vol", "nosuch"), (404, unknown("nosuch")));
    refused(
        &["volume", "create", "-d", "nosuch", "vol"],
        1,
        &[&unknown("nosuch")],
    );
    engine.ok(&["create", "--name", "user", "-v", "vol:/x", BB, "true"]);
    let id = inspect(&engine, "user")["Id"].as_str().unwrap().to_owned();
    for path in ["/volumes/vol", "/volumes/vol?force=1"] {
        let answer = engine.api("DELETE", path, "");
        let sentence = format!("remove vol: volume is in use - [{id}]");
        assert_eq!((answer.status, answer.message()), (409, sentence));
    }
    engine.ok(&["rm", "user"]);
    engine.ok(&["volume", "rm", "vol"]);
    let answer = engine.api("DELETE", "/volumes/vol", "");
    assert_eq!(
        (answer.status, answer.message()),
        (404, "get vol: no such volume".to_owned())
    );
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

#[test]
fn a_new_volume_takes_everything_along() {
    let engine = engine();
    // What the image has: links of both kinds, attributes, sub-directories of other owners; and names that lead elsewhere.
    let archive = engine.scratch("image").join("i.tar");
    let tree = engine.scratch("tree");
    let script = "import os, sys, tarfile
d, to = sys.argv[1:]
os.makedirs(d + '/data/sub')
open(d + '/data/seed', 'w').write('seed')
os.link(d + '/data/seed', d + '/data/sub/hard')
os.symlink('seed', d + '/data/soft')
os.setxattr(d + '/data/seed', 'user.k', b'v')
os.chown(d + '/data/sub', 7, 8)
os.chmod(d + '/data/sub', 0o2710)
os.symlink('data', d + '/link')
os.symlink('nowhere', d + '/dangling')
os.makedirs(d + '/bin')
os.chmod(d, 0o755)
";
    let python = |script: &str, args: &[&str]| {
        let mut command = std::process::Command::new("/usr/bin/python3");
        corten_testkit::run(command.args(["-c", script]).args(args), crate::SOON).ok()
    };
    python(script, &[&tree.display().to_string(), ""]);
    fs::copy(
        corten_testkit::fixtures::busybox_program(),
        tree.join("bin/busybox"),
    )
    .unwrap();
    for applet in ["sh", "ls", "stat", "cat", "true"] {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(applet)).unwrap();
    }
    let mut tar = std::process::Command::new("tar");
    tar.args(["--xattrs", "-cf"])
        .arg(&archive)
        .arg("-C")
        .arg(&tree)
        .arg(".");
    corten_testkit::run(&mut tar, crate::SOON).ok();
    let image = engine.ok(&[
        "import",
        "-c",
        "ENV PATH=/bin",
        &archive.display().to_string(),
        "tree:1",
    ]);
    assert!(!image.is_empty());
    let look = "import os, sys
d = engine = sys.argv[1]
s = os.stat(d + '/sub')
a, b = os.stat(d + '/seed'), os.stat(d + '/sub/hard')
print(s.st_uid, s.st_gid, oct(s.st_mode), a.st_ino == b.st_ino, a.st_nlink, os.readlink(d + '/soft'), os.getxattr(d + '/seed', 'user.k'))
";
    for target in ["/data", "/link"] {
        engine.ok(&["run", "--rm", "-v", &format!("full:{target}"), "tree:1", "true"]);
        let place = engine.ok(&["volume", "inspect", "-f", "{{.Mountpoint}}", "full"]);
        assert_eq!(
            python(look, &[&place]),
            "7 8 0o42710 True 2 seed b'v'",
            "{target}"
        );
        engine.ok(&["volume", "rm", "full"]);
    }
    for target in ["/dangling", "/none", "/data:nocopy"] {
        let seen = engine.ok(&[
            "run",
            "--rm",
            "-v",
            &format!("empty:{target}"),
            "tree:1",
            "ls",
            target.split(':').next().unwrap(),
        ]);
        assert_eq!(seen, "", "{target}");
        engine.ok(&["volume", "rm", "empty"]);
    }
}

#[test]
fn read_only_means_all_that_is_mounted_below() {
    let engine = engine();
    let dir = engine.scratch("tree");
    fs::create_dir_all(dir.join("below")).unwrap();
    let mut mount = std::process::Command::new("mount");
    corten_testkit::run(
        mount.args(["-t", "tmpfs", "tmpfs"]).arg(dir.join("below")),
        crate::SOON,
    )
    .ok();
    let bind = |options: &str| format!("type=bind,source={},target=/t{options}", dir.display());
    let touched = |mount: &str| {
        let done = engine.run(&[
            "run",
            "--rm",
            "--mount",
            mount,
            BB,
            "sh",
            "-c",
            "touch /t/x; touch /t/below/x; ls /t/below",
        ]);
        (
            done.err().matches("Read-only file system").count(),
            done.out().trim().to_owned(),
        )
    };
    // The reference is of before there was recursion.
    if !corten_testkit::Engine::is_reference() {
        assert_eq!(touched(&bind(",readonly")), (2, String::new()));
        assert_eq!(
            touched(&bind(
                ",readonly,bind-recursive=readonly,bind-propagation=rprivate"
            ))
            .0,
            2
        );
    }
    assert_eq!(
        touched(&bind(",readonly,bind-recursive=writable")),
        (1, "x".to_owned())
    );
    fs::remove_file(dir.join("below/x")).unwrap();
    // Without what is below there is a directory of the mount itself.
    let (refused, _) = touched(&bind(",readonly,bind-recursive=disabled"));
    assert_eq!(refused, 2);
    assert!(!dir.join("below/x").exists());
    let mut unmount = std::process::Command::new("umount");
    corten_testkit::run(unmount.arg(dir.join("below")), crate::SOON).ok();
    let done = engine.run(&[
        "run",
        "--rm",
        "--mount",
        &bind(",bind-recursive=readonly"),
        BB,
        "true",
    ]);
    done.fails(125);
    done.says(&["option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction"]);
}

#[test]
fn mounts_travel_as_asked_and_where_they_can() {
    let engine = engine();
    let dir = engine.scratch("travel");
    let run = |program: &str, args: &[&str]| {
        corten_testkit::run(std::process::Command::new(program).args(args), crate::SOON).ok();
    };
    let path = dir.display().to_string();
    let bind = |mode: &str| format!("{path}:/t:{mode}");
    for (mode, sentence) in [
        ("rshared", "not a shared mount"),
        ("rslave", "not a shared or slave mount"),
    ] {
        let done = engine.run(&["run", "--rm", "-v", &bind(mode), BB, "true"]);
        done.fails(125);
        done.says(&[&format!("path {path} is mounted on ")]);
        done.says(&[&format!(" but it is {sentence}")]);
    }
    run("mount", &["--bind", &path, &path]);
    run("mount", &["--make-shared", &path]);
    fs::create_dir_all(dir.join("at")).unwrap();
    crate::idle(&engine, "slave", &["-v", &bind("rslave")]);
    crate::idle(&engine, "private", &["-v", &bind("rprivate")]);
    crate::idle(&engine, "shared", &["--privileged", "-v", &bind("rshared")]);
    let at = dir.join("at").display().to_string();
    run("mount", &["-t", "tmpfs", "fresh", &at]);
    fs::write(dir.join("at/f"), "arrived").unwrap();
    let listed = |name: &str| engine.ok(&["exec", name, "ls", "/t/at"]);
    assert_eq!(
        (
            listed("slave").as_str(),
            listed("private").as_str(),
            listed("shared").as_str()
        ),
        ("f", "", "f")
    );
    run("umount", &[&at]);
    engine.ok(&["exec", "shared", "mount", "-t", "tmpfs", "inner", "/t/at"]);
    engine.ok(&["exec", "shared", "touch", "/t/at/from-inside"]);
    assert!(dir.join("at/from-inside").exists());
    engine.ok(&["exec", "shared", "umount", "/t/at"]);
    engine.ok(&["rm", "-f", "slave", "private", "shared"]);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let left = mounts.lines().filter(|line| line.contains(&path)).count();
    assert_eq!(left, 1, "{mounts}");
    run("umount", &[&path]);
}

#[test]
fn the_daemons_own_files_are_bound_so_that_its_mounts_can_end() {
    let engine = engine();
    let root = engine.slot().root().display().to_string();
    let bind = |mode: &str| format!("{root}:/r{mode}");
    engine.ok(&["create", "--name", "box", "-v", &bind(""), BB, "true"]);
    assert_eq!(inspect(&engine, "box")["Mounts"][0]["Propagation"], "rslave");
    engine.ok(&["run", "--rm", "-v", &bind(":ro"), BB, "ls", "/r"]);
    let done = engine.run(&["create", "-v", &bind(":private"), BB, "true"]);
    done.fails(1);
    done.says(&["invalid mount config: must use either propagation mode \"rslave\" or \"rshared\" when mount source is within the daemon root, daemon root: "]);
}

#[test]
fn an_image_is_mounted() {
    crate::corten_only!();
    let engine = engine();
    let other = engine.scratch("images").join("other.tar");
    let layer = |name: &str, content: &[u8]| {
        corten_testkit::fixtures::Layer::default()
            .file(name, 0o644, content)
            .finish()
    };
    let image = |name: &str, layers| {
        corten_testkit::fixtures::ImageArchive::new(name, layers).write(&other);
        engine.load(&other);
    };
    image("test/one:1", vec![layer("only", b"single")]);
    image(
        "test/two:1",
        vec![layer("sub/below", b"lower"), layer("sub/above", b"upper")],
    );
    let mount = |options: &str| format!("type=image,target=/i,{options}");
    let run = |options: &str, program: &[&str]| {
        let mount = mount(options);
        let mut args = vec!["run", "--rm", "--mount", &mount, BB];
        args.extend(program);
        engine.run(&args)
    };
    assert_eq!(run("source=test/one:1", &["cat", "/i/only"]).ok(), "single");
    assert_eq!(
        run("source=test/two:1", &["cat", "/i/sub/below", "/i/sub/above"]).ok(),
        "lowerupper"
    );
    assert_eq!(
        run("source=test/two:1,image-subpath=sub", &["ls", "/i"]).ok(),
        "above\nbelow"
    );
    assert_eq!(
        run("source=test/two:1,image-subpath=sub/above", &["cat", "/i"]).ok(),
        "upper"
    );
    let written = run("source=test/two:1", &["touch", "/i/x"]);
    written.fails(1);
    written.says(&["Read-only file system"]);
    let missing = run("source=test/none:1", &["true"]);
    missing.fails(125);
    missing.says(&["No such image: test/none:1"]);
    run("source=test/two:1,image-subpath=nope", &["true"]).says(&["no such file or directory"]);
    run("source=test/two:1,image-subpath=../x", &["true"])
        .says(&["subpath must be a relative path within the image"]);
    // It stays as long as there is a container with it.
    let two = mount("source=test/two:1");
    engine.ok(&[
        "create",
        "--name",
        "keeper",
        "--mount",
        &two,
        BB,
        "cat",
        "/i/sub/below",
    ]);
    engine.ok(&["rmi", "test/two:1"]);
    assert_eq!(engine.ok(&["start", "-a", "keeper"]), "lower");
    let seen = inspect(&engine, "keeper")["Mounts"][0].clone();
    assert_eq!(
        (&seen["Type"], &seen["Name"], &seen["RW"]),
        (&"image".into(), &"test/two:1".into(), &false.into())
    );
    engine.ok(&["rm", "keeper"]);
}

#[test]
fn mounts_of_volumes_are_told() {
    let engine = engine();
    let since = crate::now();
    engine.ok(&["run", "--rm", "-v", "vol:/v:ro", BB, "true"]);
    let events = engine.ok(&["events", "--since", &since, "--until", &crate::now(), "--filter", "type=volume", "--format", "{{.Action}} {{.Actor.ID}} {{index .Actor.Attributes \"read/write\"}} {{index .Actor.Attributes \"destination\"}} {{.Actor.Attributes.driver}}"]);
    let told: Vec<&str> = events.lines().map(str::trim).collect();
    assert_eq!(told.len(), 3, "{events}");
    assert!(
        told[0].starts_with("create vol")
            && told[1].starts_with("mount vol false /v")
            && told[2].starts_with("unmount vol"),
        "{events}"
    );
    engine.ok(&["create", "--name", "box", "-v", "vol:/v", BB, "true"]);
    assert_eq!(inspect(&engine, "box")["Mounts"][0]["Mode"], "z");
}

#[test]
fn forms_of_v_and_mount_are_judged_as_docker_does() {
    let engine = engine();
    for (args, sentence) in [
        (&["-v", "/foo:rw"][..], "invalid volume specification: '/foo:rw'"),
        (&["-v", "vv:/x:ro,rw"], "invalid mode: ro,rw"),
        (&["-v", "vv:/x:readonly"], "invalid mode: readonly"),
        (
            &["-v", "~/b:/x"],
            "create ~/b: \"~/b\" includes invalid characters for a local volume name",
        ),
        (
            &["-v", "/tmp:/x:nocopy"],
            "invalid mount config for type \"bind\": field VolumeOptions must not be specified",
        ),
        (
            &["-v", "vv:/x:rshared"],
            "invalid mount config for type \"volume\": field BindOptions must not be specified",
        ),
        (
            &["--mount", "type=bind,target=/x"],
            "invalid mount config for type \"bind\": field Source must not be empty",
        ),
        (
            &["--mount", "type=bind,source=/tmp,target=/x,bind-propagation=frob"],
            "invalid propagation mode: frob",
        ),
        (
            &["--mount", "type=tmpfs,source=a,target=/x"],
            "invalid mount config for type \"tmpfs\": field Source must not be specified",
        ),
        (
            &["--mount", "type=npipe,source=a,target=/x"],
            "invalid mount config for type \"npipe\": mount type unknown",
        ),
        (
            &["--mount", "type=volume,source=vv,target=/"],
            "invalid mount config for type \"volume\": invalid specification: destination can't be '/'",
        ),
        (
            &["--mount", "type=volume,source=vv,target=x"],
            "invalid mount path: 'x' mount path must be absolute",
        ),
        (
            &["--volumes-from", ""],
            "volumes-from specification cannot be an empty string",
        ),
        (
            &["-v", "vv:/x", "--mount", "type=volume,source=vv,target=/x"],
            "Duplicate mount point: /x",
        ),
    ] {
        let mut all = vec!["create"];
        all.extend(args);
        all.extend([BB, "true"]);
        let done = engine.run(&all);
        done.fails(1);
        done.says(&[sentence]);
    }
    // The command line makes a path of one that begins with a dot.
    let mut command = engine.command(&["run", "--rm", "-v", "./rel:/r", BB, "touch", "/r/x"]);
    let dir = engine.scratch("cwd");
    corten_testkit::run(command.current_dir(&dir), crate::SOON).ok();
    assert!(dir.join("rel/x").exists());
    for consistency in ["consistent", "cached", "delegated", "default"] {
        engine.ok(&["run", "--rm", "-v", &format!("vv:/x:{consistency}"), BB, "true"]);
    }
    engine.ok(&[
        "run",
        "--rm",
        "--mount",
        "type=volume,source=vv,target=/x,consistency=cached",
        BB,
        "true",
    ]);
    let done = engine.run(&["volume", "update", "vv"]);
    done.fails(1);
    done.says(&["can only update cluster volumes"]);
}
