//! Client of the Docker Engine API: one method per call, over unix sockets, TCP and TLS.
//!
//! Lives here: connections and their reuse, version negotiation, JSON and streamed answers, hijacked streams, the
//! framing of container output. Never here: terminals, tables, texts for people, or any knowledge of what a verb does
//! with an answer; and nothing of the engine itself, which is reached through its API only.
#![forbid(unsafe_code)]

mod address;
mod body;
mod client;
mod connect;
mod containers;
mod error;
mod exec;
mod files;
mod hijack;
mod housekeeping;
mod images;
mod json_stream;
mod networks;
mod plugins;
mod query;
mod raw_stream;
mod ssh;
mod ssh_process;
mod stdcopy;
mod system;
mod tls;
mod volumes;

pub use address::Address;
pub use body::Upload;
pub use client::Client;
pub use connect::Duplex;
pub use containers::{AttachOptions, ListOptions, LogOptions, PendingWait, RemoveOptions, StopOptions};
pub use error::Error;
pub use hijack::{HijackReader, HijackWriter, Hijacked};
pub use images::{CommitOptions, ImageListOptions, ImportOptions};
pub use json_stream::JsonStream;
pub use query::Filters;
pub use raw_stream::RawStream;
pub use ssh::Ssh;
pub use stdcopy::{Demultiplexer, StreamKind};
pub use tls::{Tls, TlsFiles};
