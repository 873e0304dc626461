//! The Docker Engine API over HTTP: routes, versions, parameters, streams, hijacked connections.
//!
//! Lives here: everything between a socket and the traits in [`backend`]: which path means which call, how parameters
//! and bodies are read, how answers, errors and streams look on the wire in each API version. Never here: what a
//! container, image or volume is, any state beside that of the connections, or a default that is the engine's to choose.
#![forbid(unsafe_code)]

pub mod backend;
mod error;

pub use error::{ApiError, ApiResult};
