//! A shim of the first release under this daemon: what the two said to each other was recorded, and is played back here with
//! this build in the daemon's place.
//!
//! `golden/shim-1.txt` holds all frames that went over the socket of a container's shim of protocol version 1, in their
//! order: connection, speaker, bytes. Where the recording's daemon asked, this one must ask the same or more; the shim's side
//! is the recording's, byte by byte.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corten_sandbox::{
    Adopted, Error, ExecOrder, Sandbox, SandboxConfig, SandboxEvent, SandboxEventKind, Sandboxes,
};
use corten_sandbox::{StreamKind, Streams};
use corten_shim_api::{ExecRequest, HEADER_LEN, Request, decode_header};
use corten_types::ContainerId;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, mpsc};

const RECORDING: &str = include_str!("golden/shim-1.txt");
/// Long enough for anything but a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who said it, and the frame.
type Frame = (bool, Vec<u8>);

/// One connection of the recording.
#[derive(Debug, Clone)]
struct Conversation {
    frames: Vec<Frame>,
}

impl Conversation {
    /// The recording's connections, in the order they were made.
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for line in RECORDING.lines() {
            let mut parts = line.splitn(3, ' ');
            let number: usize = parts.next().unwrap().parse().unwrap();
            let daemon = parts.next().unwrap() == "daemon";
            while all.len() < number {
                all.push(Self { frames: Vec::new() });
            }
            all[number - 1]
                .frames
                .push((daemon, bytes(parts.next().unwrap())));
        }
        all
    }

    /// The request it begins with.
    fn request(&self) -> Value {
        let (daemon, frame) = &self.frames[0];
        assert!(daemon, "a daemon speaks first");
        serde_json::from_slice(&frame[HEADER_LEN..]).unwrap()
    }
}

/// Bytes as the recording writes them.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
        } else if let [b'\\', tail @ ..] = rest {
            bytes.push(b'\\');
            rest = tail;
        } else {
            let digits = std::str::from_utf8(&rest[1..3]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[3..];
        }
    }
    bytes
}

/// The old shim: takes connections and plays the recording's. Events of the watcher come once `go_on` is told.
async fn old_shim(listener: UnixListener, go_on: Arc<Notify>) {
    let left = Arc::new(Mutex::new(Conversation::all()));
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(play(socket, left.clone(), go_on.clone()));
    }
}

async fn play(mut socket: UnixStream, left: Arc<Mutex<Vec<Conversation>>>, go_on: Arc<Notify>) {
    let Some(asked) = read_frame(&mut socket).await else {
        return;
    };
    let asked: Value = serde_json::from_slice(&asked[HEADER_LEN..]).unwrap();
    let conversation = {
        let mut left = left.lock().unwrap();
        let index = left.iter().position(|one| is_same(&one.request(), &asked));
        left.remove(index.unwrap_or_else(|| panic!("an old shim was never asked {asked}")))
    };
    let watches = asked["op"] == "watch";
    for (index, (daemon, frame)) in conversation.frames.iter().enumerate().skip(1) {
        if *daemon {
            assert_eq!(read_frame(&mut socket).await.as_ref(), Some(frame));
            continue;
        }
        if watches && index == 2 {
            go_on.notified().await;
        }
        socket.write_all(frame).await.unwrap();
    }
}

/// Whether a request is the recorded one, new fields aside (which an old shim ignores).
fn is_same(recorded: &Value, asked: &Value) -> bool {
    let (Some(recorded), Some(asked)) = (recorded.as_object(), asked.as_object()) else {
        return recorded == asked;
    };
    recorded.iter().all(|(key, value)| {
        asked.get(key).is_some_and(|other| match key.as_str() {
            // Sets, written in any order.
            "ambient" | "bounding" | "effective" | "inheritable" | "permitted" => {
                sorted(value) == sorted(other)
            }
            _ => is_same(value, other),
        })
    })
}

fn sorted(list: &Value) -> Vec<String> {
    let mut list: Vec<String> = list.as_array().unwrap().iter().map(Value::to_string).collect();
    list.sort();
    list
}

async fn read_frame(socket: &mut UnixStream) -> Option<Vec<u8>> {
    let mut header = [0; HEADER_LEN];
    socket.read_exact(&mut header).await.ok()?;
    let (_, length) = decode_header(header).unwrap();
    let mut frame = header.to_vec();
    frame.resize(HEADER_LEN + length, 0);
    socket.read_exact(&mut frame[HEADER_LEN..]).await.ok()?;
    Some(frame)
}

