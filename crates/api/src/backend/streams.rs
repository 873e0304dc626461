//! The streams that cross the border between API and backend.

use std::future::Future;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use corten_wire::{ContainerStats, ContainerWaitResponse, ProgressMessage};
use futures_util::Stream;
use tokio::io::AsyncWrite;

use crate::ApiResult;

/// A stream of bytes, such as a request's body.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;
/// Pieces of a container's output in the order they were written.
pub type OutputStream = Pin<Box<dyn Stream<Item = io::Result<(StdStream, Bytes)>> + Send>>;
/// Lines of a log, as many at a time as were at hand.
pub type LogLines = Pin<Box<dyn Stream<Item = io::Result<Vec<(StdStream, Bytes)>>> + Send>>;
/// Lines of progress. An error as the first item becomes the answer's status; a later one becomes the last line.
pub type ProgressStream = Pin<Box<dyn Stream<Item = ApiResult<ProgressMessage>> + Send>>;
/// Samples of what a container uses.
pub type StatsStream = Pin<Box<dyn Stream<Item = ContainerStats> + Send>>;
/// The end of a container that was waited for.
pub type WaitFuture = Pin<Box<dyn Future<Output = ContainerWaitResponse> + Send>>;

/// Which stream a piece of output was written to; the numbers are those of the multiplexed format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StdStream {
    /// Standard output; everything, when the container has a terminal.
    Stdout = 1,
    /// Standard error.
    Stderr = 2,
}

/// Logs about to be sent.
pub struct Logs {
    /// The container has a terminal: the output is sent as it is, not multiplexed.
    pub tty: bool,
    /// The lines, each with time stamp and details in front when these were asked for.
    pub lines: LogLines,
}

/// A process to talk to.
pub struct Attached {
    /// It has a terminal: the output is sent as it is, not multiplexed, and the detach keys are looked for.
    pub tty: bool,
    /// Keys that detach, such as `ctrl-p,ctrl-q`; empty for these.
    pub detach_keys: String,
    /// Its standard input; `None` when not attached. It is shut down when the client closed its half, and dropped
    /// without that when the client detached or went away.
    pub stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Its output; the connection is closed when it ends.
    pub output: OutputStream,
}
