//! Standard streams: pipes, terminals, input that ends, clients that come, go and dawdle.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use corten_shim_api::{Request, Response};
use harness::{Container, receive_all, receive_until, send, send_eof, wait_until};
use serde_json::json;

fn with_terminal(container: Container) -> Container {
    container
        .with(|spec| spec["process"]["terminal"] = json!(true))
        .ordered(|launch| {
            launch.stdio.tty = true;
            launch.stdio.open_stdin = true;
            launch.stdio.size = (100, 40);
        })
}

#[test]
fn input_ends_with_its_first_client() {
    let mut container = Container::new(&["cat"]).ordered(|launch| {
        launch.stdio.open_stdin = true;
        launch.stdio.stdin_once = true;
    });
    container.create();
    let mut client = container.attach(true);
    container.proceed();
    let big: Vec<u8> = (0..300_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    std::thread::scope(|scope| {
        let mut sender = client.try_clone().unwrap();
        let big = &big;
        scope.spawn(move || {
            for piece in big.chunks(30_000) {
                send(&mut sender, piece);
            }
            send_eof(&mut sender);
        });
        let received = receive_all(&mut client);
        assert!(received.stdout == *big);
        assert_eq!(received.exit.unwrap().code, 0);
    });
    container.wait();
    container.assert_gone();
}

#[test]
fn input_ends_when_its_first_client_vanishes() {
    let mut container = Container::new(&["cat"]).ordered(|launch| {
        launch.stdio.open_stdin = true;
        launch.stdio.stdin_once = true;
    });
    container.start();
    let mut client = container.attach(true);
    // More than the pipe takes at once: some of it is still to be passed on when the client is gone.
    let line = [b'x'; 9_999];
    for _ in 0..40 {
        send(&mut client, &line);
        send(&mut client, b"\n");
    }
    send(&mut client, b"last words\n");
    drop(client);
    assert_eq!(container.wait().code, 0);
    let logged = container.logged("stdout");
    assert_eq!(logged.len(), 400_000 + 11);
    assert!(logged.ends_with("x\nlast words\n"));
}

#[test]
fn open_input_outlives_clients() {
    let mut container = Container::new(&["cat"]).ordered(|launch| launch.stdio.open_stdin = true);
    container.start();
    let mut first = container.attach(true);
    send(&mut first, b"one\n");
    send_eof(&mut first);
    receive_until(&mut first, "one\n");
    drop(first);
    let mut second = container.attach(true);
    send(&mut second, b"two\n");
    receive_until(&mut second, "two\n");
    container.kill();
}

#[test]
fn without_open_input_there_is_none() {
    let mut container = Container::script("cat; readlink /proc/self/fd/0; stat -c %t,%T /dev/fd/0 -L");
    assert_eq!(container.run().text(), "/dev/null\n1,3\n");
}

#[test]
fn a_terminal() {
    let script = "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; \
                  stat -c %F /dev/console; ls /dev/pts; read line; echo got $line; \
                  trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.01; done";
    let mut container = with_terminal(Container::script(script));
    container.create();
    let mut client = container.attach(true);
    assert!(matches!(container.proceed(), Response::Started { .. }));
    let received = receive_until(&mut client, "ptmx");
    let text = received.text();
    assert!(
        text.starts_with("/dev/pts/0\r\n40 100\r\nall\r\ncharacter special file\r\n"),
        "{text:?}"
    );
    send(&mut client, b"word\r");
    receive_until(&mut client, "ready");
    send_eof(&mut client);
    assert_eq!(
        container.ask(&Request::Resize {
            exec: None,
            columns: 132,
            rows: 50
        }),
        Response::Ok
    );
    let rest = receive_all(&mut client);
    assert!(rest.text().contains("50 132\r\n"), "{rest:?}");
    assert_eq!(rest.exit.unwrap().code, 5);
    container.wait();
    assert!(container.logged("stdout").contains("got word\r\n"));
    container.assert_gone();
}

#[test]
fn control_c_on_a_terminal_interrupts() {
    let mut container = with_terminal(Container::script(
        "trap 'echo stopped; exit 9' INT; echo ready; while :; do sleep 0.01; done",
    ));
    container.start();
    let mut client = container.attach(true);
    wait_until("the trap is set", || container.logged("stdout").contains("ready"));
    send(&mut client, &[3]);
    let received = receive_all(&mut client);
    assert!(received.text().contains("stopped"), "{received:?}");
    assert_eq!(received.exit.unwrap().code, 9);
    container.wait();
}

#[test]
fn a_slow_client_holds_up_the_container_and_loses_nothing() {
    const BYTES: usize = 8 << 20;
    let mut container = Container::script(&format!("head -c {BYTES} /dev/zero; echo done >&2"))
        .ordered(|launch| launch.log = None);
    container.create();
    let mut client = container.attach(false);
    container.proceed();
    // The shim's queue and the sockets' are much smaller than what is on its way: it has to wait for the client.
    let blocked = || {
        let state = std::fs::read_to_string(format!("/proc/{}/wchan", container.pid)).unwrap();
        state.contains("pipe") || state.contains("wait")
    };
    wait_until("the container is held up", blocked);
    let memory = resident(container.shim_pid());
    assert!(memory < 8 << 20, "{memory}");
    let received = receive_all(&mut client);
    assert_eq!(received.stdout.len(), BYTES);
    assert_eq!(received.stderr, b"done\n");
    container.wait();
}

fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

#[test]
fn a_vanished_client_holds_up_nobody() {
    let mut container =
        Container::script("head -c 4000000 /dev/zero; exit 6").ordered(|launch| launch.log = None);
    container.create();
    let client = container.attach(false);
    container.proceed();
    drop(client);
    assert_eq!(container.wait().code, 6);
}

#[test]
fn a_full_disk_stops_only_the_log() {
    let mut container = Container::script("echo one; sleep 0.2; echo two; exit 2")
        .ordered(|launch| launch.log.as_mut().unwrap().path = "/dev/full".into());
    container.create();
    let mut client = container.attach(false);
    container.proceed();
    let received = receive_until(&mut client, "one\n");
    assert!(received.stderr.is_empty());
    assert_eq!(
        container.ask(&Request::FlushLog),
        Response::Error {
            message: "1 log entries could not be written".into()
        }
    );
    let received = receive_all(&mut client);
    assert_eq!(
        (received.text().as_str(), received.exit.unwrap().code),
        ("two\n", 2)
    );
    container.wait();
}
