//! The client against a scripted peer: what goes over the wire, connection by connection.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

use std::path::Path;

use corten_client::{Address, AttachOptions, Client, Error};
use corten_wire::ApiVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// Reads one request head; the bodies of these tests are empty.
async fn head(stream: &mut UnixStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(head).unwrap()
}

fn line(head: &str) -> String {
    head.lines().next().unwrap_or_default().to_owned()
}

async fn answer(stream: &mut UnixStream, status: &str, body: &str) {
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn client(socket: &Path) -> Client {
    Client::new(Address::Unix(socket.to_owned()))
}

#[tokio::test]
async fn one_connection_serves_requests_in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut lines = Vec::new();
        for _ in 0..3 {
            lines.push(line(&head(&mut stream).await));
            answer(&mut stream, "200 OK", "[]").await;
        }
        lines
    });
    let client = client(&socket);
    for _ in 0..3 {
        assert!(
            client
                .list_containers(&Default::default())
                .await
                .unwrap()
                .is_empty()
        );
    }
    assert_eq!(
        server.await.unwrap(),
        ["GET /v1.53/containers/json HTTP/1.1"; 3],
        "a second connection would never have been accepted"
    );
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            head(&mut stream).await;
            answer(&mut stream, "200 OK", "[]").await;
        }
    });
    let client = client(&socket);
    for _ in 0..2 {
        client.list_containers(&Default::default()).await.unwrap();
    }
    server.await.unwrap();
}

#[tokio::test]
async fn goes_down_to_the_version_the_engine_names() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut lines = vec![line(&head(&mut stream).await)];
        let complaint =
            r#"{"message":"client version 1.53 is too new. Maximum supported API version is 1.41"}"#;
        answer(&mut stream, "400 Bad Request", complaint).await;
        for _ in 0..2 {
            lines.push(line(&head(&mut stream).await));
            answer(&mut stream, "204 No Content", "").await;
        }
        lines
    });
    let client = client(&socket);
    client.start_container("x", None).await.unwrap();
    client.start_container("y", None).await.unwrap();
    assert_eq!(client.api_version(), ApiVersion::new(1, 41));
    assert_eq!(
        server.await.unwrap(),
        [
            "POST /v1.53/containers/x/start HTTP/1.1",
            "POST /v1.41/containers/x/start HTTP/1.1",
            "POST /v1.41/containers/y/start HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn errors_carry_status_and_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        answer(
            &mut stream,
            "404 Not Found",
            r#"{"message":"No such container: x"}"#,
        )
        .await;
    });
    let error = client(&socket).inspect_container("x").await.unwrap_err();
    assert!(matches!(&error, Error::Status { status: 404, message } if message == "No such container: x"));
    assert_eq!(error.kind(), corten_types::ErrorKind::NotFound);
}

#[tokio::test]
async fn nobody_there_is_said_in_dockers_words() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("none");
    let error = client(&socket).ping().await.unwrap_err();
    assert!(error.is_connect());
    assert_eq!(
        error.to_string(),
        format!(
            "Cannot connect to the Docker daemon at unix://{}. Is the docker daemon running?",
            socket.display()
        )
    );
}

#[tokio::test]
async fn a_hijacked_stream_keeps_early_bytes_and_closes_by_halves() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await;
        stream
            .write_all(
                b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
                  Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ",
            )
            .await
            .unwrap();
        let mut input = String::new();
        stream.read_to_string(&mut input).await.unwrap();
        stream.write_all(input.to_uppercase().as_bytes()).await.unwrap();
        head
    });
    let options = AttachOptions {
        stdin: true,
        stdout: true,
        ..AttachOptions::default()
    };
    let mut hijacked = client(&socket).attach_container("x", &options).await.unwrap();
    assert_eq!(hijacked.multiplexed, Some(false));
    hijacked.writer.write_all(b"input").await.unwrap();
    hijacked.writer.shutdown().await.unwrap();
    let mut output = String::new();
    hijacked.reader.read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "early INPUT");
    let head = server.await.unwrap();
    assert!(head.starts_with("POST /v1.53/containers/x/attach?stream=1&stdin=1&stdout=1 HTTP/1.1"));
    assert!(head.to_lowercase().contains("upgrade: tcp"));
}

/// An engine that was killed says nothing more: neither in place of an answer nor in the middle of one.
#[tokio::test]
async fn a_connection_that_breaks_is_told_in_dockers_words() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        for said in ["", "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n[{\"Id\":"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            head(&mut stream).await;
            stream.write_all(said.as_bytes()).await.unwrap();
        }
    });
    let say = async || {
        let error = client(&socket)
            .list_containers(&Default::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), corten_types::ErrorKind::Unavailable);
        error.to_string()
    };
    let path = socket.display().to_string().replace('/', "%2F");
    assert_eq!(
        say().await,
        format!("error during connect: Get \"http://{path}/v1.53/containers/json\": EOF")
    );
    assert_eq!(say().await, "unexpected EOF");
}
