//! A client of a process's standard streams: frames of the shim's socket as an async reader and writer.

use corten_shim_api::{
    ExitRecord, Frame, FrameKind, HEADER_LEN, ProtocolError, decode_header, encode_header,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use bytes::Bytes;

/// Which stream bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Both directions of an attached process.
#[derive(Debug)]
pub struct Streams {
    /// Its output.
    pub reader: StreamReader,
    /// Its input.
    pub writer: StreamWriter,
}

/// Output of an attached process.
#[derive(Debug)]
pub struct StreamReader {
    socket: OwnedReadHalf,
    exit: Option<ExitRecord>,
}

/// Input of an attached process. Dropping it detaches; it does not end the process's input.
#[derive(Debug)]
pub struct StreamWriter {
    socket: OwnedWriteHalf,
}

impl Streams {
    pub(crate) fn new(socket: UnixStream) -> Self {
        let (reader, writer) = socket.into_split();
        Self {
            reader: StreamReader {
                socket: reader,
                exit: None,
            },
            writer: StreamWriter { socket: writer },
        }
    }
}

impl StreamReader {
    /// The next piece of output; `None` when the process has ended or the shim let go of this client.
    ///
    /// # Errors
    /// When the connection breaks within a frame or carries nonsense.
    pub async fn next(&mut self) -> Result<Option<(StreamKind, Bytes)>, ProtocolError> {
        let Some(frame) = read_frame(&mut self.socket).await? else {
            return Ok(None);
        };
        match frame.kind {
            FrameKind::Stdout => Ok(Some((StreamKind::Stdout, frame.payload.into()))),
            FrameKind::Stderr => Ok(Some((StreamKind::Stderr, frame.payload.into()))),
            FrameKind::Exit => {
                self.exit = Some(frame.json()?);
                Ok(None)
            }
            other => Err(ProtocolError::UnknownKind(other as u8)),
        }
    }

    /// How the process ended, once [`StreamReader::next`] has returned `None` because of it.
    pub fn exit(&self) -> Option<&ExitRecord> {
        self.exit.as_ref()
    }
}

impl StreamWriter {
    /// Sends input.
    ///
    /// # Errors
    /// When the shim is gone.
    pub async fn write(&mut self, mut input: &[u8]) -> std::io::Result<()> {
        const LARGEST: usize = 64 << 10;
        while !input.is_empty() {
            let (now, later) = input.split_at(input.len().min(LARGEST));
            self.socket
                .write_all(&encode_header(FrameKind::Stdin, now.len()))
                .await?;
            self.socket.write_all(now).await?;
            input = later;
        }
        Ok(())
    }

    /// Tells the process that no more input will come. Output goes on.
    ///
    /// # Errors
    /// When the shim is gone.
    pub async fn close(mut self) -> std::io::Result<()> {
        self.socket
            .write_all(&encode_header(FrameKind::StdinEof, 0))
            .await?;
        // Dropped, it would shut down its half of the connection, which the shim could only read as this client's end.
        self.socket.forget();
        Ok(())
    }
}

/// Reads one frame; `None` at an orderly end.
pub(crate) async fn read_frame<R>(socket: &mut R) -> Result<Option<Frame>, ProtocolError>
where
    R: AsyncReadExt + Unpin,
{
    let mut header = [0; HEADER_LEN];
    let mut filled = 0;
    while filled < HEADER_LEN {
        match socket.read(&mut header[filled..]).await? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            count => filled += count,
        }
    }
    let (kind, len) = decode_header(header)?;
    let mut payload = vec![0; len];
    socket.read_exact(&mut payload).await?;
    Ok(Some(Frame { kind, payload }))
}

/// Sends a message of `kind`.
pub(crate) async fn send<W, T>(socket: &mut W, kind: FrameKind, message: &T) -> Result<(), ProtocolError>
where
    W: AsyncWriteExt + Unpin,
    T: Serialize,
{
    Ok(socket.write_all(&Frame::encode_json(kind, message)?).await?)
}

/// Reads a message that must be of `kind`.
pub(crate) async fn receive<R, T>(socket: &mut R, kind: FrameKind) -> Result<T, ProtocolError>
where
    R: AsyncReadExt + Unpin,
    T: DeserializeOwned,
{
    let frame = read_frame(socket)
        .await?
        .ok_or_else(|| ProtocolError::Io(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)))?;
    if frame.kind == kind {
        frame.json()
    } else {
        Err(ProtocolError::UnknownKind(frame.kind as u8))
    }
}
