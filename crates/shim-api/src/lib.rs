//! The language a daemon and a container's shim speak, and the files they share.
//!
//! Lives here: the frames, requests, answers and events of the shim's socket, the launch order, the exit record, a blocking
//! reader and writer for them, and the sealed file the shim's program runs from. Never here: what either side does with them.
//!
//! # The conversation
//! A shim is one small process per container. The daemon starts it with one end of a stream socket pair as file
//! descriptor 3 ([`CONTROL_FD`]), and with a lock that says that it lives as descriptor 4 ([`CLAIM_FD`]), and speaks first:
//!
//! ```text
//! daemon                                 shim
//!   Request::Launch  ------------------->  makes cgroups, clones the init into its namespaces
//!   <-------------------  Response::Created { pid }       (socket is listening from here on)
//!   (attaches clients over the socket, readies the network namespace meanwhile)
//!   Request::Proceed { netns } --------->  init enters the network, mounts, drops rights, execs
//!   <-------------------  Response::Started | Response::Failed
//!   <-------------------  Event::… for as long as the connection lives, last of all Event::Exited
//! ```
//!
//! Every other conversation is a connection to the listening socket [`SOCKET_NAME`] in the container's run directory. The
//! client speaks first with a [`Request`]; the shim answers with one [`Response`]. After [`Request::Watch`] events
//! follow; after [`Request::Attach`] and an attached [`Request::Exec`] the connection carries data frames both ways
//! (`Stdin`, `StdinEof` towards the shim; `Stdout`, `Stderr` from it, `Exit` at the very end) and nothing else. Other requests
//! may follow one another on one connection.
//!
//! # Frames
//! One byte [`FrameKind`], four bytes little-endian payload length (at most [`MAX_FRAME`]), payload. Requests, responses,
//! events and exits are JSON objects; data frames are raw bytes.
//!
//! # Versions
//! [`Request::Launch`] and [`Request::Hello`] carry [`PROTOCOL_VERSION`]. Fields are only ever added, with defaults; a shim
//! answers a request it does not know with [`Response::Error`]. A daemon serves shims of its own and of the previous version,
//! whose conversation is recorded in `sandbox`'s tests, and does not ask them for what they do not know.
//!
//! | version | adds |
//! |---|---|
//! | 1 | |
//! | 2 | groups by name for execs; signals to a process group |
//! | 3 | a resolver in the container's network |
#![forbid(unsafe_code)]

mod files;
mod frame;
mod launch;
mod message;
mod program;

pub use files::{
    CLAIM_FD, CLAIM_FILE_NAME, CONTROL_FD, EXIT_FILE_NAME, ExitRecord, RESOLVER_FILE_NAME, SOCKET_NAME,
    SPEC_FILE_NAME, exit_code_of_signal,
};
pub use frame::{
    Frame, FrameKind, HEADER_LEN, MAX_FRAME, ProtocolError, decode_header, encode_header, read_frame,
    write_frame,
};
pub use launch::{
    FROM_OPTION, InitProgram, Launch, LogFormat, LogTarget, NetworkMode, OverlayRoot, RootMount,
    SUBPATH_OPTION, Stdio,
};
pub use message::{
    ErrorStage, Event, ExecRequest, Request, ResolverSockets, Response, RuntimeFailure, ShimState,
};
pub use program::{is_sealed, sealed_copy};

/// Version of the protocol spoken by this build.
pub const PROTOCOL_VERSION: u32 = 3;
/// The version since which [`ExecRequest::groups`] and `group` of [`Request::Signal`] are heeded; older shims would ignore them.
pub const GROUPS_SINCE: u32 = 2;
/// The version since which a shim can answer queries for names; older ones refuse [`Request::Resolve`].
pub const RESOLVER_SINCE: u32 = 3;
