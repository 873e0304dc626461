//! The built-in web server, run as it is in the image but on a port of the kernel's choice.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use corten_image::builtin;
use rustix::process::{Pid, Signal, kill_process};
use support::Bench;

struct Server {
    child: Child,
    port: u16,
    _bench: Bench,
}

impl Server {
    fn start() -> Self {
        let bench = Bench::new();
        let whoami = builtin::find(&"whoami".parse().unwrap()).unwrap();
        bench.images.install_builtin(whoami).unwrap();
        let image = bench.images.get("whoami").unwrap().image;
        let program = bench.overlay.layer_dir(&image.chain[0]).join("whoami");
        let mut child = Command::new(program)
            .args(["--port", "0"])
            .env("WHOAMI_NAME", "tester")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line
            .trim()
            .strip_prefix("Starting up on port ")
            .unwrap()
            .parse()
            .unwrap();
        Self {
            child,
            port,
            _bench: bench,
        }
    }

    /// Sends bytes and returns all that comes back until the server closes.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already in the test of just that.
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

#[test]
fn it_answers_with_names_addresses_and_the_request() {
    let server = Server::start();
    let answer =
        server.ask("GET /path?x=1 HTTP/1.1\r\nHost: there\r\nX-Test: yes\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for line in [
        "Name: tester",
        &format!("Hostname: {}", host.trim()),
        "IP: 127.0.0.1",
        "GET /path?x=1 HTTP/1.1",
        "X-Test: yes",
    ] {
        assert!(answer.lines().any(|found| found == line), "{line} in {answer}");
    }
    assert!(answer.contains("\nRemoteAddr: 127.0.0.1:"), "{answer}");
}

#[test]
fn one_connection_takes_several_requests() {
    let server = Server::start();
    let answer = server.ask(
        "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloHEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.0\r\n\r\n",
    );
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert!(answer.contains("POST /a") && !answer.contains("HEAD /b") && answer.contains("GET /c"));
    let answer = server.ask("nonsense\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn it_ends_at_once_when_asked_to() {
    let mut server = Server::start();
    let began = Instant::now();
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20));
}
