//! An asker by TCP: messages behind their length in two bytes (RFC 1035, 4.2.2).

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

use corten_dns::{HEADER, LARGEST_QUERY};

/// How long an asker may be silent, in nanoseconds.
const PATIENCE_NS: i64 = 10_000_000_000;
/// Bytes received in a turn: however many queries those are, others have their turn soon.
const CHUNK: usize = 2048;
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
    /// Queries others were asked for it.
    waiting: usize,
    /// It has asked all it had to.
    ended: bool,
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
            waiting: 0,
            ended: false,
            broken: false,
        }
    }

    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(super) fn events(&self) -> i16 {
        let inward = if self.ended { 0 } else { libc::POLLIN };
        let outward = if self.outbox.is_empty() { 0 } else { libc::POLLOUT };
        inward | outward
    }

    /// Sends and receives what can be in a turn; the queries that are whole.
    pub(super) fn exchange(&mut self, now_ns: i64) -> Vec<Vec<u8>> {
        self.flush();
        let mut chunk = [0; CHUNK];
        match self.socket.read(&mut chunk) {
            Ok(0) => self.ended = true,
            Ok(length) => {
                self.deadline_ns = now_ns + PATIENCE_NS;
                self.inbox.extend_from_slice(&chunk[..length]);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(_) => self.broken = true,
        }
        std::iter::from_fn(|| self.next_query()).collect()
    }

    /// The next query, if all of it is there. Who sends what can be none is left.
    fn next_query(&mut self) -> Option<Vec<u8>> {
        let length = self.inbox.first_chunk::<2>().copied().map(u16::from_be_bytes)?;
        self.broken |= !(HEADER..=LARGEST_QUERY).contains(&usize::from(length));
        match self.broken {
            true => None,
            false => take_message(&mut self.inbox),
        }
    }

    /// Others are asked for it.
    pub(super) fn wait(&mut self) {
        self.waiting += 1;
    }

    /// Others have been asked for it.
    pub(super) fn waited(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Whether nothing more can come of it.
    pub(super) fn is_over(&self) -> bool {
        self.broken || self.ended && self.waiting == 0 && self.outbox.is_empty()
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
