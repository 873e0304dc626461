//! An engine that does nothing but write down what it is asked: what a command line makes of its arguments.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// The API version the recorder claims to speak: that of docker 28.2.
const VERSION: &str = "1.50";
/// Identifier of all it pretends to make.
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Method and path, without the version.
    pub line: String,
    /// The parts of the query, sorted.
    pub query: Vec<String>,
    /// The body: JSON, or a string when it is none; null when empty.
    pub body: Value,
}

/// A listening engine of paper. Its socket is gone when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    socket: PathBuf,
    seen: Arc<Mutex<Vec<Recorded>>>,
}

impl Recorder {
    /// Listens at `socket`, which must not exist.
    #[track_caller]
    pub fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket)
            .unwrap_or_else(|error| panic!("cannot listen at {}: {error}", socket.display()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let kept = Arc::clone(&kept);
                // A client that goes away in the middle has said what it had to say.
                std::thread::spawn(move || drop(serve(stream, &kept)));
            }
        });
        Self {
            socket: socket.to_owned(),
            seen,
        }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What was asked since the last call.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The thread keeps listening at a socket nobody finds any more; it ends with the process.
        let _ = fs::remove_file(&self.socket);
    }
}

fn serve(stream: UnixStream, seen: &Mutex<Vec<Recorded>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (mut length, mut chunked) = (0, false);
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? <= 2 {
                break;
            }
            let header = header.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            chunked |= header.starts_with("transfer-encoding:");
        }
        let body = if chunked {
            chunks(&mut reader)?
        } else {
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            body
        };
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = without_version(path);
        if path == "/_ping" {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nApi-Version: {VERSION}\r\nOstype: linux\r\nSwarm: inactive\r\nContent-Length: 0\r\n\r\n"
            )?;
            continue;
        }
        let mut query: Vec<String> = query.split('&').map(str::to_owned).collect();
        query.sort();
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Recorded {
                line: format!("{method} {path}"),
                query,
                body: if body.is_empty() {
                    Value::Null
                } else {
                    serde_json::from_slice(&body)
                        .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into())
                },
            });
        let (status, answer) = answer(method, path);
        write!(
            stream,
            "HTTP/1.1 {status} Some\r\nApi-Version: {VERSION}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
}

fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return Ok(body);
        }
    }
}

fn without_version(path: &str) -> &str {
    match path.strip_prefix("/v1.").and_then(|rest| rest.find('/')) {
        Some(at) => &path["/v1.".len() + at..],
        None => path,
    }
}

/// Status and body by which any command line goes on.
fn answer(method: &str, path: &str) -> (u16, String) {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("POST", ["containers", "create"]) => (201, format!(r#"{{"Id":"{ID}","Warnings":[]}}"#)),
        ("POST", ["containers", _, "exec"]) => (201, format!(r#"{{"Id":"{ID}"}}"#)),
        ("POST", ["containers", _, "update"]) => (200, r#"{"Warnings":[]}"#.to_owned()),
        ("POST", ["containers", _, "wait"]) => (200, r#"{"StatusCode":0}"#.to_owned()),
        ("POST", ["networks", "create"]) => (201, format!(r#"{{"Id":"{ID}","Warning":""}}"#)),
        ("POST", ["volumes", "create"]) => (
            201,
            r#"{"Name":"vol","Driver":"local","Mountpoint":"/m","Labels":{},"Scope":"local","Options":{}}"#
                .to_owned(),
        ),
        ("POST", ["exec", _, "start"]) => (200, String::new()),
        ("POST", ["commit"]) => (201, format!(r#"{{"Id":"sha256:{ID}"}}"#)),
        ("POST", ["images", "create" | "load"]) => (200, String::new()),
        ("POST", ["volumes", "prune"]) => (200, r#"{"VolumesDeleted":[],"SpaceReclaimed":0}"#.to_owned()),
        ("POST", ["containers", "prune"]) => {
            (200, r#"{"ContainersDeleted":[],"SpaceReclaimed":0}"#.to_owned())
        }
        ("POST", ["images", "prune"]) => (200, r#"{"ImagesDeleted":[],"SpaceReclaimed":0}"#.to_owned()),
        ("POST", ["networks", "prune"]) => (200, r#"{"NetworksDeleted":[]}"#.to_owned()),
        ("POST", ["build", "prune"]) => (200, r#"{"CachesDeleted":[],"SpaceReclaimed":0}"#.to_owned()),
        ("DELETE", ["images", ..]) => (200, r#"[{"Untagged":"x:latest"}]"#.to_owned()),
        ("GET", ["containers", "json"] | ["images", "json"] | ["networks"]) => (200, "[]".to_owned()),
        ("GET", ["images", _, "history"] | ["containers", _, "changes"]) => (200, "[]".to_owned()),
        ("GET", ["containers", _, "top"]) => (200, r#"{"Titles":["PID"],"Processes":[["1"]]}"#.to_owned()),
        ("GET", ["volumes"]) => (200, r#"{"Volumes":[],"Warnings":null}"#.to_owned()),
        ("GET", ["events"] | ["containers", _, "logs"]) => (200, String::new()),
        ("GET", ["containers", name, "json"]) => (
            200,
            format!(
                r#"{{"Id":"{name}","Name":"/{name}","State":{{"Running":true,"Status":"running"}},"Config":{{"Tty":false}},
                "HostConfig":{{"LogConfig":{{"Type":"json-file"}}}},"NetworkSettings":{{"Ports":{{}}}}}}"#
            ),
        ),
        ("GET", ["exec", _, "json"]) => (200, format!(r#"{{"ID":"{ID}","Running":false,"ExitCode":0}}"#)),
        ("GET", ["info"]) => (200, r#"{"OSType":"linux"}"#.to_owned()),
        ("GET", _) => (404, r#"{"message":"nothing of that name"}"#.to_owned()),
        _ => (204, String::new()),
    }
}
