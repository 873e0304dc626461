//! Answers that go on: hijacked connections, waiting, logs, events, progress; and shutdown under them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::server::Server;
use corten_api::IdleConnections;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

/// Reads until `end` is there, or fails after ten seconds.
async fn read_until(stream: &mut UnixStream, end: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(end) {
            let mut piece = [0; 1024];
            let n = stream.read(&mut piece).await.unwrap();
            assert!(n > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&piece[..n]);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .expect("in time");
    String::from_utf8(seen).unwrap()
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .expect("in time");
}

/// One frame of the multiplexed format.
fn frame(source: u8, text: &str) -> String {
    let mut frame = vec![source, 0, 0, 0, 0, 0, 0, u8::try_from(text.len()).unwrap()];
    frame.extend_from_slice(text.as_bytes());
    String::from_utf8(frame).unwrap()
}

#[tokio::test]
async fn attach_upgrades_and_half_closes() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let request = format!(
        "POST /v1.45/containers/c/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n{UPGRADE}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let begin = read_until(&mut stream, "there ").await;
    let (head, output) = begin.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 101 UPGRADED\r\n"), "{head}");
    assert!(head.contains("Content-Type: application/vnd.docker.multiplexed-stream\r\n"));
    assert!(head.contains("Connection: Upgrade\r\nUpgrade: tcp\r\n"));
    assert_eq!(output, frame(1, "hello ") + &frame(2, "there "));
    stream.write_all(b"abc").await.unwrap();
    assert_eq!(read_until(&mut stream, "ABC").await, frame(1, "ABC"));
    stream.shutdown().await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, frame(1, " bye"));
}

#[tokio::test]
async fn old_clients_attach_without_upgrade_and_early() {
    let server = Server::start();
    // Everything at once: request, input and end of input. A terminal's output is not framed.
    let answer = server
        .raw(
            "POST /v1.24/containers/tty/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n\r\nearly",
            true,
        )
        .await;
    let (head, output) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"),
        "{head}"
    );
    assert!(
        !head.contains("Upgrade") && !head.contains("Content-Length") && !head.contains("Transfer-Encoding")
    );
    assert_eq!(output, "hello there EARLY bye");
}

#[tokio::test]
async fn attach_survives_an_immediate_half_close() {
    let server = Server::start();
    for headers in ["", UPGRADE] {
        let request = format!(
            "POST /containers/tty/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n{headers}\r\n"
        );
        let answer = server.raw(&request, true).await;
        assert!(answer.ends_with("\r\n\r\nhello there  bye"), "{answer}");
    }
}

