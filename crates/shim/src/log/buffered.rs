//! `mode=non-blocking`: the log is written by a process of its own, and what it does not take in time is dropped.
//!
//! Between the two is a socket whose buffer has the size asked for. A message is the number of the stream and a piece of its
//! output; an empty one after that number says that the stream has ended.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;

use corten_shim_api::LogTarget;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair, sockopt};

use super::compress::own_program;
use super::log_file::LogFile;
use crate::LOG_VERB;
use crate::sys::find_byte;
use crate::task::Stream;

/// Most output in one message, in bytes.
const PIECE: usize = 8 << 10;

/// The end of the container's side.
#[derive(Debug)]
pub struct Buffered {
    socket: Option<OwnedFd>,
    writer: Child,
    /// Streams that have not ended, a bit each.
    open: u8,
    /// How far the streams are, output first.
    streams: [Progress; 2],
}

/// Where a stream stands: what is dropped must leave no line that is put together from two.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// What was taken last has no end of a line.
    mid_line: bool,
    /// What was dropped since.
    gap: Option<Gap>,
}

/// Output that was dropped.
#[derive(Debug, Clone, Copy)]
struct Gap {
    /// It has no end of a line.
    mid_line: bool,
}

impl Buffered {
    /// Starts the writer.
    pub(super) fn open(target: &LogTarget, size: u64) -> io::Result<Self> {
        let (socket, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        // The kernel counts its own needs, too, and doubles what it is told for that.
        let size = usize::try_from(size)
            .unwrap_or(usize::MAX)
            .clamp(2 * PIECE, 1 << 30);
        sockopt::set_socket_send_buffer_size_force(socket.as_fd(), size)
            .or_else(|_| sockopt::set_socket_send_buffer_size(socket.as_fd(), size))?;
        rustix::io::ioctl_fionbio(&theirs, false)?;
        let order = serde_json::to_string(target).map_err(io::Error::other)?;
        let writer = own_program(LOG_VERB).arg(order).stdin(theirs).spawn()?;
        Ok(Self {
            socket: Some(socket),
            writer,
            open: number(Stream::Out) | number(Stream::Err),
            streams: Default::default(),
        })
    }

    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = &rest[..rest.len().min(PIECE)];
            // Whole lines where there are any.
            let cut = most
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(most.len(), |end| end + 1);
            let piece;
            (piece, rest) = rest.split_at(cut);
            self.write_piece(stream, piece);
        }
    }

    fn write_piece(&mut self, stream: Stream, piece: &[u8]) {
        let index = usize::from(number(stream)) - 1;
        let Progress { mid_line, gap } = self.streams[index];
        let wanted = match gap {
            Some(Gap { mid_line: true }) => find_byte(b'\n', piece).map_or(&[][..], |end| &piece[end + 1..]),
            _ => piece,
        };
        let ends_mid_line = piece.last().is_some_and(|byte| *byte != b'\n');
        let closed = gap.is_none() || !mid_line || wanted.is_empty() || self.send(stream, b"\n");
        let taken = closed && !wanted.is_empty() && self.send(stream, wanted);
        self.streams[index] = if taken {
            Progress {
                mid_line: ends_mid_line,
                gap: None,
            }
        } else {
            Progress {
                mid_line,
                gap: Some(Gap {
                    mid_line: ends_mid_line,
                }),
            }
        };
    }

    /// A stream has ended; after the last one all that was taken is in the log when this returns.
    pub(super) fn finish(&mut self, stream: Stream) {
        self.send(stream, &[]);
        self.open &= !number(stream);
        if self.open == 0 && self.socket.is_some() {
            self.socket = None;
            // It ends when it has read everything.
            let _ended = self.writer.wait();
        }
    }

    /// Whether it was taken.
    fn send(&self, stream: Stream, piece: &[u8]) -> bool {
        let Some(socket) = &self.socket else { return false };
        let mut message = Vec::with_capacity(1 + piece.len());
        message.push(number(stream));
        message.extend_from_slice(piece);
        // A full buffer, or a writer that could not go on: the container must not wait either way.
        send(socket, &message, SendFlags::NOSIGNAL).is_ok()
    }
}

/// What a stream is called in messages.
fn number(stream: Stream) -> u8 {
    match stream {
        Stream::Out => 1,
        Stream::Err => 2,
    }
}

/// The writer: logs what comes over standard input, to its end.
///
/// # Errors
/// When the order makes no sense or the log cannot be opened.
pub fn write_log(order: &str) -> io::Result<()> {
    let target: LogTarget = serde_json::from_str(order).map_err(io::Error::other)?;
    let mut log = LogFile::open(&target)?;
    let mut message = vec![0; PIECE + 1];
    let mut input = std::io::stdin().lock();
    let mut input = RawInput(&mut input);
    loop {
        let length = input.read(&mut message)?;
        let stream = match message.first() {
            _ if length == 0 => {
                // The word of a stream's end may have been dropped.
                log.finish(Stream::Out);
                log.finish(Stream::Err);
                return Ok(());
            }
            Some(2) => Stream::Err,
            _ => Stream::Out,
        };
        match &message[1..length] {
            [] => log.finish(stream),
            piece => log.write(stream, piece),
        }
    }
}

/// Standard input message by message, past the buffer of the library, which would join them.
struct RawInput<'a>(&'a mut std::io::StdinLock<'static>);

impl Read for RawInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(self.0.as_fd(), &mut *buffer) {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }
}
