//! What `cp` means by its two arguments: Docker's rules for paths, and which directory is unpacked into under which name.
//! Pure but for looking at local files.

mod local;
pub(crate) mod path;
mod plan;

pub(crate) use local::{LocalSource, absolute, check_output, check_output_file, local_destination};
pub(crate) use plan::{Destination, Source, plan};
