//! The framing that carries standard output and error of a container without a terminal over one stream.
//!
//! Each frame has a header of eight bytes, `[kind, 0, 0, 0, length…]` with a big-endian length; see the Engine API's
//! documentation of `POST /containers/{id}/attach`.

use bytes::{Buf, Bytes, BytesMut};

use crate::Error;

const HEADER: usize = 8;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// Standard output (and the echo of standard input).
    Stdout,
    /// Standard error.
    Stderr,
    /// A failure in the engine while it was streaming; the text is for the user.
    SystemError,
}

/// Splits a multiplexed stream, piece by piece: no frame need be complete, none is copied.
#[derive(Debug, Default)]
pub struct Demultiplexer {
    current: Option<(StreamKind, usize)>,
}

impl Demultiplexer {
    /// Takes the next piece of payload out of `input`; `None` when more input is needed.
    ///
    /// # Errors
    /// When a header is none.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<(StreamKind, Bytes)>, Error> {
        loop {
            match self.current {
                Some((_, 0)) => self.current = None,
                Some((kind, left)) => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let piece = input.split_to(left.min(input.len())).freeze();
                    self.current = Some((kind, left - piece.len()));
                    return Ok(Some((kind, piece)));
                }
                None => {
                    if input.len() < HEADER {
                        return Ok(None);
                    }
                    let kind = match input[0] {
                        0 | 1 => StreamKind::Stdout,
                        2 => StreamKind::Stderr,
                        3 => StreamKind::SystemError,
                        other => {
                            return Err(Error::Protocol(format!("unrecognized stream: {other}")));
                        }
                    };
                    input.advance(4);
                    self.current = Some((kind, input.get_u32() as usize));
                }
            }
        }
    }

    /// Whether the stream may end here, that is, between frames.
    pub fn is_complete(&self) -> bool {
        matches!(self.current, None | Some((_, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind, 0, 0, 0];
        frame.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn splits_the_same_however_it_is_cut() {
        let stream = [
            frame(1, b"out"),
            frame(2, b""),
            frame(2, b"error"),
            frame(0, b"!"),
        ]
        .concat();
        for size in 1..=stream.len() {
            let mut demultiplexer = Demultiplexer::default();
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut input = BytesMut::new();
            for chunk in stream.chunks(size) {
                input.extend_from_slice(chunk);
                while let Some((kind, piece)) = demultiplexer.next(&mut input).unwrap() {
                    match kind {
                        StreamKind::Stderr => err.extend_from_slice(&piece),
                        _ => out.extend_from_slice(&piece),
                    }
                }
            }
            assert_eq!(
                (&out[..], &err[..]),
                (&b"out!"[..], &b"error"[..]),
                "chunks of {size}"
            );
            assert!(demultiplexer.is_complete());
        }
    }

    #[test]
    fn refuses_other_kinds() {
        let mut input = BytesMut::from(&frame(9, b"x")[..]);
        assert!(Demultiplexer::default().next(&mut input).is_err());
    }
}
