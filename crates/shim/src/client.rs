//! One connection to the shim: frames in, frames out, neither ever waited for.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use corten_shim_api::{Frame, FrameKind, HEADER_LEN, ProtocolError, decode_header, encode_header};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};
use serde::Serialize;

/// Queued output above which a client holds up the process it listens to, in bytes.
pub const MAX_QUEUE: usize = 1 << 20;
/// Most that is received at a time, in bytes.
const CHUNK: usize = 16 << 10;
/// An empty buffer larger than this is given back.
const KEPT_BUFFER: usize = 4 << 10;

/// Names a connection; never used twice.
pub type ClientId = u64;

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Requests and their answers.
    Requests,
    /// The streams of a process.
    Attached(Attachment),
}

/// Whose streams, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The exec, or `None` for the init.
    pub exec: Option<String>,
    /// Whether its input is forwarded.
    pub stdin: bool,
    /// Whether it gets standard output.
    pub stdout: bool,
    /// Whether it gets standard error.
    pub stderr: bool,
}

/// The connection.
#[derive(Debug)]
pub struct Client {
    /// Its name.
    pub id: ClientId,
    socket: OwnedFd,
    /// What it is for.
    pub role: Role,
    /// Whether it gets events.
    pub watches: bool,
    /// Whether an answer is outstanding: what it says meanwhile has to wait.
    pub waits: bool,
    /// To be closed once everything queued is sent.
    pub closing: bool,
    /// Nothing more can come from it.
    pub ended: bool,
    /// Nothing can be sent to it.
    deaf: bool,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    sent: usize,
}

impl Client {
    /// A new connection.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(id: ClientId, socket: OwnedFd) -> Result<Self, Errno> {
        crate::task::set_nonblocking(&socket)?;
        Ok(Self {
            id,
            socket,
            role: Role::Requests,
            watches: false,
            waits: false,
            closing: false,
            ended: false,
            deaf: false,
            inbox: Vec::new(),
            outbox: Vec::new(),
            sent: 0,
        })
    }

    /// Whether it is attached to that process.
    pub fn attachment_to(&self, exec: Option<&str>) -> Option<&Attachment> {
        match &self.role {
            Role::Attached(attachment) if attachment.exec.as_deref() == exec => Some(attachment),
            _ => None,
        }
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.outbox.len() - self.sent
    }

    /// Whether it can be dropped: nothing to receive, nothing to send.
    pub fn is_done(&self) -> bool {
        (self.ended || self.closing) && (self.deaf || self.queued() == 0)
    }

    /// Whether a frame that came whole is still to be handled.
    pub fn has_frame(&self) -> bool {
        self.inbox.first_chunk::<HEADER_LEN>().is_some_and(|header| {
            decode_header(*header).is_ok_and(|(_, length)| self.inbox.len() >= HEADER_LEN + length)
        })
    }

    /// Receives what is there.
    pub fn receive(&mut self) {
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        match recv(&self.socket, &mut chunk, RecvFlags::DONTWAIT) {
            Ok(((received, _), _)) if !received.is_empty() => self.inbox.extend_from_slice(received),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(_) | Err(_) => self.ended = true,
        }
    }

    /// The next frame that is there as a whole.
    ///
    /// # Errors
    /// When what came is no frame.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let Some(header) = self.inbox.first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let (kind, length) = decode_header(*header)?;
        let Some(payload) = self.inbox.get(HEADER_LEN..HEADER_LEN + length) else {
            return Ok(None);
        };
        let payload = payload.to_vec();
        self.inbox.drain(..HEADER_LEN + length);
        if self.inbox.is_empty() && self.inbox.capacity() > KEPT_BUFFER {
            self.inbox = Vec::new();
        }
        Ok(Some(Frame { kind, payload }))
    }

    /// Sends a message.
    pub fn send_json<T: Serialize>(&mut self, kind: FrameKind, message: &T) {
        match Frame::encode_json(kind, message) {
            Ok(bytes) => self.send_parts(&bytes, b""),
            // No message of the protocol fails to serialize.
            Err(_) => self.closing = true,
        }
    }

    /// Sends data.
    pub fn send_data(&mut self, kind: FrameKind, data: &[u8]) {
        self.send_parts(&encode_header(kind, data.len()), data);
    }

    /// Sends what is queued, as far as the peer takes it.
    pub fn flush(&mut self) {
        while !self.deaf && self.queued() > 0 {
            match self.try_send(&self.outbox[self.sent..], b"") {
                Ok(count) => self.sent += count,
                Err(Errno::AGAIN) => break,
                Err(_) => self.deaf = true,
            }
        }
        if self.deaf || self.queued() == 0 {
            self.outbox = Vec::new();
            self.sent = 0;
        } else if self.sent > self.outbox.len() / 2 {
            self.outbox.drain(..self.sent);
            self.sent = 0;
        }
    }

    fn send_parts(&mut self, first: &[u8], second: &[u8]) {
        if self.deaf {
            return;
        }
        let mut sent = 0;
        if self.queued() == 0 {
            match self.try_send(first, second) {
                Ok(count) => sent = count,
                Err(Errno::AGAIN) => {}
                Err(_) => {
                    self.deaf = true;
                    return;
                }
            }
        }
        let from_first = sent.min(first.len());
        self.outbox.extend_from_slice(&first[from_first..]);
        self.outbox.extend_from_slice(&second[sent - from_first..]);
    }

    fn try_send(&self, first: &[u8], second: &[u8]) -> Result<usize, Errno> {
        let mut nothing = SendAncillaryBuffer::default();
        loop {
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match sendmsg(
                &self.socket,
                &[IoSlice::new(first), IoSlice::new(second)],
                &mut nothing,
                flags,
            ) {
                Err(Errno::INTR) => {}
                result => return result,
            }
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
