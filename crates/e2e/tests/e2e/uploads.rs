//! Uploads that are refused while the client is still sending: it gets to read why, whether it looks up or not.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use corten_testkit::fixtures::{ImageArchive, Layer};
use corten_testkit::{Engine, eventually, http, run};

use crate::{BB, SOON, corten_only, engine, idle};

/// More than sockets hold between them.
const MUCH: usize = 24 << 20;

/// A file of zeros, which is no archive of anything.
fn zeros(engine: &Engine) -> String {
    let path = engine.scratch("uploads").join("zeros");
    fs::write(&path, vec![0; MUCH]).unwrap();
    path.display().to_string()
}

#[test]
fn refusals_are_read_by_command_lines() {
    corten_only!();
    let engine = engine();
    let file = zeros(&engine);
    idle(
        &engine,
        "box",
        &["--read-only", "-v", "data:/vol:ro", "--tmpfs", "/small:size=1m"],
    );
    for (to, sentence) in [
        ("nope:/x", "No such container: nope"),
        ("box:/", "container rootfs is marked read-only"),
        ("box:/vol/", "mounted volume is marked read-only"),
        ("box:/nope/x", "Could not find the file /nope in container box"),
        ("box:/small/", "no space left on device"),
    ] {
        let done = engine.run(&["cp", &file, to]);
        done.fails(1);
        done.says(&[sentence]);
    }
    let text = engine.scratch("uploads").join("text");
    fs::write(&text, "no archive\n".repeat(MUCH / 11)).unwrap();
    let text = text.display().to_string();
    let mut cp = engine.spawn(&["cp", "-", "box:/small"]);
    cp.write(&[b'x'; 4096]);
    let done = cp.finish(crate::SOON);
    done.fails(1);
    done.says(&["invalid tar header"]);
    engine.run(&["load", "-i", &text]).fails(1);
    let done = engine.run(&["import", "-c", "FROM x", &text]);
    done.fails(1);
    done.says(&["FROM is not a valid change command"]);
    // No one of them has left anything, and the engine goes on.
    assert_eq!(engine.ok(&["images", "-q"]).lines().count(), 1);
    assert_eq!(engine.ok(&["exec", "box", "ls", "/small"]), "");
    engine.ok(&["run", "--rm", BB, "true"]);
}

#[test]
fn refusals_are_read_by_clients_that_send_all_before() {
    corten_only!();
    let engine = engine();
    idle(&engine, "box", &["--read-only"]);
    let body = vec![b'x'; MUCH];
    let ask = |method: &str, path: &str| {
        let answer = http::unix(engine.socket(), method, path, &body);
        (answer.status, answer.text())
    };
    for (method, path, status, sentence) in [
        (
            "PUT",
            "/containers/nope/archive?path=/",
            404,
            "No such container: nope",
        ),
        (
            "PUT",
            "/containers/box/archive?path=/",
            400,
            "container rootfs is marked read-only",
        ),
        ("PUT", "/containers/box/archive", 400, "path cannot be empty"),
        ("PUT", "/nowhere", 404, "page not found"),
        (
            "POST",
            "/images/create?fromSrc=-&changes=FROM%20x",
            400,
            "not a valid change command",
        ),
        (
            "POST",
            "/images/load?platform=%7B%22os%22%3A%22plan9%22%7D",
            404,
            "no image for plan9",
        ),
    ] {
        let (code, text) = ask(method, path);
        assert!(
            code == status && text.contains(sentence),
            "{method} {path}: {code} {text}"
        );
    }
    // An archive's faults are told in the progress.
    let (code, text) = ask("POST", "/images/load");
    assert!(code == 200 && text.contains("errorDetail"), "{code} {text}");
}

