//! Named and anonymous volumes: directories that outlive containers.
//!
//! Lives here: the local driver, its directories (`ROOT/NAME/_data`) and records (`ROOT/NAME/volume.json`). Never here:
//! which container uses which volume (the engine knows) and mounting (the sandbox does).
#![forbid(unsafe_code)]

mod error;
mod store;
mod volume;

pub use error::{Error, Result};
pub use store::Volumes;
pub use volume::{Volume, VolumeRequest, is_valid_name};
