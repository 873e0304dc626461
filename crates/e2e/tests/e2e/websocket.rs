//! `attach` over a websocket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use corten_testkit::Engine;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket, client};

use crate::{BB, SOON, engine, wait_for_state};

fn open(engine: &Engine, path: &str) -> Result<WebSocket<UnixStream>, u16> {
    let stream = UnixStream::connect(engine.socket()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let request = format!("ws://localhost{path}").into_client_request().unwrap();
    match client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            Err(answer.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

/// All output until it holds `text` or the engine closes.
fn read_until(socket: &mut WebSocket<impl Read + Write>, text: &str) -> String {
    let mut said = String::new();
    while !said.contains(text) {
        match socket.read() {
            Ok(Message::Binary(bytes)) => said.push_str(&String::from_utf8_lossy(&bytes)),
            Ok(Message::Text(more)) => said.push_str(more.as_str()),
            Ok(Message::Close(_)) | Err(_) => break,
            Ok(_) => {}
        }
    }
    said
}

#[test]
fn input_and_output_go_through_a_websocket() {
    let engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "-i",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "while read line; do echo got $line; done",
    ]);
    let mut socket = open(
        &engine,
        "/containers/box/attach/ws?stream=1&stdin=1&stdout=1&stderr=1",
    )
    .unwrap();
    socket.send(Message::text("one\n")).unwrap();
    assert_eq!(read_until(&mut socket, "one\n"), "got one\n");
    socket.send(Message::binary(b"two\n".to_vec())).unwrap();
    assert_eq!(read_until(&mut socket, "two\n"), "got two\n");
    // The container's end is the socket's end.
    engine.ok(&["kill", "box"]);
    assert_eq!(read_until(&mut socket, "never"), "");
}

#[test]
fn a_terminal_answers_and_what_was_said_before_can_be_had() {
    let engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "-it",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "echo before; cat",
    ]);
    corten_testkit::until("the log has it", SOON, || {
        engine.ok(&["logs", "box"]).contains("before")
    });
    let mut socket = open(
        &engine,
        "/containers/box/attach/ws?stream=1&stdin=1&stdout=1&logs=1",
    )
    .unwrap();
    let said = read_until(&mut socket, "before");
    assert!(said.contains("before"), "{said:?}");
    socket.send(Message::text("typed\r")).unwrap();
    let echoed = read_until(&mut socket, "typed\r\ntyped\r\n");
    assert!(echoed.contains("typed\r\ntyped\r\n"), "{echoed:?}");
    drop(socket);
    assert_eq!(
        crate::inspect(&engine, "box")["State"]["Running"],
        true,
        "a client that goes leaves it"
    );
    engine.ok(&["kill", "box"]);
    wait_for_state(&engine, "box", "exited");
}

#[test]
fn what_is_no_websocket_or_no_container_is_told() {
    let engine = engine();
    assert_eq!(
        open(&engine, "/containers/nobody/attach/ws?stream=1").unwrap_err(),
        404
    );
    engine.ok(&["create", "--name", "box", BB, "true"]);
    let plain = engine.api("GET", "/containers/box/attach/ws?stream=1", "");
    assert_eq!(plain.status, 400, "{}", plain.text());
}
