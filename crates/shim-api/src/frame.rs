//! Framing on the shim's sockets.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes before each payload.
pub const HEADER_LEN: usize = 5;
/// Longest payload either side accepts, in bytes.
pub const MAX_FRAME: usize = 8 << 20;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// A [`crate::Request`].
    Request = 1,
    /// A [`crate::Response`].
    Response = 2,
    /// A [`crate::Event`].
    Event = 3,
    /// Bytes for the process's standard input.
    Stdin = 4,
    /// No more standard input will come.
    StdinEof = 5,
    /// Bytes the process wrote to standard output, or to its terminal.
    Stdout = 6,
    /// Bytes the process wrote to standard error.
    Stderr = 7,
    /// The process attached to has ended and all its output was sent: an [`crate::ExitRecord`].
    Exit = 8,
}

/// One frame, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: FrameKind,
    /// The payload.
    pub payload: Vec<u8>,
}

/// Why a peer's bytes make no sense.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A kind this build does not know.
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// A payload longer than [`MAX_FRAME`].
    #[error("frame of {0} bytes is too long")]
    TooLong(usize),
    /// The JSON of a message is not what was expected.
    #[error("malformed message")]
    Json(#[from] serde_json::Error),
    /// The connection failed or ended within a frame.
    #[error("connection to the shim failed")]
    Io(#[from] io::Error),
}

impl TryFrom<u8> for FrameKind {
    type Error = ProtocolError;

    fn try_from(byte: u8) -> Result<Self, ProtocolError> {
        Ok(match byte {
            1 => Self::Request,
            2 => Self::Response,
            3 => Self::Event,
            4 => Self::Stdin,
            5 => Self::StdinEof,
            6 => Self::Stdout,
            7 => Self::Stderr,
            8 => Self::Exit,
            other => return Err(ProtocolError::UnknownKind(other)),
        })
    }
}

impl Frame {
    /// Reads the payload as JSON.
    ///
    /// # Errors
    /// When it is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ProtocolError> {
        Ok(serde_json::from_slice(&self.payload)?)
    }

    /// A whole frame, header included, carrying `message` as JSON.
    ///
    /// # Errors
    /// When the message cannot be serialized.
    pub fn encode_json<T: Serialize>(kind: FrameKind, message: &T) -> Result<Vec<u8>, ProtocolError> {
        let mut bytes = vec![0; HEADER_LEN];
        serde_json::to_writer(&mut bytes, message)?;
        let header = encode_header(kind, bytes.len() - HEADER_LEN);
        bytes[..HEADER_LEN].copy_from_slice(&header);
        Ok(bytes)
    }
}

/// The header of a frame with a payload of `len` bytes (which must not exceed [`MAX_FRAME`]).
pub fn encode_header(kind: FrameKind, len: usize) -> [u8; HEADER_LEN] {
    debug_assert!(len <= MAX_FRAME);
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    [kind as u8, len[0], len[1], len[2], len[3]]
}

/// Kind and payload length a header announces.
///
/// # Errors
/// When the kind is unknown or the payload too long.
pub fn decode_header(header: [u8; HEADER_LEN]) -> Result<(FrameKind, usize), ProtocolError> {
    let kind = FrameKind::try_from(header[0])?;
    let len = u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize;
    if len > MAX_FRAME {
        Err(ProtocolError::TooLong(len))
    } else {
        Ok((kind, len))
    }
}

/// Writes one frame with a single `write` where the socket takes it.
///
/// # Errors
/// When the connection does.
pub fn write_frame(to: &mut impl Write, kind: FrameKind, payload: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
    bytes.extend_from_slice(&encode_header(kind, payload.len()));
    bytes.extend_from_slice(payload);
    to.write_all(&bytes)
}

/// Reads one frame; `None` when the peer closed the connection between two frames.
///
/// # Errors
/// When the connection fails, ends within a frame, or carries something that is no frame.
pub fn read_frame(from: &mut impl Read) -> Result<Option<Frame>, ProtocolError> {
    let mut header = [0; HEADER_LEN];
    let mut filled = 0;
    while filled < HEADER_LEN {
        match from.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (kind, len) = decode_header(header)?;
    let mut payload = vec![0; len];
    from.read_exact(&mut payload)?;
    Ok(Some(Frame { kind, payload }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_round_trip_and_nonsense_is_refused() {
        let mut wire = Vec::new();
        write_frame(&mut wire, FrameKind::Stdout, b"hello").unwrap();
        write_frame(&mut wire, FrameKind::StdinEof, b"").unwrap();
        let mut from = wire.as_slice();
        assert_eq!(read_frame(&mut from).unwrap().unwrap().payload, b"hello");
        assert_eq!(read_frame(&mut from).unwrap().unwrap().kind, FrameKind::StdinEof);
        assert!(read_frame(&mut from).unwrap().is_none());
        assert!(matches!(
            read_frame(&mut &[9, 0, 0, 0, 0][..]),
            Err(ProtocolError::UnknownKind(9))
        ));
        assert!(matches!(
            read_frame(&mut &[6, 255, 255, 255, 255][..]),
            Err(ProtocolError::TooLong(_))
        ));
        assert!(matches!(
            read_frame(&mut &[6, 2, 0, 0, 0, 1][..]),
            Err(ProtocolError::Io(_))
        ));
    }
}
