//! Named and anonymous volumes: directories that outlive containers.
//!
//! Lives here: the records of all volumes; the local driver, its directories (`ROOT/NAME/_data`, beside them `volume.json`) and
//! the file systems it mounts on them; the protocol of volume plugins; and who holds which volume mounted. Never here: which
//! containers have a volume at all (the engine knows) and what happens inside a container's mount namespace (the sandbox
//! does).
//!
//! # Volumes that are mounted
//! A local volume with options, and every volume of a plugin, is mounted for as long as somebody holds it. A hold is a file in the
//! run-time directory, written before the mounting and removed after the unmounting ([`Holds`](holds::Holds)), so that a daemon
//! that was killed leaves word of it. The next one says whose holds still count ([`Volumes::keep_holds_of`]); the others are
//! given up, and what then is mounted for nobody is unmounted. A volume without options is a directory, and none of this
//! concerns it.
#![forbid(unsafe_code)]

mod error;
mod holds;
mod local;
mod mounting;
mod plugin;
mod store;
mod volume;

pub use error::{Error, Result};
pub use mounting::Mounted;
pub use store::{Listing, Volumes, VolumesConfig};
pub use volume::{LOCAL, Seen, Volume, VolumeRequest, is_valid_name};
