//! Further processes in a running container.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use corten_shim_api::{ErrorStage, Event, Request, Response};
use harness::{Container, ask, receive_all, receive_until, send, send_eof};

fn running() -> Container {
    let mut container = Container::new(&["sleep", "1000"]);
    container.start();
    container
}

#[test]
fn output_and_exit_code() {
    let mut container = running();
    let received = container.exec(&["sh", "-c", "echo out; echo err >&2; exit 42"]);
    assert_eq!(
        (received.text().as_str(), received.stderr.as_slice()),
        ("out\n", b"err\n".as_slice())
    );
    assert_eq!(received.exit.unwrap().code, 42);
    assert!(matches!(
        container.event(),
        Some(Event::ExecExited { code: 42, .. })
    ));
    let Response::State(state) = container.ask(&Request::Hello { version: 1 }) else {
        panic!()
    };
    assert_eq!((state.execs.len(), state.ended_execs.len()), (0, 1));
    container.kill();
    container.assert_gone();
}

#[test]
fn it_is_in_the_same_container() {
    let mut container = running();
    let namespaces = "for n in mnt net pid ipc uts cgroup; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup; \
                      ls /proc/self/fd; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; cat /proc/1/comm";
    let received = container.exec(&["sh", "-c", namespaces]);
    let text = received.text();
    for (line, kind) in text.lines().zip(["mnt", "net", "pid", "ipc", "uts", "cgroup"]) {
        let own = std::fs::read_link(format!("/proc/{}/ns/{kind}", container.pid)).unwrap();
        assert_eq!(line, own.to_str().unwrap());
    }
    // All cgroups are the container's, which is the root of its cgroup namespace.
    let cgroups: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(":/") && !line.contains("0::"))
        .collect();
    assert!(
        !cgroups.is_empty() && cgroups.iter().all(|line| line.ends_with(":/")),
        "{text}"
    );
    assert!(text.contains("\n0\n1\n2\n3\n"), "{text}");
    assert!(text.contains("CapEff:\t00000000a80425fb"), "{text}");
    assert!(text.ends_with("sleep\n"), "{text}");
    container.kill();
}

#[test]
fn input_and_its_end() {
    let mut container = running();
    let mut request = container.exec_request(&["cat"]);
    request.stdin = true;
    let mut client = container.connect();
    assert!(matches!(
        ask(&mut client, &Request::Exec(Box::new(request))),
        Response::Started { .. }
    ));
    send(&mut client, b"through\n");
    receive_until(&mut client, "through\n");
    send(&mut client, b"again\n");
    send_eof(&mut client);
    let received = receive_all(&mut client);
    assert_eq!(
        (received.text().as_str(), received.exit.unwrap().code),
        ("again\n", 0)
    );
    container.kill();
}

#[test]
fn a_terminal_signals_and_sizes() {
    let mut container = running();
    let mut request = container.exec_request(&["sh", "-c", "tty; stty size; exec sh"]);
    request.process.set_terminal(Some(true));
    (request.stdin, request.size) = (true, (90, 30));
    let exec = request.id.clone();
    let mut client = container.connect();
    assert!(matches!(
        ask(&mut client, &Request::Exec(Box::new(request))),
        Response::Started { .. }
    ));
    receive_until(&mut client, "/dev/pts/0\r\n30 90\r\n");
    let resize = Request::Resize {
        exec: Some(exec.clone()),
        columns: 77,
        rows: 22,
    };
    assert_eq!(container.ask(&resize), Response::Ok);
    send(&mut client, b"stty size\r");
    receive_until(&mut client, "22 77\r\n");
    assert_eq!(
        container.ask(&Request::Signal {
            exec: Some(exec),
            signal: 9,
            group: false,
        }),
        Response::Ok
    );
    assert_eq!(receive_all(&mut client).exit.unwrap().code, 137);
    container.kill();
}

#[test]
fn failures_in_dockers_words() {
    let mut container = running();
    let fail = |container: &Container, arguments: &[&str], cwd: &str| {
        let mut request = container.exec_request(arguments);
        request.process.set_cwd(cwd.into());
        match container.ask(&Request::Exec(Box::new(request))) {
            Response::Failed(failed) => (failed.stage, failed.message),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        fail(&container, &["nosuch"], "/"),
        (
            ErrorStage::Exec,
            r#"exec: "nosuch": executable file not found in $PATH"#.into()
        )
    );
    assert_eq!(
        fail(&container, &["sh"], "/nowhere"),
        (
            ErrorStage::WorkingDirectory,
            r#"chdir to cwd ("/nowhere") set in config.json failed: no such file or directory"#.into()
        )
    );
    // The connection and the container go on.
    assert_eq!(container.exec(&["echo", "fine"]).text(), "fine\n");
    container.kill();
    container.assert_gone();
}

#[test]
fn users_and_environment() {
    let mut container = running();
    let mut request =
        container.exec_request(&["sh", "-c", "id; echo $HOME $X; pwd; echo visible > /dev/stdout"]);
    request.process.user_mut().set_username(Some("web".into()));
    request.process.set_cwd("/home/web".into());
    request
        .process
        .env_mut()
        .get_or_insert_default()
        .push("X=y".into());
    let received = container.exec_with(request);
    let expected =
        "uid=1000(web) gid=1001(web) groups=29(audio),1001(web)\n/home/web y\n/home/web\nvisible\n";
    assert_eq!(received.text(), expected, "{received:?}");
    container.kill();
}

#[test]
fn unattached_and_left_behind() {
    let mut container = running();
    let mut request = container.exec_request(&["sh", "-c", "sleep 1000 & exit 8"]);
    request.attach = false;
    assert!(matches!(
        container.ask(&Request::Exec(Box::new(request))),
        Response::Started { .. }
    ));
    assert!(matches!(
        container.event(),
        Some(Event::ExecExited { code: 8, .. })
    ));
    // One that is still running ends with the container.
    let request = container.exec_request(&["sleep", "1000"]);
    let mut client = container.connect();
    assert!(matches!(
        ask(&mut client, &Request::Exec(Box::new(request))),
        Response::Started { .. }
    ));
    container.ask(&Request::Signal {
        exec: None,
        signal: 9,
        group: false,
    });
    assert_eq!(receive_all(&mut client).exit.unwrap().code, 137);
    container.wait();
    container.assert_gone();
}

#[test]
fn a_background_process_delays_the_end_only_for_a_moment() {
    let mut container = running();
    let started = std::time::Instant::now();
    let received = container.exec(&["sh", "-c", "sleep 1000 & echo here"]);
    assert_eq!(received.text(), "here\n");
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    container.kill();
}
