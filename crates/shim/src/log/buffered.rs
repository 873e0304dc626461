//! `mode=non-blocking`: the log is written by a process of its own, and what it does not take in time is dropped.
//!
//! Between the two is a socket whose buffer has the size asked for. A message is the number of the stream and a piece of its
//! output; an empty one after that number says that the stream has ended. What the writer has to tell comes back as JSON.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use corten_shim_api::{Event, LogTarget};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown, socketpair,
    sockopt,
};

use super::compress::own_program;
use super::log_file::LogFile;
use crate::LOG_VERB;
use crate::sys::find_byte;
use crate::task::Stream;

/// Most output in one message, in bytes.
const PIECE: usize = 8 << 10;
/// Time between two tellings that output was dropped.
const QUIET: Duration = Duration::from_secs(60);

/// The end of the container's side.
#[derive(Debug)]
pub struct Buffered {
    socket: Option<OwnedFd>,
    writer: Child,
    /// Streams that have not ended, a bit each.
    open: u8,
    /// How far the streams are, output first.
    streams: [Progress; 2],
    /// Entries dropped since that was told last.
    lost: u64,
    told_at: Option<Instant>,
    /// What the writer said last of all.
    last_words: Vec<Event>,
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
            lost: 0,
            told_at: None,
            last_words: Vec::new(),
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
            // The line whose end was passed over.
            self.lost += u64::from(gap.is_some_and(|gap| gap.mid_line));
            Progress {
                mid_line: ends_mid_line,
                gap: None,
            }
        } else {
            self.lost += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
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
        if self.open == 0
            && let Some(socket) = &self.socket
        {
            // It ends when it has read everything.
            let _gone_already = shutdown(socket, Shutdown::Write);
            let _ended = self.writer.wait();
            self.last_words = std::iter::from_fn(|| self.heard()).collect();
            self.socket = None;
            self.told_at = None;
        }
    }

    /// What has changed about the log since the last call.
    pub(super) fn take_news(&mut self) -> Option<Event> {
        if let Some(event) = self.heard() {
            return Some(event);
        }
        if !self.last_words.is_empty() {
            return Some(self.last_words.remove(0));
        }
        if self.lost == 0 || self.told_at.is_some_and(|at| at.elapsed() < QUIET) {
            return None;
        }
        self.told_at = Some(Instant::now());
        Some(Event::LogDropped {
            lost: std::mem::take(&mut self.lost),
        })
    }

    /// The next word of the writer.
    fn heard(&self) -> Option<Event> {
        let mut message = [0; 512];
        let socket = self.socket.as_ref()?;
        let (_, length) = recv(socket, &mut message[..], RecvFlags::DONTWAIT).ok()?;
        serde_json::from_slice(message.get(..length)?).ok()
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
        if let Some(news) = log.take_news() {
            let words = serde_json::to_vec(&news).map_err(io::Error::other)?;
            // Nobody may be there to hear it any more.
            let _unheard = send(
                std::io::stdin().as_fd(),
                &words,
                SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
            );
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
