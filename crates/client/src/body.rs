//! Bodies of requests: nothing, JSON, or bytes streamed from a reader.

use std::fs::File;
use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

/// What goes over a connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

const CHUNK: usize = 256 * 1024;
/// Pieces of a file read ahead.
const IN_FLIGHT: usize = 2;

/// A body that is read while it is sent, such as an image archive.
pub struct Upload(Body);

impl Upload {
    /// Sends everything `reader` yields, in chunked encoding.
    pub fn from_reader<R: AsyncRead + Send + Unpin + 'static>(reader: R) -> Self {
        let chunks = stream::try_unfold(reader, |mut reader| async move {
            let mut buffer = BytesMut::with_capacity(CHUNK);
            let read = reader.read_buf(&mut buffer).await?;
            Ok::<_, io::Error>((read > 0).then(|| (Frame::data(buffer.freeze()), reader)))
        });
        Self(StreamBody::new(chunks).boxed_unsync())
    }

    /// Sends a file, which is read on a thread of its own while what was read before is sent.
    pub fn from_file(mut file: File) -> Self {
        let (sender, pieces) = mpsc::channel(IN_FLIGHT);
        std::thread::spawn(move || {
            while let Some(piece) = next_piece(&mut file).transpose() {
                let failed = piece.is_err();
                // A request that is over needs no more.
                if sender.blocking_send(piece).is_err() || failed {
                    return;
                }
            }
        });
        Self::from_channel(pieces)
    }

    /// Sends what comes over a channel; an error in it breaks off the request.
    pub fn from_channel(pieces: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        let frames = stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((piece.map(Frame::data), pieces))
        });
        Self(StreamBody::new(frames).boxed_unsync())
    }
}

/// The next bytes of a file; none at its end.
fn next_piece(file: &mut File) -> io::Result<Option<Bytes>> {
    let mut piece = Vec::with_capacity(CHUNK);
    let count = file.take(CHUNK as u64).read_to_end(&mut piece)?;
    Ok((count > 0).then(|| piece.into()))
}

/// The body of a call, as far as it can be sent a second time.
pub(crate) enum Payload {
    /// No body.
    None,
    /// A JSON document.
    Json(Bytes),
    /// Sent once.
    Upload(Upload),
}

impl Payload {
    /// The same body once more; `None` when it is gone with the first.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::None => Some(Self::None),
            Self::Json(text) => Some(Self::Json(text.clone())),
            Self::Upload(_) => None,
        }
    }

    /// The `Content-Type` that goes with it.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Json(_) => Some("application/json"),
            Self::Upload(_) => Some("application/x-tar"),
        }
    }

    /// The bytes.
    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
            Self::Json(text) => Full::new(text).map_err(|never| match never {}).boxed_unsync(),
            Self::Upload(Upload(body)) => body,
        }
    }
}