#[test]
fn clients_that_stand_still_hold_nobody_up() {
    corten_only!();
    let engine = engine();
    idle(&engine, "box", &["--restart", "always"]);
    engine.ok(&["exec", "box", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=8"]);
    // Some begin to send and never go on, some ask for much and never read it.
    let begin = |request: &str| {
        let mut stream = UnixStream::connect(engine.socket()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let upload = |method: &str, path: &str| {
        let head = "HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n200\r\n\0";
        begin(&format!("{method} {path} {head}"))
    };
    let mut still = Vec::new();
    for _ in 0..80 {
        still.push(upload("POST", "/images/load"));
        still.push(upload("POST", "/images/create?fromSrc=-"));
        still.push(upload("PUT", "/containers/box/archive?path=/tmp"));
        still.push(begin(
            "GET /containers/box/archive?path=/big HTTP/1.1\r\nHost: d\r\n\r\n",
        ));
        still.push(begin("GET /containers/box/export HTTP/1.1\r\nHost: d\r\n\r\n"));
    }
    engine.ok(&["run", "--rm", BB, "true"]);
    engine.ok(&["restart", "-t", "0", "box"]);
    assert_eq!(engine.ok(&["exec", "box", "echo", "on"]), "on");
    drop(still);
    engine.ok(&["rm", "-f", "box"]);
}

#[test]
fn who_reads_or_sends_nothing_does_not_keep_a_stopped_container_from_being_removed() {
    corten_only!();
    let engine = engine();
    for (name, method, rest) in [
        ("reads", "GET", "archive?path=/big HTTP/1.1\r\nHost: d\r\n\r\n"),
        ("exports", "GET", "export HTTP/1.1\r\nHost: d\r\n\r\n"),
        (
            "sends",
            "PUT",
            "archive?path=/tmp HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n200\r\n\0",
        ),
    ] {
        engine.ok(&[
            "run",
            "--name",
            name,
            BB,
            "dd",
            "if=/dev/zero",
            "of=/big",
            "bs=1M",
            "count=8",
        ]);
        let mut client = UnixStream::connect(engine.socket()).unwrap();
        write!(client, "{method} /containers/{name}/{rest}").unwrap();
        if method == "GET" {
            // The head of the answer says that the container is held.
            let mut first = [0];
            client.read_exact(&mut first).unwrap();
        }
        let renamed = format!("{name}-again");
        engine.ok(&["rename", name, &renamed]);
        engine.ok(&["rm", "-f", &renamed]);
        assert_eq!(engine.ok(&["ps", "-aq"]), "");
    }
    engine.corten().assert_no_container_left();
}

/// Bytes in all files called `name` below `dir`, and of blobs on their way in.
fn bytes_of(dir: &Path, name: &str) -> u64 {
    let mut command = std::process::Command::new("find");
    let found = command.arg(dir).args([
        "-name",
        name,
        "-printf",
        "%s\n",
        "-o",
        "-path",
        "*/ingest/*",
        "-printf",
        "%s\n",
    ]);
    let sizes = run(found, SOON);
    sizes
        .out()
        .lines()
        .filter_map(|size| size.parse::<u64>().ok())
        .sum()
}

#[test]
fn nothing_is_unpacked_for_a_client_that_has_gone() {
    corten_only!();
    let engine = engine();
    // A file of 32 GiB in a layer, a thousandth of that compressed; more than is unpacked in time, or than disks hold.
    let layer = Layer::bomb("bomb", 32 << 30);
    let path = engine.scratch("uploads").join("archive.tar");
    ImageArchive::new("test/bomb:1", vec![layer]).write(&path);
    let archive = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let mut stream = UnixStream::connect(engine.socket()).unwrap();
    let head = format!(
        "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n",
        archive.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&archive).unwrap();
    let root = engine.slot().root();
    let unpacked = || bytes_of(&root, "bomb");
    eventually(SOON, || (unpacked() > 2 * archive.len() as u64).then_some(())).unwrap();
    drop(stream);
    eventually(SOON, || (unpacked() == 0).then_some(())).unwrap();
}
