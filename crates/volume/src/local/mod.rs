//! The local driver: directories, and file systems mounted on them.

mod address;
mod directory;
mod mount;
mod mount_options;

#[cfg(test)]
pub(crate) use directory::RECORD;
pub(crate) use directory::{DATA, clear_half_made, make, read_record, remove};
pub(crate) use mount::{LocalMount, is_mount, unmount};
