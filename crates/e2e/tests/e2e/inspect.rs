//! `inspect`: what was asked for and what became of it.

use std::os::unix::fs::MetadataExt;

use serde_json::json;

use corten_testkit::Engine;

use crate::{BB, engine, inspect};

#[test]
fn a_running_container_is_described() {
    let engine = engine();
    let publish = format!("127.0.0.1:{}:80", engine.slot().port(0));
    let flags = [
        "run",
        "-d",
        "--name",
        "box",
        "-e",
        "A=1",
        "-l",
        "k=v",
        "-w",
        "/data",
        "-u",
        "app",
        "-m",
        "64m",
        "--cpus",
        "0.5",
        "--pids-limit",
        "50",
        "--restart",
        "no",
        "-h",
        "box",
        "-p",
        &publish,
        BB,
        "sh",
        "-c",
        "while :; do sleep 0.1; done",
    ];
    let id = engine.ok(&flags);
    let all = inspect(&engine, "box");
    assert_eq!(all["Id"], id);
    assert_eq!(all["Name"], "/box");
    assert_eq!(all["Path"], "sh");
    assert_eq!(all["Args"], json!(["-c", "while :; do sleep 0.1; done"]));
    assert_eq!(
        all["Driver"].as_str().map(|name| name.starts_with("overlay")),
        Some(true)
    );
    assert_eq!(all["RestartCount"], 0);

    let state = &all["State"];
    assert_eq!(
        (&state["Status"], &state["Running"], &state["ExitCode"]),
        (&json!("running"), &json!(true), &json!(0))
    );
    assert_eq!(state["FinishedAt"], "0001-01-01T00:00:00Z");
    let pid = state["Pid"].as_u64().unwrap();
    assert_eq!(
        std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(),
        "sh\n"
    );

    let config = &all["Config"];
    assert_eq!(
        (&config["Hostname"], &config["User"], &config["WorkingDir"]),
        (&json!("box"), &json!("app"), &json!("/data"))
    );
    assert_eq!(config["Env"][0], "A=1");
    assert_eq!(config["Labels"], json!({ "k": "v" }));
    assert_eq!(config["Image"], BB);

    let host = &all["HostConfig"];
    assert_eq!(
        (&host["Memory"], &host["NanoCpus"], &host["PidsLimit"]),
        (&json!(67_108_864), &json!(500_000_000), &json!(50))
    );
    assert_eq!(host["MemorySwap"], 134_217_728, "swap is as much again");
    assert_eq!(host["MemorySwappiness"], json!(null), "the kernel's own");
    let port = engine.slot().port(0).to_string();
    assert_eq!(
        host["PortBindings"]["80/tcp"],
        json!([{ "HostIp": "127.0.0.1", "HostPort": port }])
    );

    let network = &all["NetworkSettings"];
    assert_eq!(
        network["Ports"]["80/tcp"],
        json!([{ "HostIp": "127.0.0.1", "HostPort": port }])
    );
    let namespace = |path: &str| {
        let there = std::fs::metadata(path).unwrap();
        (there.dev(), there.ino())
    };
    assert_eq!(
        namespace(network["SandboxKey"].as_str().unwrap()),
        namespace(&format!("/proc/{pid}/ns/net"))
    );
    let bridge = &network["Networks"]["bridge"];
    let prefix = engine.slot().subnet_prefix();
    assert!(
        bridge["IPAddress"]
            .as_str()
            .is_some_and(|address| address.starts_with(&prefix)),
        "{bridge}"
    );
    assert_eq!(bridge["Gateway"], format!("{prefix}.1"));
    assert_eq!(bridge["IPPrefixLen"], 24);
    assert_eq!(engine.ok(&["port", "box"]), format!("80/tcp -> 127.0.0.1:{port}"));
}

#[test]
fn an_ended_container_keeps_its_end() {
    let engine = engine();
    engine
        .run(&["run", "--name", "box", BB, "sh", "-c", "exit 3"])
        .fails(3);
    let state = inspect(&engine, "box")["State"].clone();
    assert_eq!(
        (
            &state["Status"],
            &state["Running"],
            &state["ExitCode"],
            &state["Pid"]
        ),
        (&json!("exited"), &json!(false), &json!(3), &json!(0))
    );
    assert_eq!(
        (&state["OOMKilled"], &state["Dead"], &state["Error"]),
        (&json!(false), &json!(false), &json!(""))
    );
    let (started, finished) = (
        state["StartedAt"].as_str().unwrap(),
        state["FinishedAt"].as_str().unwrap(),
    );
    assert!(
        // dockerd 20.10 takes the two from different clocks.
        (started < finished || Engine::is_reference()) && finished.ends_with('Z'),
        "{started} {finished}"
    );
    let network = inspect(&engine, "box")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"].clone();
    assert_eq!(network, "");
}

#[test]
fn one_that_runs_again_tells_when_it_ended_before() {
    let mut engine = engine();
    let ends = |engine: &Engine| engine.ok(&["inspect", "-f", "{{.State.FinishedAt}}", "box"]);
    engine.ok(&[
        "run",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "[ -e /mark ] && exec sleep 1000; touch /mark",
    ]);
    let ended = ends(&engine);
    assert!(!ended.starts_with("0001"), "{ended}");
    engine.ok(&["start", "box"]);
    assert_eq!(ends(&engine), ended);
    if !Engine::is_reference() {
        engine.corten_mut().kill9();
        engine.corten_mut().restart();
        assert_eq!(ends(&engine), ended);
    }
    engine.ok(&["rm", "-f", "box"]);
}

#[test]
fn an_image_is_described() {
    let engine = engine();
    let image = inspect(&engine, BB);
    assert_eq!(image["RepoTags"], json!([BB]));
    assert_eq!(
        (&image["Os"], &image["Config"]["Cmd"]),
        (&json!("linux"), &json!(["sh"]))
    );
    assert_eq!(image["RootFS"]["Layers"].as_array().unwrap().len(), 1);
    let several = engine.ok(&["inspect", BB, BB]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&several)
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_prefix_of_the_id_is_enough_when_it_is_one() {
    let engine = engine();
    let id = engine.ok(&["create", BB, "true"]);
    for length in [64, 12, 6] {
        assert_eq!(inspect(&engine, &id[..length])["Id"], id);
    }
    let name = inspect(&engine, &id)["Name"]
        .as_str()
        .unwrap()
        .trim_start_matches('/')
        .to_owned();
    assert!(name.contains('_'), "a made-up name has two words: {name}");
    assert_eq!(engine.ok(&["rm", &id[..6]]), id[..6]);
}

#[test]
fn lists_are_empty_and_labels_off_where_docker_has_them() {
    let engine = engine();
    for (name, flags) in [
        ("aa", &["--privileged"][..]),
        ("bb", &["--pid", "host"]),
        ("cc", &["--ipc", "host"]),
    ] {
        let mut args = vec!["create", "--name", name];
        args.extend(flags);
        args.extend([BB, "true"]);
        engine.ok(&args);
        assert_eq!(
            inspect(&engine, name)["HostConfig"]["SecurityOpt"],
            json!(["label=disable"]),
            "{name}"
        );
    }
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "dd",
        "--health-cmd",
        "true",
        "--health-interval",
        "1h",
        BB,
        "sleep",
        "1000",
    ]);
    assert_eq!(inspect(&engine, "dd")["State"]["Health"]["Log"], json!([]));
}
