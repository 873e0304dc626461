//! Engines of other machines, and what `config.json` tells the command line about talking to engines.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::Command;

use corten_testkit::{Engine, binary, program_file, until};

use crate::{BB, SOON, corten_only, engine, idle, through_docker};

/// A command of this engine's client, with `HOST` and `config.json` of its own.
fn command(engine: &Engine, config: &str, args: &[&str]) -> Command {
    let dir = engine.scratch("remote-config");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("config.json"), config).unwrap();
    let mut command = engine.command(args);
    command.env("DOCKER_CONFIG", &dir);
    command
}

/// A directory with a program `ssh` that takes every machine for this one: like the true one it has a shell read the
/// command, and nothing of the caller's environment arrives.
fn fake_ssh(engine: &Engine) -> std::path::PathBuf {
    let dir = engine.scratch("remote-bin");
    std::fs::create_dir_all(&dir).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {0}/calls\nwhile [ \"$1\" != -- ]; do shift; done; shift; [ \"$1\" = far ] || {{ echo 'no such \
         machine' >&2; exit 255; }}\nshift; docker() {{ DOCKER_HOST=unix://{1} {2} \"$@\"; }}; eval \"$*\"\n",
        dir.display(),
        engine.socket().display(),
        binary().display()
    );
    program_file(&dir.join("ssh"), &script);
    dir
}

#[test]
fn an_engine_behind_ssh_is_used_like_any_other() {
    let engine = engine();
    let bin = fake_ssh(&engine);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = |args: &[&str], input: &str| {
        let mut command = command(&engine, "{}", args);
        command.env_remove("DOCKER_HOST").env("PATH", &path);
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let far = "ssh://me@far:2222";
    idle(&engine, "box", &[]);
    let (code, names, said) = run(&["-H", far, "ps", "--format", "{{.Names}}"], "");
    assert_eq!((code, names.as_str()), (Some(0), "box\n"), "{said}");
    // Input, its end, output, errors and the exit code go through.
    let script = "cat; echo wrong >&2; exit 3";
    let (code, out, err) = run(
        &["-H", far, "run", "--rm", "-i", BB, "sh", "-c", script],
        "words\n",
    );
    assert_eq!((code, out.as_str()), (Some(3), "words\n"), "{err}");
    assert_eq!(err, "wrong\n");
    let megabytes = "x".repeat(3 << 20);
    let (code, out, err) = run(&["-H", far, "exec", "-i", "box", "wc", "-c"], &megabytes);
    assert_eq!((code, out.trim()), (Some(0), "3145728"), "{err}");
    // Another socket over there.
    let other = format!("ssh://far{}", engine.socket().display());
    assert_eq!(run(&["-H", &other, "ps", "-q"], "").0, Some(0));
    let calls = std::fs::read_to_string(bin.join("calls")).unwrap();
    assert!(
        calls.contains("-l me -p 2222 -- far docker system dial-stdio\n"),
        "{calls}"
    );
    let nowhere = || run(&["-H", "ssh://nowhere", "ps"], "");
    let (mut code, mut said) = (None, String::new());
    // Docker's line is told of a broken pipe first when ssh ends before the request is written. Ours never is.
    until("the end of ssh is told", SOON, || {
        (code, _, said) = nowhere();
        !(through_docker() && said.ends_with("broken pipe\n"))
    });
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.starts_with("error during connect: ")
            && said.ends_with(
                ": command [ssh -o ConnectTimeout=30 -T -- nowhere docker system dial-stdio] has exited with exit status 255, \
                 make sure the URL is valid, and Docker 18.09 or later is installed on the remote host: stderr=no such \
                 machine\n\n"
            ),
        "{said}"
    );
    let (code, _, said) = run(&["-H", "ssh://me:secret@far", "ps"], "");
    assert_ne!(code, Some(0));
    assert!(said.contains("plain-text password is not supported"), "{said}");
    // A context may name such an address, too; its directory is named by the digest of its name.
    let digest = "378ce56a9d146d5174c89d1c0353d7f8e2244e89bb83935a5b1bdcf5e74b4e7f";
    let meta = engine.scratch("remote-config").join("contexts/meta").join(digest);
    std::fs::create_dir_all(&meta).unwrap();
    let text =
        r#"{"Name":"away","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://far","SkipTLSVerify":false}}}"#;
    std::fs::write(meta.join("meta.json"), text).unwrap();
    let (code, names, said) = run(&["--context", "away", "ps", "--format", "{{.Names}}"], "");
    assert_eq!((code, names.as_str()), (Some(0), "box\n"), "{said}");
}

