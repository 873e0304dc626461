//! Carries bytes between a hijacked connection and the process's own streams.

use std::future::pending;

use bytes::BytesMut;
use corten_client::{Demultiplexer, HijackReader, HijackWriter, Hijacked, RawStream, StreamKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::detach_keys::DetachKeys;
use super::input::Input;
use super::sink::{Sink, Standard};
use crate::error::Error;

const CHUNK: usize = 32 * 1024;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The container's output ended.
    Output,
    /// The user typed the keys that detach.
    Detached,
}

/// What is connected to what.
pub(crate) struct Streams {
    /// The connection.
    pub(crate) hijacked: Hijacked,
    /// Standard input goes to the container.
    pub(crate) stdin: bool,
    /// The container has a terminal: its output is one stream, not two.
    pub(crate) tty: bool,
    /// Looked for in the input.
    pub(crate) detach_keys: Option<DetachKeys>,
}

impl Streams {
    /// Carries bytes until the output ends or the user detaches.
    pub(crate) async fn run(self) -> Result<Ended, Error> {
        let Hijacked { reader, writer, .. } = self.hijacked;
        let input = send_input(writer, self.stdin, self.detach_keys);
        let output = copy_output(reader, !self.tty);
        tokio::select! {
            // Output first, so that its end is never taken for a failure of the input.
            biased;
            done = output => done.map(|()| Ended::Output),
            ended = input => ended,
        }
    }
}

/// Returns only when the user detaches (or standard input cannot be read): the end of the input is not the end.
async fn send_input(
    mut writer: HijackWriter,
    stdin: bool,
    mut detach_keys: Option<DetachKeys>,
) -> Result<Ended, Error> {
    if stdin {
        let mut input = Input::start()?;
        while let Some(typed) = input.next().await? {
            let (passed, detached) = match &mut detach_keys {
                Some(keys) => keys.filter(&typed),
                None => (typed, false),
            };
            // A container that no longer reads is told by the end of its output.
            if writer.write_all(&passed).await.is_err() {
                break;
            }
            if detached {
                return Ok(Ended::Detached);
            }
        }
        let _ = writer.shutdown().await;
    }
    // Dropping the writer here would close the connection under the reader's feet on some transports.
    let _held = writer;
    pending().await
}

async fn copy_output(mut reader: HijackReader, multiplexed: bool) -> Result<(), Error> {
    let mut buffer = BytesMut::with_capacity(CHUNK);
    let mut demultiplexer = Demultiplexer::default();
    loop {
        buffer.reserve(CHUNK);
        if reader.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        deliver(&mut buffer, multiplexed.then_some(&mut demultiplexer)).await?;
    }
}

/// Copies a log to its end.
pub(crate) async fn copy_log(mut log: RawStream, multiplexed: bool) -> Result<(), Error> {
    let mut buffer = BytesMut::new();
    let mut demultiplexer = Demultiplexer::default();
    let mut run = Vec::new();
    while let Some(piece) = log.next().await? {
        if !multiplexed {
            Sink::new(Standard::Output).write_waiting(&piece)?;
            continue;
        }
        buffer.extend_from_slice(&piece);
        while let Some(kind) = demultiplexer.next_run(&mut buffer, &mut run)? {
            match kind {
                StreamKind::Stdout => Sink::new(Standard::Output).write_waiting(&run)?,
                StreamKind::Stderr => Sink::new(Standard::Error).write_waiting(&run)?,
                StreamKind::SystemError => return Err(system_error(&run)),
            }
            run.clear();
        }
    }
    Ok(())
}

/// Writes what is complete in `buffer`.
async fn deliver(buffer: &mut BytesMut, demultiplexer: Option<&mut Demultiplexer>) -> Result<(), Error> {
    let Some(demultiplexer) = demultiplexer else {
        let all = buffer.split();
        Sink::new(Standard::Output).write(&all).await?;
        return Ok(());
    };
    // Lines that came together are written together, as long as they are for the same stream.
    let mut run = Vec::new();
    while let Some(kind) = demultiplexer.next_run(buffer, &mut run)? {
        match kind {
            StreamKind::Stdout => Sink::new(Standard::Output).write(&run).await?,
            StreamKind::Stderr => Sink::new(Standard::Error).write(&run).await?,
            StreamKind::SystemError => return Err(system_error(&run)),
        }
        run.clear();
    }
    Ok(())
}

fn system_error(text: &[u8]) -> Error {
    Error::plain(format!(
        "error from daemon in stream: {}",
        String::from_utf8_lossy(text)
    ))
}
