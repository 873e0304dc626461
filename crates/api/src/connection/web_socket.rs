//! A connection taken over by a websocket: output goes out in frames, not multiplexed, and what comes in is input.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use http::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::{DetachKeys, Socket};
use crate::backend::Attached;
use crate::{ApiError, ApiResult};

/// What client and engine agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebSocket {
    /// Answer to the client's key.
    accept: String,
    /// Output is sent as bytes; else as text, which older clients expect.
    binary: bool,
}

impl WebSocket {
    /// Reads a client's wish.
    ///
    /// # Errors
    /// When it wants no websocket, or one of another version.
    pub(crate) fn negotiate(headers: &HeaderMap, binary: bool) -> ApiResult<Self> {
        let is = |name, wanted: &str| {
            headers
                .get(name)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
        };
        if !is(UPGRADE, "websocket") {
            return Err(ApiError::invalid("not websocket protocol"));
        }
        if !is(SEC_WEBSOCKET_VERSION, "13") {
            return Err(ApiError::invalid("missing or bad WebSocket Version"));
        }
        let key = headers
            .get(SEC_WEBSOCKET_KEY)
            .ok_or_else(|| ApiError::invalid("mismatch challenge/response"))?;
        Ok(Self {
            accept: derive_accept_key(key.as_bytes()),
            binary,
        })
    }

    /// Answers the request and moves bytes both ways until the output ends, the client goes or detaches, or `closing`.
    pub(super) async fn run(
        self,
        mut stream: Socket,
        early: Bytes,
        attached: Attached,
        keys: DetachKeys,
        closing: &CancellationToken,
    ) {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            self.accept
        );
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        let socket = WebSocketStream::from_partially_read(stream, early.to_vec(), Role::Server, None).await;
        let (mut frames, messages) = socket.split();
        let Attached {
            tty,
            stdin,
            mut output,
            ..
        } = attached;
        let send = async {
            while let Some(piece) = output.next().await {
                let Ok((_, bytes)) = piece else { return };
                let frame = if self.binary {
                    Message::Binary(bytes)
                } else {
                    Message::Text(String::from_utf8_lossy(&bytes).into_owned().into())
                };
                if frames.send(frame).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = send => {}
            () = receive(messages, stdin, tty.then_some(keys)) => {}
            () = closing.cancelled() => {}
        }
        // A client that is gone is not told.
        let _told = frames.close().await;
    }
}

/// Ready when the client closed the websocket, detached, or is gone.
async fn receive(
    mut messages: impl StreamExt<Item = Result<Message, Error>> + Unpin,
    mut stdin: Option<std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>>,
    mut keys: Option<DetachKeys>,
) {
    let mut passed = Vec::new();
    while let Some(Ok(message)) = messages.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => text.into(),
            Message::Close(_) => break,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        let Some(target) = &mut stdin else { continue };
        let (bytes, detached) = match &mut keys {
            None => (&bytes[..], false),
            Some(keys) => {
                passed.clear();
                let detached = keys.pass(&bytes, &mut passed);
                (&passed[..], detached)
            }
        };
        let written = match target.write_all(bytes).await {
            Ok(()) => target.flush().await,
            failed => failed,
        };
        if detached {
            return;
        }
        if written.is_err() {
            // Nobody reads it any more; what else comes is dropped.
            stdin = None;
        }
    }
}
