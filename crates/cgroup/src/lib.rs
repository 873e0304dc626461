//! One container's control group: made, limited, joined, read, frozen, killed and removed, on cgroup v1 (hybrid
//! included) and v2.
//!
//! What is to be written is decided by [`plan`], a pure function over a [`Layout`] and OCI resources; [`Cgroup`]
//! carries the plan out. The crate is linked into the per-container shim: synchronous, no runtime, few allocations.
//!
//! Never here: who asks for a container, Docker's defaults, warnings or JSON; waiting for a container's exit; a
//! cgroup that was not named by the caller.

mod bpf;
mod cgroup;
mod convert;
mod device;
mod error;
mod file;
mod joiner;
mod layout;
mod plan;
mod plan_v1;
mod plan_v2;
mod processes;
mod stats;

pub use bpf::{DeviceProgram, Insn};
pub use cgroup::Cgroup;
pub use convert::{cpu_shares_to_weight, io_weight_from_blkio};
pub use error::{Error, Result};
pub use joiner::Joiner;
pub use layout::{Hierarchy, Layout};
pub use plan::{Plan, Write, plan};
pub use stats::{BlkioEntry, BlkioStats, CpuStats, MemoryStats, PidsStats, Stats};
