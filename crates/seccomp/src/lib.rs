//! Seccomp profiles compiled to the classic BPF program the kernel runs on every system call.
//!
//! [`Profile`] is Docker's profile format (or Docker's own default), [`compile`] turns it into a [`Program`] for one
//! machine and set of capabilities: pure computation, done once per kind of container, its bytes loaded by the shim.
//!
//! Never here: loading a filter, processes, files; system calls of any kind.

#![forbid(unsafe_code)]

mod action;
mod arch;
mod compile;
mod docker_default;
mod emit;
mod error;
mod policy;
mod profile;
mod program;
mod syscalls;

pub use action::Action;
pub use arch::Arch;
pub use compile::compile;
pub use error::{Error, Result};
pub use policy::Target;
pub use profile::{Argument, Comparison, Conditions, Profile, Rule};
pub use program::{Instruction, Program};
pub use syscalls::syscall_number;
