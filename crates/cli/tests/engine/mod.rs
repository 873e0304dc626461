//! A scripted engine behind a unix socket, and the command line as a process that talks to it.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// No test waits longer than this for anything.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Identifier of every container this engine makes.
pub const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What the engine answers.
pub enum Reply {
    /// Status and JSON.
    Json(u16, String),
    /// JSON, but only once something has happened.
    After(&'static str, String),
    /// Hands the connection over.
    Hijack(Box<dyn FnOnce(UnixStream, Events) + Send>),
}

/// A request: its line (`POST /containers/create?name=x`, without version) and body.
pub struct Request {
    pub line: String,
    pub body: String,
}

/// What has happened so far: requests by their line, and what scripts add.
#[derive(Clone, Default)]
pub struct Events(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Events {
    pub fn add(&self, event: &str) {
        self.0.0.lock().unwrap().push(event.to_owned());
        self.0.1.notify_all();
    }

    pub fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    /// Waits until an event begins with `text`.
    pub fn wait_for(&self, text: &str) {
        let seen = |events: &mut Vec<String>| !events.iter().any(|event| event.starts_with(text));
        let guard = self.0.0.lock().unwrap();
        let (events, timeout) = self.0.1.wait_timeout_while(guard, DEADLINE, seen).unwrap();
        assert!(!timeout.timed_out(), "{text:?} never came: {events:#?}");
    }

    pub fn position(&self, text: &str) -> usize {
        let all = self.all();
        all.iter()
            .position(|event| event.starts_with(text))
            .unwrap_or_else(|| panic!("no {text:?} in {all:#?}"))
    }
}

pub struct Engine {
    dir: tempfile::TempDir,
    pub events: Events,
}

impl Engine {
    /// An engine that answers by `script`.
    pub fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        let events = Events::default();
        let script = Arc::new(script);
        let log = events.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, log) = (script.clone(), log.clone());
                thread::spawn(move || serve(stream.unwrap(), &*script, &log));
            }
        });
        Self { dir, events }
    }

    /// The command line, talking to this engine.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .env(
                "DOCKER_HOST",
                format!("unix://{}", self.dir.path().join("s").display()),
            )
            .env("DOCKER_CONFIG", self.dir.path())
            .env_remove("DOCKER_API_VERSION")
            .stdin(Stdio::null());
        command
    }

    /// Runs the command line to its end: exit code, output, errors.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

/// The example next to the directory that test programs are in.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/docker")
}

fn serve(stream: UnixStream, script: &dyn Fn(&Request) -> Reply, events: &Events) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap() > 2 {
            if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            header.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let path = path.strip_prefix("/v1.53").unwrap_or(path);
        let request = Request {
            line: format!("{method} {path}"),
            body: String::from_utf8(body).unwrap(),
        };
        events.add(&request.line);
        match script(&request) {
            Reply::Json(status, json) => answer(&mut stream, status, &json),
            Reply::After(event, json) => {
                // As the engine: the head tells that the wait is registered.
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                .unwrap();
                events.wait_for(event);
                write!(stream, "{:x}\r\n{json}\r\n0\r\n\r\n", json.len()).unwrap();
            }
            Reply::Hijack(script) => {
                write!(
                    stream,
                    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
                     Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
                )
                .unwrap();
                events.add("attached");
                return script(stream, events.clone());
            }
        }
    }
}

fn answer(stream: &mut UnixStream, status: u16, json: &str) {
    // A client that went away is no failure of the engine.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Some\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    );
}

/// A frame of multiplexed output.
pub fn frame(kind: u8, text: &str) -> Vec<u8> {
    let mut frame = vec![kind, 0, 0, 0];
    frame.extend((text.len() as u32).to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

/// Answers that most scripts share; `None` leaves the request to the script.
pub fn usual(request: &Request) -> Option<Reply> {
    let line = &request.line;
    if line.starts_with("POST /containers/create") {
        return Some(Reply::Json(201, format!(r#"{{"Id":"{ID}","Warnings":[]}}"#)));
    }
    if line.contains("/start") || line.contains("/resize") || line.contains("/kill") {
        return Some(Reply::Json(204, String::new()));
    }
    None
}