/// Adopts the container of a shim that plays the recording.
async fn adopt(dir: &Path) -> (Sandbox, mpsc::UnboundedReceiver<SandboxEvent>, Arc<Notify>) {
    let shim = dir.join("shim");
    std::fs::write(&shim, b"").unwrap();
    let (events, received) = mpsc::unbounded_channel();
    let config = SandboxConfig {
        exec_root: dir.to_owned(),
        shim,
    };
    let sandboxes = Sandboxes::open(&config, events).unwrap();
    let id: ContainerId = "5".repeat(64).parse().unwrap();
    let run_dir = dir.join("containers").join(id.as_str());
    std::fs::create_dir(&run_dir).unwrap();
    let short = std::fs::File::open(&run_dir).unwrap();
    let path = format!(
        "/proc/self/fd/{}/shim.sock",
        std::os::fd::AsRawFd::as_raw_fd(&short)
    );
    let listener = UnixListener::bind(path).unwrap();
    let go_on = Arc::new(Notify::new());
    tokio::spawn(old_shim(listener, go_on.clone()));
    match sandboxes.adopt(&id).await.unwrap() {
        Adopted::Running(sandbox) => (sandbox, received, go_on),
        other => panic!("{other:?}"),
    }
}

/// The recorded execs, as orders of this build.
fn execs() -> Vec<ExecOrder> {
    let requests = Conversation::all().into_iter().map(|one| one.request());
    requests
        .filter(|request| request["op"] == "exec")
        .map(|request| {
            let ExecRequest {
                id,
                process,
                seccomp,
                attach,
                stdin,
                size,
                groups,
            } = match serde_json::from_value(request).unwrap() {
                Request::Exec(request) => *request,
                other => panic!("{other:?}"),
            };
            ExecOrder {
                id,
                process,
                seccomp,
                attach,
                stdin,
                size,
                groups,
            }
        })
        .collect()
}

/// All that an attached process says, and how it ended.
async fn listen(streams: &mut Streams) -> (String, String, i32) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some((kind, piece)) = streams.reader.next().await.unwrap() {
        match kind {
            StreamKind::Stdout => out.extend_from_slice(&piece),
            StreamKind::Stderr => err.extend_from_slice(&piece),
        }
    }
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out), text(err), streams.reader.exit().unwrap().code)
}

#[tokio::test]
async fn is_served() {
    tokio::time::timeout(PATIENCE, serve_it()).await.unwrap();
}

async fn serve_it() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, mut events, go_on) = adopt(dir.path()).await;
    assert_ne!(sandbox.pid(), 0);
    let mut orders = execs().into_iter();
    let mut next = || orders.next().unwrap();

    let mut plain = sandbox.exec(next()).await.unwrap().streams.unwrap();
    let (out, err, code) = listen(&mut plain).await;
    assert_eq!((out.as_str(), err.as_str(), code), ("from an exec\n", "", 0));

    let mut fed = sandbox.exec(next()).await.unwrap().streams.unwrap();
    fed.writer.write(b"hello\n").await.unwrap();
    let Streams { reader, writer } = fed;
    writer.close().await.unwrap();
    let mut said = (Vec::new(), reader);
    while let Some((_, piece)) = said.1.next().await.unwrap() {
        said.0.extend_from_slice(&piece);
    }
    assert_eq!(said.0, b"hello\nerr\n");
    assert_eq!(said.1.exit().unwrap().code, 3);

    let detached = sandbox.exec(next()).await.unwrap();
    assert!(detached.streams.is_none() && detached.pid != 0);

    match sandbox.exec(next()).await {
        Err(Error::Exec(failure)) => assert_eq!(
            failure.message,
            r#"exec: "nosuch": executable file not found in $PATH"#
        ),
        other => panic!("{other:?}"),
    }

    let mut as_user = sandbox.exec(next()).await.unwrap().streams.unwrap();
    assert_eq!(listen(&mut as_user).await.0, "1000\n/tmp\n");

    sandbox.resize(None, 100, 20).await.unwrap();

    let mut attached = sandbox.attach(true, true, true).await.unwrap();
    let typed = b"trap \"echo got usr1\" USR1; echo typed\r";
    attached.writer.write(typed).await.unwrap();
    sandbox.signal(None, 10).await.unwrap();
    attached.writer.write(b"exit 5\r").await.unwrap();
    let (out, _, code) = listen(&mut attached).await;
    assert!(out.contains("got usr1"), "{out}");
    assert_eq!(code, 5);

    go_on.notify_one();
    let mut codes = Vec::new();
    while let Some(event) = events.recv().await {
        match event.kind {
            SandboxEventKind::ExecExited { code, .. } => codes.push(code),
            SandboxEventKind::Exited(record) => {
                assert_eq!(record.code, 5);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(codes, [0, 3, 0, 0]);
}

#[tokio::test]
async fn is_not_asked_for_what_it_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let (sandbox, _events, _go_on) = adopt(dir.path()).await;
    let mut order = execs().remove(0);
    order.groups = vec!["audio".to_owned()];
    let refused = sandbox.exec(order).await.unwrap_err();
    assert!(matches!(refused, Error::Unsupported(_)), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "container 555555555555 was started by an older release, which cannot look up groups by name: restart the container"
    );
}
