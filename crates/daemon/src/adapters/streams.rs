//! A sandbox's streams as the API's.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use corten_api::backend::{ByteStream, OutputStream, StdStream};
use corten_engine::ByteReader;
use corten_sandbox::{StreamKind, StreamWriter, Streams};
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWrite, DuplexStream};
use tokio::sync::{mpsc, oneshot};

/// Input in flight between a client and a process that does not read.
const INPUT_BUFFER: usize = 64 << 10;
/// Pieces of an archive received before the work asks for them, each as large as one reading of the socket (some 200 KiB).
const PIECES_AHEAD: usize = 4;

/// Output and input of streams that are there now or will be.
pub(crate) fn connect<F>(
    streams: F,
    with_stdin: bool,
) -> (OutputStream, Option<Pin<Box<dyn AsyncWrite + Send>>>)
where
    F: Future<Output = Option<Streams>> + Send + 'static,
{
    let (writer_ready, writer) = oneshot::channel();
    let output = stream::unfold(State::Waiting(Box::pin(streams), writer_ready), next);
    let stdin = with_stdin.then(|| {
        let (near, far) = tokio::io::duplex(INPUT_BUFFER);
        let finished = Arc::new(AtomicBool::new(false));
        tokio::spawn(pump(far, writer, finished.clone()));
        Box::pin(Input { pipe: near, finished }) as Pin<Box<dyn AsyncWrite + Send>>
    });
    (Box::pin(output), stdin)
}

type Later = Pin<Box<dyn Future<Output = Option<Streams>> + Send>>;

enum State {
    Waiting(Later, oneshot::Sender<StreamWriter>),
    Reading(corten_sandbox::StreamReader, Option<StreamWriter>),
    Ended,
}

type Piece = io::Result<(StdStream, Bytes)>;

async fn next(mut state: State) -> Option<(Piece, State)> {
    loop {
        state = match state {
            State::Waiting(streams, writer_ready) => {
                let Streams { reader, writer } = streams.await?;
                // Without input nobody waits for the writer, but the connection lives as long as both halves.
                let kept = writer_ready.send(writer).err();
                State::Reading(reader, kept)
            }
            State::Reading(mut reader, writer) => match reader.next().await {
                Ok(Some((kind, bytes))) => {
                    let stream = match kind {
                        StreamKind::Stdout => StdStream::Stdout,
                        StreamKind::Stderr => StdStream::Stderr,
                    };
                    return Some((Ok((stream, bytes)), State::Reading(reader, writer)));
                }
                Ok(None) => return None,
                Err(error) => return Some((Err(io::Error::other(error)), State::Ended)),
            },
            State::Ended => return None,
        }
    }
}

/// A client's input. Shut down, it ends the process's input; dropped without that, the client has only let go.
struct Input {
    pipe: DuplexStream,
    finished: Arc<AtomicBool>,
}

impl AsyncWrite for Input {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finished.store(true, Ordering::Release);
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }
}

/// Carries input to the process until the client closes its side or goes away.
async fn pump(mut from: DuplexStream, writer: oneshot::Receiver<StreamWriter>, finished: Arc<AtomicBool>) {
    let Ok(mut writer) = writer.await else { return };
    let mut buffer = vec![0; 32 << 10];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                if writer.write(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
    if finished.load(Ordering::Acquire) {
        // A process that has ended needs no word that its input has.
        let _told = writer.close().await;
    }
}

/// An archive as the API sends it.
pub(crate) fn bytes(archive: corten_engine::ByteStream) -> ByteStream {
    Box::pin(stream::unfold(archive, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    }))
}

/// An archive as blocking work reads it. It is received ahead: else the client's side and the work would stand still in turn,
/// once for each piece.
pub(crate) fn reader(mut archive: ByteStream) -> impl io::Read + Send + 'static {
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        loop {
            let piece = tokio::select! {
                piece = archive.next() => piece,
                // Work that has ended wants no more, whatever the client does.
                () = sender.closed() => return,
            };
            let Some(piece) = piece else { return };
            if sender.send(piece).await.is_err() {
                return;
            }
        }
    });
    ByteReader::new(pieces)
}
