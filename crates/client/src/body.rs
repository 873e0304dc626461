//! Bodies of requests: nothing, JSON, or bytes streamed from a reader.

use std::io;

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

    /// Sends what comes over a channel; an error in it breaks off the request.
    pub fn from_channel(pieces: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        let frames = stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((piece.map(Frame::data), pieces))
        });
        Self(StreamBody::new(frames).boxed_unsync())
    }
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
