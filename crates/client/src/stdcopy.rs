//! The framing that carries standard output and error of a container without a terminal over one stream.
//!
//! Each frame has a header of eight bytes, `[kind, 0, 0, 0, length…]` with a big-endian length; see the Engine API's
//! documentation of `POST /containers/{id}/attach`.

use bytes::{Buf, BytesMut};

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

/// Splits a multiplexed stream, piece by piece: no frame need be complete.
#[derive(Debug, Default)]
pub struct Demultiplexer {
    current: Option<(StreamKind, usize)>,
}

impl Demultiplexer {
    /// Takes the payload of one stream out of `input` and appends it to `to`, frame by frame until another stream's turn comes
    /// or more input is needed; `None` when there was none.
    ///
    /// # Errors
    /// When a header is none.
    pub fn next_run(&mut self, input: &mut BytesMut, to: &mut Vec<u8>) -> Result<Option<StreamKind>, Error> {
        let (mut at, mut run) = (0, None);
        loop {
            if let Some((kind, left)) = self.current {
                if run.is_some_and(|other| other != kind) {
                    break;
                }
                let rest = &input[at..];
                let piece = &rest[..left.min(rest.len())];
                to.extend_from_slice(piece);
                at += piece.len();
                if !piece.is_empty() {
                    run = Some(kind);
                }
                let left = left - piece.len();
                self.current = (left > 0).then_some((kind, left));
                if left > 0 {
                    break;
                }
            }
            let Some(header) = input[at..].first_chunk::<HEADER>() else {
                break;
            };
            self.current = Some(parse(header)?);
            at += HEADER;
        }
        input.advance(at);
        Ok(run)
    }

    /// Whether the stream may end here, that is, between frames.
    pub fn is_complete(&self) -> bool {
        matches!(self.current, None | Some((_, 0)))
    }
}

/// Stream and length a header announces.
fn parse(header: &[u8; HEADER]) -> Result<(StreamKind, usize), Error> {
    let [kind, _, _, _, length @ ..] = *header;
    let kind = match kind {
        0 | 1 => StreamKind::Stdout,
        2 => StreamKind::Stderr,
        3 => StreamKind::SystemError,
        other => return Err(Error::Protocol(format!("unrecognized stream: {other}"))),
    };
    Ok((kind, u32::from_be_bytes(length) as usize))
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
    fn runs_join_what_follows_on_one_stream() {
        let stream = [
            frame(1, b"a"),
            frame(1, b"b"),
            frame(2, b""),
            frame(2, b"error"),
            frame(1, b"c"),
        ]
        .concat();
        for size in 1..=stream.len() {
            let mut demultiplexer = Demultiplexer::default();
            let mut runs: Vec<(StreamKind, String)> = Vec::new();
            let mut input = BytesMut::new();
            for chunk in stream.chunks(size) {
                input.extend_from_slice(chunk);
                let mut text = Vec::new();
                while let Some(kind) = demultiplexer.next_run(&mut input, &mut text).unwrap() {
                    let text = String::from_utf8(std::mem::take(&mut text)).unwrap();
                    match runs.last_mut().filter(|(last, _)| *last == kind) {
                        Some((_, joined)) => *joined += &text,
                        None => runs.push((kind, text)),
                    }
                }
            }
            let expected = [
                (StreamKind::Stdout, "ab"),
                (StreamKind::Stderr, "error"),
                (StreamKind::Stdout, "c"),
            ];
            assert_eq!(
                runs,
                expected.map(|(kind, text)| (kind, text.to_owned())),
                "chunks of {size}"
            );
            assert!(demultiplexer.is_complete());
        }
    }

    #[test]
    fn refuses_other_kinds() {
        let mut input = BytesMut::from(&frame(9, b"x")[..]);
        assert!(
            Demultiplexer::default()
                .next_run(&mut input, &mut Vec::new())
                .is_err()
        );
    }
}
