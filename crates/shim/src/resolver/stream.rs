//! An asker by TCP: messages behind their length in two bytes (RFC 1035, 4.2.2).

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

/// How long an asker may be silent, in nanoseconds.
const PATIENCE_NS: i64 = 10_000_000_000;
/// Most that is kept of what was asked and not answered, in bytes; more is received only then.
const MAX_INBOX: usize = 64 << 10;
/// Most that waits to be sent; who does not take it is left.
const MAX_OUTBOX: usize = 256 << 10;

/// The connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) number: u64,
    pub(super) deadline_ns: i64,
    socket: TcpStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    broken: bool,
}

impl Stream {
    pub(super) fn new(number: u64, socket: TcpStream, now_ns: i64) -> Self {
        Self {
            number,
            deadline_ns: now_ns + PATIENCE_NS,
            socket,
            inbox: Vec::new(),
            outbox: Vec::new(),
            broken: false,
        }
    }

    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(super) fn events(&self) -> i16 {
        let out = if self.outbox.is_empty() { 0 } else { libc::POLLOUT };
        libc::POLLIN | out
    }

    /// Sends and receives what can be; whole queries, and whether there may be more.
    pub(super) fn exchange(&mut self, now_ns: i64) -> (Vec<Vec<u8>>, bool) {
        self.flush();
        let mut open = true;
        let mut chunk = [0; 2048];
        while self.inbox.len() < MAX_INBOX {
            match self.socket.read(&mut chunk) {
                Ok(0) => open = false,
                Ok(length) => {
                    self.deadline_ns = now_ns + PATIENCE_NS;
                    self.inbox.extend_from_slice(&chunk[..length]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => open = false,
            }
            break;
        }
        let mut queries = Vec::new();
        while let Some(query) = take_message(&mut self.inbox) {
            queries.push(query);
        }
        (queries, open && !self.broken)
    }

    /// Queues an answer, and sends what can be.
    pub(super) fn send(&mut self, answer: &[u8]) {
        put_message(&mut self.outbox, answer);
        self.flush();
        self.broken |= self.outbox.len() > MAX_OUTBOX;
    }

    fn flush(&mut self) {
        while !self.outbox.is_empty() {
            match self.socket.write(&self.outbox) {
                Ok(length) => drop(self.outbox.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.broken |= error.kind() != ErrorKind::WouldBlock;
                    break;
                }
            }
        }
    }
}

/// The first message, if all of it is there.
pub(super) fn take_message(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let message = rest.get(..length)?.to_vec();
    bytes.drain(..2 + length);
    Some(message)
}

/// Appends a message; one that is too long for its length is no answer of any server.
pub(super) fn put_message(bytes: &mut Vec<u8>, message: &[u8]) {
    if let Ok(length) = u16::try_from(message.len()) {
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole() {
        let mut bytes = Vec::new();
        put_message(&mut bytes, b"one");
        put_message(&mut bytes, b"");
        put_message(&mut bytes, b"three");
        let rest = bytes.split_off(9);
        assert_eq!(take_message(&mut bytes).as_deref(), Some(&b"one"[..]));
        assert_eq!(take_message(&mut bytes).as_deref(), Some(&b""[..]));
        assert_eq!(take_message(&mut bytes), None);
        bytes.extend(rest);
        assert_eq!(take_message(&mut bytes).as_deref(), Some(&b"three"[..]));
        assert_eq!(take_message(&mut bytes), None);
        put_message(&mut bytes, &vec![0; 70_000]);
        assert!(bytes.is_empty());
    }
}
