//! Mistakes of the user: Docker's exit code, Docker's sentence, and nothing left behind.

use std::net::TcpListener;

use crate::{BB, corten_only, engine, idle};

#[test]
fn a_missing_command_is_127() {
    let engine = engine();
    let done = engine.run(&["run", "--rm", BB, "nosuch"]);
    done.fails(127);
    done.says(&["exec: \"nosuch\": executable file not found in $PATH"])
        .says(&["Error response from daemon:"]);
    let done = engine.run(&["run", "--rm", BB, "/bin/nosuch"]);
    done.fails(127);
    done.says(&["exec: \"/bin/nosuch\": stat /bin/nosuch: no such file or directory"]);
    let done = engine.run(&["run", "--rm", BB, ""]);
    done.fails(127);
    done.says(&["exec: \"\": executable file not found in $PATH"]);
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_command_that_cannot_be_executed_is_126() {
    let engine = engine();
    let done = engine.run(&["run", "--rm", BB, "/etc/not-executable"]);
    done.fails(126);
    done.says(&["exec: \"/etc/not-executable\": permission denied"]);
    let done = engine.run(&["run", "--rm", BB, "/etc"]);
    // Docker's command line before 23.0 did not know this sentence.
    assert!(
        done.code() == 126 || engine.speaks_docker() && done.code() == 125,
        "{done}"
    );
    done.says(&[
        "exec: \"/etc\": is a directory",
        "exec: \"/etc\": permission denied",
    ]);
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_directory_without_device_nodes_is_no_device() {
    let engine = engine();
    let dir = engine.scratch("no-nodes");
    let done = engine.run(&["run", "--rm", "--device", dir.to_str().unwrap(), BB, "true"]);
    done.fails(125);
    done.says(&[&format!(
        "error gathering device information while adding custom device \"{}\": not a device node",
        dir.display()
    )]);
}

#[test]
fn a_container_that_could_not_start_stays_with_its_error() {
    let engine = engine();
    engine.run(&["run", "--name", "broken", BB, "nosuch"]).fails(127);
    let state = crate::inspect(&engine, "broken")["State"].clone();
    assert_eq!(
        (state["Status"].as_str(), state["ExitCode"].as_i64()),
        (Some("created"), Some(127)),
        "{state}"
    );
    assert!(
        state["Error"]
            .as_str()
            .is_some_and(|error| error.contains("nosuch")),
        "{state}"
    );
    engine.run(&["start", "broken"]).fails(1);
    engine.ok(&["rm", "broken"]);
}

#[test]
fn flags_the_command_line_does_not_know_are_125() {
    let engine = engine();
    let done = engine.run(&["run", "--frobnicate", BB, "true"]);
    done.fails(125);
    done.says(&["unknown flag: --frobnicate"]);
    engine.run(&["run", "-m", "many", BB, "true"]).fails(125);
    engine
        .run(&["ps", "--frobnicate"])
        .says(&["unknown flag: --frobnicate"]);
}

#[test]
fn an_unknown_image_is_named() {
    let engine = engine();
    let done = engine.run(&["run", "--rm", "--pull", "never", "nosuch", "true"]);
    done.fails(125);
    done.says(&["No such image: nosuch:latest"]);
    assert_eq!(
        engine
            .api("POST", "/containers/create", r#"{"Image":"nosuch"}"#)
            .message(),
        "No such image: nosuch:latest"
    );
    let done = engine.run(&["run", "--rm", "nosuch", "true"]);
    done.fails(125);
    done.says(&[
        "Unable to find image 'nosuch:latest' locally\n",
        "Error response from daemon: pull access denied for nosuch, repository does not exist",
    ]);
    let done = engine.run(&["run", "--rm", "--pull", "never", "UPPER", "true"]);
    done.fails(125);
    done.says(&["invalid reference format: repository name"])
        .says(&["must be lowercase"]);
}

#[test]
fn a_name_in_use_names_its_holder() {
    let engine = engine();
    let id = engine.ok(&["create", "--name", "taken", BB, "true"]);
    let done = engine.run(&["run", "--name", "taken", BB, "true"]);
    done.fails(125);
    let sentence = format!(
        "Conflict. The container name \"/taken\" is already in use by container \"{id}\". You have to remove (or rename) that \
         container to be able to reuse that name."
    );
    done.says(&[&sentence]);
    assert_eq!(engine.ok(&["ps", "-aq", "--no-trunc"]), id);
    let done = engine.run(&["create", "--name", "b/d", BB, "true"]);
    done.fails(1);
    done.says(&["Invalid container name (b/d), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"]);
}

#[test]
fn a_port_of_another_container_is_in_use() {
    let engine = engine();
    let publish = format!("127.0.0.1:{}:80", engine.slot().port(0));
    idle(&engine, "holder", &["-p", &publish]);
    let done = engine.run(&["run", "--name", "late", "-p", &publish, BB, "true"]);
    done.fails(125);
    done.says(&[&format!(
        "Bind for {} failed: port is already allocated",
        publish.trim_end_matches(":80")
    )]);
    assert_eq!(crate::inspect(&engine, "late")["State"]["Status"], "created");
    engine.ok(&["rm", "-f", "holder"]);
    engine.run(&["start", "-a", "late"]).fails(0);
}

#[test]
fn a_port_of_a_host_process_is_in_use() {
    let engine = engine();
    let port = engine.slot().port(1);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let publish = format!("127.0.0.1:{port}:80");
    let done = engine.run(&["run", "--rm", "-p", &publish, BB, "true"]);
    done.fails(125);
    done.says(&["address already in use"]);
    drop(listener);
    engine.run(&["run", "--rm", "-p", &publish, BB, "true"]).fails(0);
}

#[test]
fn what_is_not_there_is_said_so() {
    let engine = engine();
    for verb in ["start", "stop", "kill", "rm", "logs", "wait"] {
        let done = engine.run(&[verb, "nosuch"]);
        done.fails(1);
        done.says(&["No such container: nosuch"]);
    }
    let done = engine.run(&["exec", "nosuch", "true"]);
    done.fails(1);
    done.says(&["No such container: nosuch"]);
    let done = engine.run(&["inspect", "nosuch"]);
    assert_eq!(done.fails(1), "[]");
    done.says(&["No such object: nosuch", "no such object: nosuch"]);
    let done = engine.run(&["rmi", "nosuch"]);
    done.fails(1);
    done.says(&["No such image: nosuch:latest", "No such image: nosuch"]);
}

#[test]
fn what_is_of_no_known_kind_is_named() {
    let engine = engine();
    let path = engine.scratch("out").join("x.tar").display().to_string();
    let mistakes: &[(&[&str], i32, &str)] = &[
        (
            &["run", "--rm", "-v", "/tmp:rel", BB, "true"],
            125,
            "docker: Error response from daemon: invalid volume specification: '/tmp:rel': invalid mount config for type \"bind\": \
             invalid mount path: 'rel' mount path must be absolute\n\nRun 'docker run --help' for more information",
        ),
        (
            &["create", "-v", "/tmp:rel", BB, "true"],
            1,
            "Error response from daemon: invalid volume specification: '/tmp:rel': invalid mount config for type \"bind\": \
             invalid mount path: 'rel' mount path must be absolute",
        ),
        (
            &["run", "--rm", "--mount", "type=foo,target=/x", BB, "true"],
            125,
            "docker: Error response from daemon: invalid mount config for type \"foo\": mount type unknown\n\nRun 'docker run \
             --help' for more information",
        ),
        (
            &["run", "--rm", "--mount", "type=foo", BB, "true"],
            125,
            "invalid argument \"type=foo\" for \"--mount\" flag: target is required\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] \
             [ARG...]\n\nRun 'docker run --help' for more information",
        ),
        (
            &["run", "--rm", "--log-driver", "foo", BB, "true"],
            125,
            "docker: Error response from daemon: error looking up logging plugin foo: plugin \"foo\" not found\n\nRun 'docker run \
             --help' for more information",
        ),
        (
            &["volume", "create", "-d", "foo", "made"],
            1,
            "Error response from daemon: create made: error looking up volume plugin foo: plugin \"foo\" not found",
        ),
        (
            &["save", "-o", &path, "nosuch"],
            1,
            "Error response from daemon: No such image: nosuch",
        ),
        (
            &["save", "-o", &path, "nosuch:1"],
            1,
            "Error response from daemon: reference does not exist",
        ),
        (
            &["kill", "nosuch"],
            1,
            "Error response from daemon: cannot kill container: nosuch: No such container: nosuch",
        ),
        (
            &["-H", "foo://x", "run", BB, "true"],
            1,
            "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: foo://x",
        ),
    ];
    for (args, code, sentence) in mistakes {
        let done = engine.run(args);
        // As releases before 25 had it.
        let said = done.err().replace("Cannot kill", "cannot kill");
        let said = said.replace("corten", "docker");
        assert_eq!((done.code(), said.trim_end()), (*code, *sentence), "{args:?}");
    }
    assert_eq!(
        engine.ok(&["ps", "-aq"]) + &engine.ok(&["volume", "ls", "-q"]),
        ""
    );
}

#[test]
fn an_unknown_user_or_group_is_named() {
    let engine = engine();
    let done = engine.run(&["run", "--rm", "-u", "nosuch", BB, "true"]);
    assert!(matches!(done.code(), 125 | 126), "{done}");
    done.says(&["unable to find user nosuch: no matching entries in passwd file"]);
    let done = engine.run(&["run", "--rm", "-u", "app:nosuch", BB, "true"]);
    done.says(&["unable to find group nosuch: no matching entries in group file"]);
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn limits_that_cannot_be_are_refused() {
    let engine = engine();
    let done = engine.run(&["run", "--rm", "-m", "1m", BB, "true"]);
    done.fails(125);
    done.says(&["Minimum memory limit allowed is 6MB"]);
    let done = engine.run(&["run", "--rm", "--cpus", "4096", BB, "true"]);
    done.fails(125);
    done.says(&["range of CPUs is from 0.01 to", "Range of CPUs is from 0.01 to"]);
}

#[test]
fn removing_a_running_container_needs_force() {
    let engine = engine();
    let id = idle(&engine, "busy", &[]);
    let done = engine.run(&["rm", "busy"]);
    done.fails(1);
    done.says(&[
        "cannot remove container \"busy\": container is running: stop the container before removing or force remove",
        "cannot remove container \"/busy\": container is running: stop the container before removing or force remove",
        &format!("You cannot remove a running container {id}. Stop the container before attempting removal or force remove"),
    ]);
    assert_eq!(engine.ok(&["rm", "-f", "busy"]), "busy");
    assert_eq!(engine.ok(&["ps", "-aq"]), "");
}

#[test]
fn what_the_engine_could_not_do_is_logged_with_the_request() {
    corten_only!();
    let engine = engine();
    let id = idle(&engine, "box", &[]);
    engine.api("GET", "/v1.41/containers/nosuch/json", "");
    engine.api("POST", "/v1.41/containers/create", "{");
    assert_eq!(
        engine.api("POST", "/v1.41/containers/box/unpause?x=1", "").status,
        500
    );
    let log = engine.corten().log();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let said = format!(
        "Handler for POST /v1.41/containers/box/unpause returned error: Container {id} is not paused"
    );
    assert!(errors[0].contains(&said), "{errors:?}");
}