#[tokio::test]
async fn exec_start_hijacks_after_its_body() {
    let server = Server::start();
    let start = |exec: &str, body: &str, headers: &str| {
        format!(
            "POST /v1.41/exec/{exec}/start HTTP/1.1\r\nHost: d\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let answer = server
        .raw(&(start("e", r#"{"Tty":true}"#, UPGRADE) + "xyz"), true)
        .await;
    assert!(answer.starts_with("HTTP/1.1 101 UPGRADED\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello there XYZ bye"), "{answer}");
    let answer = server.raw(&start("e", "{}", ""), true).await;
    assert!(answer.contains("Content-Type: application/vnd.docker.raw-stream\r\n"));
    assert!(answer.ends_with(&(frame(1, "hello ") + &frame(2, "there ") + &frame(1, " bye"))));
    // A run that fails is told on the stream.
    let answer = server.raw(&start("broken", "{}", UPGRADE), false).await;
    assert!(
        answer.starts_with("HTTP/1.1 101 ") && answer.ends_with(&frame(1, "no such program\r\n")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_refused_attach_is_an_ordinary_answer_and_keeps_the_connection() {
    let server = Server::start();
    let mut stream = server.connect().await;
    for _ in 0..2 {
        let request = format!("POST /containers/x/attach HTTP/1.1\r\nHost: d\r\n{UPGRADE}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "}\n").await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    }
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest))
        .await
        .expect("closes")
        .unwrap();
}

#[tokio::test]
async fn a_client_that_closed_its_half_gets_its_refusal_and_is_let_go() {
    let server = Server::start();
    let answer = server
        .raw("POST /containers/x/attach HTTP/1.1\r\nHost: d\r\n\r\n", true)
        .await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    // The answer comes only after the end of input has been seen.
    let answer = server
        .raw("POST /containers/slow/attach HTTP/1.1\r\nHost: d\r\n\r\n", true)
        .await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
}

#[tokio::test]
async fn detach_keys_leave() {
    let server = Server::start();
    let answer = server
        .raw(
            "POST /containers/tty/attach?stdin=1&detachKeys=ctrl-a,d HTTP/1.1\r\nHost: d\r\n\r\n\x01x\x01dlost",
            false,
        )
        .await;
    assert!(!answer.contains("bye") && !answer.contains("LOST"), "{answer}");
    assert_eq!(
        server
            .ask("POST", "/containers/tty/attach?detachKeys=ctrl-")
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn wait_sends_its_headers_before_the_end() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let request =
        "POST /containers/c/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    server.fake.end.notify_one();
    assert!(
        read_until(&mut stream, "}\n")
            .await
            .contains("{\"StatusCode\":3}\n")
    );
    assert_eq!(
        server.ask("POST", "/containers/c/wait?condition=never").await,
        (400, "{\"message\":\"invalid condition: \\\"never\\\"\"}\n".into())
    );
}

#[tokio::test]
async fn logs_are_framed_unless_a_terminals() {
    let server = Server::start();
    let plain = server
        .ask("GET", "/containers/c/logs?stdout=1&stderr=1&tail=all")
        .await
        .1;
    assert!(
        plain.contains(&frame(1, "out\n")) && plain.contains(&frame(2, "err\n")),
        "{plain}"
    );
    let terminal = server
        .raw("GET /containers/tty/logs?stdout=1 HTTP/1.0\r\n\r\n", false)
        .await;
    assert!(terminal.ends_with("\r\n\r\nout\nerr\n"), "{terminal}");
    assert_eq!(
        server.ask("GET", "/containers/c/logs").await,
        (
            400,
            "{\"message\":\"Bad parameters: you must choose at least one stream\"}\n".into()
        )
    );
}

#[tokio::test]
async fn progress_tells_early_errors_by_status_and_late_ones_in_line() {
    let server = Server::start();
    assert_eq!(
        server.ask("POST", "/images/create?fromImage=nothing").await,
        (404, "{\"message\":\"no nothing\"}\n".into())
    );
    let (status, body) = server.send("POST", "/images/load?quiet=0", "", "12345").await;
    assert_eq!(status, 200);
    let lines: Vec<_> = body.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(
        lines,
        [
            r#"{"stream":"5 false"}"#,
            r#"{"errorDetail":{"message":"then it broke"},"error":"then it broke"}"#
        ]
    );
    assert!(body.contains("}\r\n"));
}

#[tokio::test]
async fn streams_end_with_their_clients() {
    let server = Server::start();
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "\"start\"").await;
    assert_eq!(server.fake.listeners.load(Ordering::SeqCst), 1);
    drop(stream);
    let listeners = server.fake.listeners.clone();
    until(|| listeners.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn shutdown_cuts_what_is_endless() {
    let server = Server::start();
    let mut streams = Vec::new();
    for (request, sign) in [
        ("GET /_ping", "OK"),
        ("GET /events", "\"start\""),
        ("GET /containers/c/logs?stdout=1&follow=1", "err"),
        ("POST /containers/c/wait", "\r\n\r\n"),
        ("POST /containers/c/attach?stdin=1&stdout=1&stream=1", "there"),
    ] {
        let mut stream = server.connect().await;
        stream
            .write_all(format!("{request} HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes())
            .await
            .unwrap();
        read_until(&mut stream, sign).await;
        streams.push(stream);
    }
    let gone = tokio::spawn(async move {
        for mut stream in streams {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        }
    });
    let took = server.stop().await;
    assert!(took < corten_api::GRACE, "{took:?}");
    gone.await.unwrap();
}

#[tokio::test]
async fn idle_connections_make_room_for_others() {
    let server = Server::start_with(IdleConnections::new(2));
    let send = async |request: &str, sign: &str| {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read_until(&mut stream, sign).await;
        stream
    };
    let _events = send("GET /events HTTP/1.1\r\nHost: d\r\n\r\n", "\"start\"").await;
    let attach = "POST /containers/c/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n\r\n";
    let mut attached = send(attach, "there").await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.write_all(b"GET /_ping HTTP/1.1\r\nHost:").await.unwrap();
    let mut last = server.connect().await;
    silent.read_to_end(&mut Vec::new()).await.unwrap();
    half.write_all(b" d\r\n\r\n").await.unwrap();
    read_until(&mut half, "OK").await;
    // Idle for a shorter time than the other by now.
    let _one_more = server.connect().await;
    last.read_to_end(&mut Vec::new()).await.unwrap();
    half.write_all(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut half, "OK").await;
    // Connections on which something goes on are left alone.
    attached.write_all(b"still").await.unwrap();
    read_until(&mut attached, "STILL").await;
    assert_eq!(server.fake.listeners.load(Ordering::SeqCst), 1);
}
