//! A running container, seen from the daemon: root filesystem, OCI specification and network in, a process out.
//!
//! Lives here: writing the OCI specification ([`spec`]), starting and speaking with shims ([`Sandboxes`], [`Sandbox`]),
//! compiled seccomp profiles on disk, finding shims again after a restart and clearing up after one that was killed.
//! Never here: Docker's API, images, names, restart policies or anything durable. The engine decides; a sandbox does.

mod adopt;
mod chroot;
mod claim;
mod copy_up;
mod error;
mod root_view;
mod sandbox;
mod sandboxes;
mod seccomp_files;
mod shim_image;
mod shim_process;
pub mod spec;
mod streams;
mod subpath;

pub use adopt::Adopted;
pub use copy_up::copy_up;
pub use error::{Error, Result};
pub use root_view::{RootView, ViewMount};
pub use sandbox::{ExecOrder, ExecStarted, Sandbox, SandboxEvent, SandboxEventKind};
pub use sandboxes::{Created, Order, SandboxConfig, Sandboxes};
pub use seccomp_files::SeccompChoice;
pub use streams::{StreamKind, StreamReader, StreamWriter, Streams};
pub use subpath::open_subpath;

pub use corten_shim_api::{
    ExitRecord, InitProgram, LogFormat, LogTarget, NetworkMode, OverlayRoot, RootMount, SUBPATH_OPTION, Stdio,
};
