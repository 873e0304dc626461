//! The multiplexed format: every piece of output has eight bytes in front, which say stream and length.

use bytes::{Bytes, BytesMut};

use crate::backend::StdStream;

/// Largest piece one header can announce is four gigabytes; pieces are cut far below, so that clients with a buffer per
/// frame stay small.
const MAX_PIECE: usize = 1 << 20;

/// The frames `bytes` of `source` are sent in; none for no bytes.
pub(super) fn frames(source: StdStream, mut bytes: Bytes) -> impl Iterator<Item = ([u8; 8], Bytes)> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let piece = bytes.split_to(bytes.len().min(MAX_PIECE));
        Some((header(source, piece.len()), piece))
    })
}

/// Bytes in front of each piece.
pub(crate) const FRAME_HEADER: usize = 8;

/// Appends `bytes` of `source`, framed.
pub(crate) fn frame(source: StdStream, bytes: Bytes, to: &mut BytesMut) {
    for (header, piece) in frames(source, bytes) {
        to.extend_from_slice(&header);
        to.extend_from_slice(&piece);
    }
}

/// Stream, three zeros, length with the most significant byte first. `length` is at most [`MAX_PIECE`].
fn header(source: StdStream, length: usize) -> [u8; 8] {
    let [.., a, b, c, d] = (length as u64).to_be_bytes();
    [source as u8, 0, 0, 0, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_carry_stream_and_length() {
        let mut framed = BytesMut::new();
        frame(StdStream::Stderr, Bytes::from_static(b"oops"), &mut framed);
        frame(StdStream::Stdout, Bytes::new(), &mut framed);
        assert_eq!(&framed[..], b"\x02\0\0\0\0\0\0\x04oops");
    }

    #[test]
    fn long_pieces_are_cut() {
        let lengths: Vec<_> = frames(StdStream::Stdout, Bytes::from(vec![7; MAX_PIECE + 3]))
            .map(|(header, piece)| (header, piece.len()))
            .collect();
        assert_eq!(
            lengths,
            [
                ([1, 0, 0, 0, 0, 0x10, 0, 0], MAX_PIECE),
                ([1, 0, 0, 0, 0, 0, 0, 3], 3)
            ]
        );
    }
}
