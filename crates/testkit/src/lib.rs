//! Throw-away engines for tests and measurements, and what they need around them.
//!
//! Lives here: [`Daemon`] (a Corten of one's own), [`Dockerd`] (a reference engine of one's own), [`Podman`] (one more maker of images),
//! [`Engine`] (either),
//! [`fixtures`] (images made once and kept under the target directory), [`qemu`] (a machine with another kernel),
//! [`Recorder`] (an engine of paper), [`Residue`] (what an engine may have left behind) and the small clients they are spoken to with. Never here: tests
//! themselves, and nothing from the engine's own crates: what is tested is programs, files and sockets, as a user has
//! them.
//!
//! Everything panics with a sentence where a test would have to: a broken test bench is a failed test.
#![forbid(unsafe_code)]

mod command;
mod daemon;
mod dockerd;
mod engine;
pub mod fixtures;
pub mod http;
mod paths;
mod podman;
pub mod proc;
mod program_file;
pub mod qemu;
mod recorder;
mod residue;
mod slot;
mod terminal;
mod wait;
mod words;

pub use command::{Finished, Running, run, start};
pub use daemon::Daemon;
pub use dockerd::Dockerd;
pub use engine::{Cli, Engine, docker_at, docker_program};
pub use paths::{binary, binary_dir, target_dir};
pub use podman::Podman;
pub use program_file::program_file;
pub use recorder::{Recorded, Recorder};
pub use residue::Residue;
pub use slot::Slot;
pub use terminal::Terminal;
pub use wait::{eventually, until};
pub use words::words;
