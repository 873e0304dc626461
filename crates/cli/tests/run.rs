//! `run` from the words to the exit code, against a scripted engine.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod engine;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Engine, ID, Reply, frame, program, usual};
use rustix::process::{Pid, Signal, kill_process};

const EXIT_7: &str = r#"{"StatusCode":7}"#;

/// An engine whose containers write two lines and end with 7.
fn talkative() -> Engine {
    Engine::start(|request| {
        if request.line.contains("/attach") {
            return Reply::Hijack(Box::new(|mut stream, events| {
                events.wait_for(&format!("POST /containers/{ID}/start"));
                stream.write_all(&frame(1, "out\n")).unwrap();
                stream.write_all(&frame(2, "err\n")).unwrap();
                events.add("ended");
            }));
        }
        if request.line.contains("/wait") {
            return Reply::After("ended", EXIT_7.to_owned());
        }
        usual(request).unwrap_or(Reply::Json(404, r#"{"message":"no"}"#.to_owned()))
    })
}

#[test]
fn attaches_and_waits_before_it_starts() {
    let engine = talkative();
    let (code, out, err) = engine.run(&["run", "--rm", "--name", "n", "img", "cmd"]);
    assert_eq!((code, out.as_str(), err.as_str()), (7, "out\n", "err\n"));
    let start = engine.events.position(&format!("POST /containers/{ID}/start"));
    assert_eq!(engine.events.position("POST /containers/create?name=n"), 0);
    assert!(
        engine.events.position(&format!(
            "POST /containers/{ID}/attach?stream=1&stdout=1&stderr=1"
        )) < start
    );
    assert!(
        engine
            .events
            .position(&format!("POST /containers/{ID}/wait?condition=removed"))
            < start
    );
    let requests = engine
        .events
        .all()
        .iter()
        .filter(|event| event.contains(" /"))
        .count();
    assert_eq!(requests, 4, "create, attach, wait, start and nothing else");
}

#[test]
fn detached_prints_the_identifier() {
    let engine = talkative();
    let (code, out, _) = engine.run(&["run", "-d", "img"]);
    assert_eq!((code, out), (0, format!("{ID}\n")));
    assert_eq!(engine.events.all().len(), 2, "create and start");
}

#[test]
fn detached_prints_the_identifier_of_what_cannot_start() {
    let engine = Engine::start(|request| {
        if request.line.contains("/start") {
            let message = r#"{"message":"exec: \"x\": executable file not found in $PATH"}"#;
            return Reply::Json(500, message.to_owned());
        }
        usual(request).unwrap()
    });
    let (code, out, err) = engine.run(&["run", "-d", "img", "x"]);
    assert_eq!((code, out), (127, format!("{ID}\n")), "{err}");
}

#[test]
fn ctrl_c_is_an_exit_code() {
    let engine = Engine::start(|_| Reply::After("over", "{}".to_owned()));
    let mut child = engine.command(&["events"]).spawn().unwrap();
    engine.events.wait_for("GET /events");
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    engine.events.add("over");
}

#[test]
fn ctrl_c_at_a_question_is_a_no() {
    let engine = Engine::start(|_| Reply::Json(200, "{}".to_owned()));
    let mut child = engine
        .command(&["volume", "prune"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    // Its end, which waiting for the child would make, would be an answer.
    let _input = child.stdin.take();
    let mut first = [0; 1];
    out.read_exact(&mut first).unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    out.read_to_string(&mut said).unwrap();
    assert!(said.ends_with("[y/N] \n"), "{said}");
}

#[test]
fn no_verb_and_no_address() {
    let output = std::process::Command::new(program()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    assert!(output.stderr.starts_with(b"Usage:  "));
    let output = std::process::Command::new(program())
        .args(["-H", "foo://x", "ps"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: foo://x\n"
    );
}

#[test]
fn pulls_a_missing_image() {
    let pulled = AtomicBool::new(false);
    let engine = Engine::start(move |request| {
        if request.line.starts_with("POST /images/create") {
            pulled.store(true, Ordering::SeqCst);
            return Reply::Json(
                200,
                "{\"status\":\"Pulling from library/img\",\"id\":\"latest\"}\r\n{\"status\":\"Done\"}"
                    .to_owned(),
            );
        }
        if request.line.starts_with("POST /containers/create") && !pulled.load(Ordering::SeqCst) {
            return Reply::Json(404, r#"{"message":"No such image: img:latest"}"#.to_owned());
        }
        usual(request).unwrap()
    });
    let (code, out, err) = engine.run(&["run", "-d", "img"]);
    assert_eq!((code, out), (0, format!("{ID}\n")));
    assert_eq!(
        err,
        "Unable to find image 'img:latest' locally\nlatest: Pulling from library/img\nDone\n"
    );
    engine
        .events
        .position("POST /images/create?fromImage=docker.io%2Flibrary%2Fimg&tag=latest");
}

#[test]
fn never_pulls_when_told_so() {
    let engine = Engine::start(|_| Reply::Json(404, r#"{"message":"No such image: img:latest"}"#.to_owned()));
    let (code, _, err) = engine.run(&["run", "--pull", "never", "img"]);
    assert_eq!(code, 125);
    assert_eq!(
        err,
        "docker: Error response from daemon: No such image: img:latest\n\nRun 'docker run --help' for more information\n"
    );
}

#[test]
fn exit_codes_of_commands_that_cannot_start() {
    for (message, expected) in [
        (r#"exec: \"x\": executable file not found in $PATH"#, 127),
        (r#"exec: \"/etc\": is a directory: permission denied"#, 126),
        ("port is already allocated", 125),
    ] {
        let engine = Engine::start(move |request| {
            if request.line.contains("/start") {
                return Reply::Json(500, format!(r#"{{"message":"{message}"}}"#));
            }
            if request.line.contains("/attach") {
                return Reply::Hijack(Box::new(|_, _| ()));
            }
            if request.line.contains("/wait") {
                return Reply::Json(200, EXIT_7.to_owned());
            }
            usual(request).unwrap()
        });
        let (code, _, err) = engine.run(&["run", "--rm", "img"]);
        assert_eq!(code, expected, "{err}");
        assert!(err.starts_with("docker: Error response from daemon: "), "{err}");
        assert!(
            err.ends_with("\n\nRun 'docker run --help' for more information\n"),
            "{err}"
        );
    }
}

#[test]
fn input_ends_without_ending_the_session() {
    let engine = Engine::start(|request| {
        if request.line.contains("/attach") {
            return Reply::Hijack(Box::new(|mut stream, events| {
                let mut input = String::new();
                stream.read_to_string(&mut input).unwrap();
                stream.write_all(&frame(1, &input.to_uppercase())).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                events.add("ended");
            }));
        }
        if request.line.contains("/wait") {
            return Reply::After("ended", r#"{"StatusCode":0}"#.to_owned());
        }
        usual(request).unwrap()
    });
    let mut child = engine
        .command(&["run", "-i", "--rm", "img", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"HELLO\n");
}

#[test]
fn signals_go_to_the_container() {
    let engine = Engine::start(|request| {
        if request.line.contains("/attach") {
            return Reply::Hijack(Box::new(|stream, events| {
                events.wait_for(&format!("POST /containers/{ID}/kill?signal=INT"));
                drop(stream);
            }));
        }
        if request.line.contains("/wait") {
            return Reply::After(
                "POST /containers/0123456789abcdef",
                r#"{"StatusCode":130}"#.to_owned(),
            );
        }
        usual(request).unwrap()
    });
    let mut child = engine.command(&["run", "img"]).spawn().unwrap();
    engine.events.wait_for(&format!("POST /containers/{ID}/start"));
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn the_third_wish_to_end_ends_the_session() {
    let engine = Engine::start(|request| {
        if request.line.contains("/attach") {
            return Reply::Hijack(Box::new(|stream, events| {
                events.wait_for("over");
                drop(stream);
            }));
        }
        if request.line.contains("/wait") {
            return Reply::After("over", EXIT_7.to_owned());
        }
        usual(request).unwrap()
    });
    let mut child = engine
        .command(&["run", "img"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    engine.events.wait_for(&format!("POST /containers/{ID}/start"));
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    for (signal, name) in [(Signal::INT, "INT"), (Signal::TERM, "TERM")] {
        kill_process(pid, signal).unwrap();
        engine
            .events
            .wait_for(&format!("POST /containers/{ID}/kill?signal={name}"));
    }
    assert_eq!(child.try_wait().unwrap(), None);
    kill_process(pid, Signal::INT).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    engine.events.add("over");
    assert_eq!(said, "\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n");
}

#[test]
fn nobody_there() {
    let output = std::process::Command::new(program())
        .args(["run", "img"])
        .env("DOCKER_HOST", "unix:///nonexistent/socket")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "docker: Cannot connect to the Docker daemon at unix:///nonexistent/socket. Is the docker daemon running?\n\n\
         Run 'docker run --help' for more information\n"
    );
}

#[test]
fn a_reader_that_went_away_is_no_panic() {
    let engine = Engine::start(|_| Reply::Json(200, "[]".to_owned()));
    let mut child = engine
        .command(&["ps"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(141));
}

#[test]
fn an_engine_that_goes_away_while_it_is_waited_for() {
    let engine = Engine::start(|request| match request.line.as_str() {
        "POST /containers/c/wait?condition=not-running" => Reply::Json(200, String::new()),
        _ => Reply::Json(404, "{}".to_owned()),
    });
    let (code, out, err) = engine.run(&["wait", "c"]);
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", "EOF\n"));
}

#[test]
fn completion_tells_what_else_may_be_offered() {
    let engine = Engine::start(|_| Reply::Json(200, "[]".to_owned()));
    let complete = |words: &[&str]| {
        let (code, out, err) = engine.run(&[&["__complete"], words].concat());
        assert_eq!((code, err.as_str()), (0, ""));
        out
    };
    assert_eq!(complete(&["run", "--pull", ""]), "always\nmissing\nnever\n:4\n");
    assert_eq!(
        complete(&["ps", "--fil"]),
        "--filter\tFilter output based on conditions provided\n:4\n"
    );
    assert_eq!(
        complete(&["--log-level", ""]),
        "debug\ninfo\nwarn\nerror\nfatal\npanic\n:4\n"
    );
    assert_eq!(complete(&["-D", "-c", "def"]), "default\n:4\n");
    assert_eq!(
        complete(&["network", "create", "-d", ""]),
        "bridge\nipvlan\nmacvlan\n:4\n"
    );
    assert_eq!(complete(&["rm", ""]), ":4\n");
    assert_eq!(complete(&["cp", ""]), ":0\n");
    assert_eq!(complete(&["load", "-i", ""]), ":0\n");
    assert_eq!(complete(&["nothing", "x"]), ":0\n");
}

/// The script of bash takes the last line for what it is.
#[test]
fn bash_offers_words_only() {
    let engine = Engine::start(|_| Reply::Json(200, "[]".to_owned()));
    let (_, script, _) = engine.run(&["completion", "bash"]);
    let offers = |line: &str| {
        let ask = "COMP_LINE=\"$PROGRAM $LINE\" COMP_POINT=${#COMP_LINE}; COMP_POINT=${#COMP_LINE}; __docker_complete; echo \"${COMPREPLY[@]}\"";
        let out = std::process::Command::new("bash")
            .args(["-c", &format!("{script}\n{ask}")])
            .env("PROGRAM", program())
            .env("LINE", line)
            .env("DOCKER_HOST", "unix:///nowhere/s")
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(offers("run --pull "), "always missing never\n");
    assert_eq!(offers("run --pull=al"), "always\n");
    assert_eq!(offers("cp "), "\n");
}
