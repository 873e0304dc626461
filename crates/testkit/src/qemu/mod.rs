//! A machine with another kernel: QEMU without acceleration boots Debian's cloud kernel to user space in two to three
//! seconds, with pure cgroup v2.
//!
//! The machine has no disk and no network. Its first file system holds busybox, the programs and files it is given and
//! the modules they need; its only connection is the serial console, on which a script reports line by line.

mod cpio;
mod machine;
mod modules;

pub use machine::{Machine, Report};