#[test]
fn a_name_that_leads_nowhere_is_told_with_its_cause() {
    let engine = Engine::start();
    let mut command = command(&engine, "{}", &["-H", "tcp://nowhere.invalid:2375", "ps"]);
    let done = corten_testkit::run(command.env_remove("DOCKER_HOST"), SOON);
    done.fails(1);
    done.says(&["error during connect: "]);
    done.says(&["dial tcp"]);
    done.says(&["nowhere.invalid"]);
}

#[test]
fn headers_of_the_configuration_go_with_every_request() {
    let engine = engine();
    let socket = engine.scratch("remote").join("other.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    });
    let config = r#"{"HttpHeaders": {"X-Meta-Who": "me", "User-Agent": "other"}}"#;
    let host = format!("unix://{}", socket.display());
    let mut ps = command(&engine, config, &["-H", &host, "ps"]);
    let done = corten_testkit::run(ps.env_remove("DOCKER_HOST"), SOON);
    assert_ne!(done.code(), 0);
    let head = asked.join().unwrap().to_ascii_lowercase();
    assert!(head.contains("x-meta-who: me\r\n"), "{head}");
    assert!(!head.contains("user-agent: other"), "{head}");
}

#[test]
fn proxies_and_formats_of_the_configuration() {
    let engine = engine();
    let config = r#"{"proxies": {"default": {"httpProxy": "http://p:1", "noProxy": "*.test"}},
        "statsFormat": "{{.Name}}!", "psFormat": "{{.Names}}?", "imagesFormat": "{{.Repository}}#"}"#;
    let said = |args: &[&str]| corten_testkit::run(&mut command(&engine, config, args), SOON).ok();
    let env = said(&["run", "--rm", "-e", "NO_PROXY=mine", BB, "env"]);
    for line in [
        "HTTP_PROXY=http://p:1",
        "http_proxy=http://p:1",
        "NO_PROXY=mine",
        "no_proxy=*.test",
    ] {
        assert!(env.lines().any(|one| one == line), "{line}: {env}");
    }
    assert_eq!(env.matches("NO_PROXY").count(), 1, "{env}");
    idle(&engine, "box", &[]);
    assert_eq!(said(&["stats", "--no-stream"]).trim(), "box!");
    assert_eq!(said(&["ps"]).trim(), "box?");
    assert_eq!(said(&["images"]).trim(), "test/busybox#");
}

#[test]
fn what_is_asked_of_an_engine_directly_may_be_written_by_people() {
    let engine = engine();
    idle(&engine, "db", &[]);
    idle(&engine, "web", &["--link", "db:base"]);
    let db = crate::inspect(&engine, "db")["Id"].clone();
    let filters = "/v1.41/containers/json?filters={\"name\":[\"^/db$\"]}";
    let listed = engine.api("GET", filters, "");
    assert_eq!(listed.status, 200, "{}", listed.text());
    assert_eq!(listed.json()[0]["Id"], db, "{}", listed.text());
    // The name of a link is a name of the container, whatever is asked of it.
    assert_eq!(
        engine.api("GET", "/v1.41/containers/web/base/json", "").json()["Id"],
        db
    );
    assert_eq!(
        engine.ok(&["inspect", "--format", "{{.Id}}", "/web/base"]),
        db.as_str().unwrap()
    );
    assert_eq!(engine.ok(&["exec", "web/base", "echo", "here"]), "here");
    assert_eq!(
        engine
            .api("GET", "/v1.41/containers/web/base/logs?stdout=1", "")
            .status,
        200
    );
    assert_eq!(
        engine.api("GET", "/v1.41/containers/web/nobody/json", "").status,
        404
    );
    engine.ok(&["stop", "-t", "0", "web/base"]);
    assert_eq!(crate::inspect(&engine, "db")["State"]["Status"], "exited");
}

#[test]
fn dial_stdio_ends_with_its_input_and_the_answer() {
    corten_only!();
    let engine = engine();
    let mut child = engine
        .command(&["system", "dial-stdio"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && answer.ends_with("\r\n\r\nOK"),
        "{answer}"
    );
}
