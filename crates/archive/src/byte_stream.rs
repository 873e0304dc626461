//! Archives between blocking threads, which make and read them, and async tasks, which send and receive them. Memory stays
//! bounded, and a side that goes away ends the other's work.

use std::io::{self, Read, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Pieces of an archive; the channel closes at its end, an error means that it ended too early.
pub type ByteStream = mpsc::Receiver<io::Result<Bytes>>;

/// Bytes sent at once.
const PIECE: usize = 256 * 1024;
/// Pieces in flight between the maker and a slow reader.
const IN_FLIGHT: usize = 4;

/// The end that is written to.
#[derive(Debug)]
pub struct ByteSender {
    sender: mpsc::Sender<io::Result<Bytes>>,
    pending: Vec<u8>,
}

/// Both ends.
pub fn byte_stream() -> (ByteSender, ByteStream) {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let pending = Vec::new();
    (ByteSender { sender, pending }, receiver)
}

impl ByteSender {
    /// Ends the stream: in good order, or with the error that cut it short.
    pub fn end<E: std::fmt::Display>(mut self, outcome: Result<(), E>) {
        let outcome = outcome
            .map_err(|error| io::Error::other(error.to_string()))
            .and_then(|()| self.flush());
        if let Err(error) = outcome {
            // A reader that has gone away needs no telling.
            let _told = self.sender.blocking_send(Err(error));
        }
    }

    fn send(&self, piece: Vec<u8>) -> io::Result<()> {
        self.sender
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for ByteSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.capacity() == 0 {
            self.pending.reserve_exact(PIECE);
        }
        let count = bytes.len().min(PIECE - self.pending.len());
        self.pending.extend_from_slice(&bytes[..count]);
        if self.pending.len() == PIECE {
            let piece = std::mem::take(&mut self.pending);
            self.send(piece)?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.pending);
        self.send(piece)
    }
}

/// Reads a stream on a blocking thread.
#[derive(Debug)]
pub struct ByteReader {
    stream: ByteStream,
    piece: Bytes,
}

impl ByteReader {
    /// Reads `stream` to its end.
    pub fn new(stream: ByteStream) -> Self {
        let piece = Bytes::new();
        Self { stream, piece }
    }
}

impl Read for ByteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.stream.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_arrives_and_errors_do_too() {
        let (mut sender, stream) = byte_stream();
        let sending = std::thread::spawn(move || {
            let outcome = (0..100).try_for_each(|n| sender.write_all(&[n; 10_000]));
            sender.end(
                outcome
                    .map_err(|error| error.to_string())
                    .and(Err("cut short".to_owned())),
            );
        });
        let mut received = Vec::new();
        let error = ByteReader::new(stream).read_to_end(&mut received).unwrap_err();
        assert_eq!(error.to_string(), "cut short");
        assert!(received.len() >= 500_000);
        sending.join().unwrap();
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_work() {
        let (mut sender, stream) = byte_stream();
        drop(stream);
        assert!(sender.write_all(&[0; 2 * PIECE]).is_err());
    }
}
