//! What `run` and `create` say about a container, as the JSON of its creation.
//!
//! Pure: the flags, the environment, the working directory and the files named go in, the request comes out, equal to
//! what Docker's command line sends for the same words (goldens in `tests/golden/create`). Whether the engine can do it
//! is the engine's to say.

mod binds;
mod block_io;
pub(crate) mod csv;
mod devices;
mod env_file;
mod flags;
mod gpus;
mod health;
mod mounts;
mod network;
mod ports;
mod request;
pub(crate) mod resources;
mod security;

pub(crate) use env_file::{Surroundings, open_error};
pub(crate) use flags::{CONTENT_TRUST, CREATE_FLAGS, RUN_FLAGS, UPDATE_FLAGS, check_trust, label, variable};
pub(crate) use network::link;
pub(crate) use ports::published;
pub(crate) use request::{build, exec_env, restart_policy};
