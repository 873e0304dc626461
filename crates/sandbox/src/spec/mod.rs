//! From a container's settled options to its OCI runtime specification: pure functions, no I/O.

mod build;
mod capabilities;
mod defaults;
mod options;

pub use build::{build, process};
pub use capabilities::{UnknownCapability, all_capabilities, default_capabilities, effective_capabilities};
pub use defaults::{MASKED_PATHS, READONLY_PATHS};
pub use options::{Namespace, Namespaces, ProcessOptions, SandboxOptions, Shm};
