//! The Docker Engine API over HTTP: routes, versions, parameters, streams, hijacked connections.
//!
//! Lives here: everything between a socket and the traits in [`backend`]: which path means which call, how parameters
//! and bodies are read, how answers, errors and streams look on the wire in each API version. Never here: what a
//! container, image or volume is, any state beside that of the connections, or a default that is the engine's to choose.
//!
//! A request's way: [`serve`] accepts, `connection` speaks HTTP and strips the version off the path, `routes` has one
//! handler per path, `http` reads parameters and writes answers. `attach` and `exec start` end HTTP: their handlers
//! hand what they attached to back to `connection`, which goes on with the bare stream.
#![forbid(unsafe_code)]

mod accept_failures;
pub mod backend;
mod connection;
mod error;
mod http;
mod routes;
mod serve;
mod tls;

pub use accept_failures::AcceptFailures;
pub use connection::IdleConnections;
pub use error::{ApiError, ApiResult};
pub use routes::router;
pub use serve::{GRACE, Listener, Untaken, serve};
pub use tls::{Tls, TlsFiles};
