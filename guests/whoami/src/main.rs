//! The program of the built-in image `whoami`: a web server that answers every request with its own host name and
//! addresses, the client's address, and the request as it arrived.
//!
//! A single file on std alone: `crates/image/build.rs` compiles it, too. Listens on port 80, on `WHOAMI_PORT_NUMBER`, or on
//! the port after `--port` (0 lets the kernel choose); names itself in the answer if `WHOAMI_NAME` is set.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const DEFAULT_PORT: u16 = 80;
/// Largest request head; a longer one is refused.
const MAX_HEAD: usize = 32 * 1024;
const MAX_CONNECTIONS: usize = 512;
const THREAD_STACK: usize = 64 * 1024;
/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

mod signals {
    //! The one thing std cannot do: as process 1 of a container the program has no default actions for signals.

    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;

    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
        fn _exit(code: i32) -> !;
    }

    extern "C" fn exit_now(_number: i32) {
        // SAFETY: `_exit` is async-signal-safe and takes any code.
        unsafe { _exit(0) }
    }

    /// Makes `docker stop` and Ctrl-C end the program at once.
    pub fn exit_on_termination() {
        for number in [SIGINT, SIGTERM] {
            // SAFETY: the handler has the type the C library expects and calls async-signal-safe functions only.
            unsafe { signal(number, exit_now) };
        }
    }
}

fn main() -> ExitCode {
    signals::exit_on_termination();
    let result = port().and_then(|port| serve(port).map_err(|error| format!("port {port}: {error}")));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("whoami: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The port to listen on: command line, environment, default.
fn port() -> Result<u16, String> {
    let mut port = std::env::var("WHOAMI_PORT_NUMBER").ok();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        port = match argument.strip_prefix("--port=") {
            Some(value) => Some(value.to_owned()),
            None if argument == "--port" => Some(arguments.next().ok_or("--port needs a number")?),
            None => {
                return Err(format!(
                    "unknown argument {argument:?}; usage: whoami [--port NUMBER]"
                ));
            }
        };
    }
    match port {
        None => Ok(DEFAULT_PORT),
        Some(port) => port.parse().map_err(|_| format!("{port:?} is no port")),
    }
}

fn serve(port: u16) -> io::Result<()> {
    // Without IPv6 in the container there is still IPv4; an IPv6 socket takes both.
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
        .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?;
    println!("Starting up on port {}", listener.local_addr()?.port());
    let connections = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            // The client is gone already, or descriptors are short for the moment.
            Err(_) => {
                thread::sleep(Duration::from_millis(10));
                continue;
            }
        };
        if connections.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
            connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let open = Arc::clone(&connections);
        let spawned = thread::Builder::new().stack_size(THREAD_STACK).spawn(move || {
            // What a client does wrong concerns nobody else.
            let _ = converse(stream, peer);
            open.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Answers the requests of one connection.
fn converse(mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let Some(end) = read_head(&mut stream, &mut buffer)? else {
            return Ok(());
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end);
        let Some(request) = Request::parse(&head) else {
            return respond(&mut stream, "400 Bad Request", "Bad Request\n", false, false);
        };
        if request.expects_continue {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let keep = request.keep_alive && skip_body(&mut stream, &mut buffer, request.body)?;
        let body = describe(&request, peer, stream.local_addr().ok());
        respond(&mut stream, "200 OK", &body, request.is_head, keep)?;
        if !keep {
            return Ok(());
        }
    }
}

/// Reads until the empty line after the headers; returns where the head ends, or none if the client has no more to say.
fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let mut searched = 0;
    loop {
        if let Some(at) = buffer[searched..]
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        {
            return Ok(Some(searched + at + 4));
        }
        searched = buffer.len().saturating_sub(3);
        if buffer.len() > MAX_HEAD {
            respond(stream, "431 Request Header Fields Too Large", "", false, false)?;
            return Ok(None);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            count => buffer.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A request's head, as far as it matters.
struct Request<'a> {
    line: &'a str,
    headers: Vec<&'a str>,
    is_head: bool,
    keep_alive: bool,
    expects_continue: bool,
    /// Bytes of the body, if the request says so in a way understood here.
    body: Option<u64>,
}

impl<'a> Request<'a> {
    fn parse(head: &'a str) -> Option<Self> {
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next()?;
        let mut words = line.split(' ');
        let (method, _target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/1.") {
            return None;
        }
        let mut request = Self {
            line,
            headers: lines.collect(),
            is_head: method == "HEAD",
            keep_alive: version != "HTTP/1.0",
            expects_continue: false,
            body: Some(0),
        };
        for header in &request.headers {
            let (name, value) = header.split_once(':')?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "connection" if value.eq_ignore_ascii_case("close") => request.keep_alive = false,
                "connection" if value.eq_ignore_ascii_case("keep-alive") => request.keep_alive = true,
                "content-length" => request.body = Some(value.parse().ok()?),
                // Its end is not looked for: the connection is closed instead.
                "transfer-encoding" => request.body = None,
                "expect" => request.expects_continue = value.eq_ignore_ascii_case("100-continue"),
                _ => {}
            }
        }
        Some(request)
    }
}

/// Reads a body and forgets it; tells whether the next request can be found after it.
fn skip_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, body: Option<u64>) -> io::Result<bool> {
    let Some(length) = body else { return Ok(false) };
    let there = buffer.len().min(usize::try_from(length).unwrap_or(usize::MAX));
    buffer.drain(..there);
    let rest = length - there as u64;
    Ok(io::copy(&mut stream.take(rest), &mut io::sink())? == rest)
}

fn respond(stream: &mut TcpStream, status: &str, body: &str, head_only: bool, keep: bool) -> io::Result<()> {
    let connection = if keep { "" } else { "Connection: close\r\n" };
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{connection}\r\n",
        body.len()
    );
    if !head_only {
        response.push_str(body);
    }
    stream.write_all(response.as_bytes())
}

/// The answer's text.
fn describe(request: &Request<'_>, peer: SocketAddr, local: Option<SocketAddr>) -> String {
    let mut text = String::new();
    if let Ok(name) = std::env::var("WHOAMI_NAME") {
        text += &format!("Name: {name}\n");
    }
    text += &format!("Hostname: {}\n", host_name());
    for address in addresses(local) {
        text += &format!("IP: {address}\n");
    }
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    text += &format!("RemoteAddr: {peer}\n{}\n", request.line);
    for header in &request.headers {
        text += &format!("{header}\n");
    }
    text + "\n"
}

fn host_name() -> String {
    match fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(name) => name.trim_end().to_owned(),
        Err(_) => std::env::var("HOSTNAME").unwrap_or_default(),
    }
}

