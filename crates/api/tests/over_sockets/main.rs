//! The API over real sockets, in front of a fake backend.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod docker_cli;
mod fake;
mod requests;
mod server;
mod streams;