/// All addresses of this network namespace; at least the one the client reached.
fn addresses(local: Option<SocketAddr>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    if let Ok(text) = fs::read_to_string("/proc/net/fib_trie") {
        found.extend(ipv4_of_routes(&text).into_iter().map(IpAddr::V4));
    }
    if let Ok(text) = fs::read_to_string("/proc/net/if_inet6") {
        found.extend(ipv6_of_interfaces(&text).into_iter().map(IpAddr::V6));
    }
    if let Some(local) = local.map(|local| local.ip().to_canonical())
        && !found.contains(&local)
    {
        found.push(local);
    }
    found.sort_by_key(|address| (!address.is_loopback(), *address));
    found
}

/// The kernel's routing trie lists an own address as a leaf `|-- ADDRESS` with `/32 host LOCAL` below it.
fn ipv4_of_routes(trie: &str) -> Vec<Ipv4Addr> {
    let mut leaf = None;
    let mut found = Vec::new();
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = leaf
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// One interface address a line, first of all 32 hexadecimal digits.
fn ipv6_of_interfaces(list: &str) -> Vec<Ipv6Addr> {
    let address = |line: &str| u128::from_str_radix(line.split_whitespace().next()?, 16).ok();
    list.lines()
        .filter_map(address)
        .map(Ipv6Addr::from_bits)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_found_in_the_kernels_lists() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n  +-- 172.17.0.0/16 2 0 2\n     \
                    |-- 172.17.0.2\n        /32 host LOCAL\n     |-- 172.17.255.255\n        /32 link BROADCAST\n";
        assert_eq!(ipv4_of_routes(trie), [Ipv4Addr::new(172, 17, 0, 2)]);
        let list = "00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(ipv6_of_interfaces(list), [Ipv6Addr::LOCALHOST]);
    }

    #[test]
    fn requests_are_understood() {
        let request = Request::parse("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        assert!(!request.keep_alive);
        assert_eq!(request.headers, ["Host: a", "Connection: close"]);
        assert!(Request::parse("nonsense\r\n\r\n").is_none());
        assert!(Request::parse("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n").is_none());
    }
}
