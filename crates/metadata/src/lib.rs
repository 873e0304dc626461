//! The daemon's records on disk: typed JSON values in named tables of one redb file.
//!
//! Lives here: the file, its schema version, grouped durable commits, survival of a full disk. Never here: what the
//! records mean, or anything large (blobs are `content`'s, files of containers `snapshot`'s).
//!
//! # On disk
//! ```text
//! <data root>/metadata.redb
//!   schema      "version"            -> u64, SCHEMA_VERSION
//!   containers  container id         -> JSON   (written by engine)
//!   images      image id             -> JSON   (written by image)
//!   tags        normalised reference -> JSON   (written by image: the image id)
//!   layers      chain id             -> JSON   (written by image)
//!   volumes     volume name          -> JSON   (written by volume)
//!   networks    network id           -> JSON   (written by engine)
//!   kv          any key              -> JSON   (whoever else: keys are prefixed with the crate's name)
//! <data root>/metadata.reserve       1 MiB given back to a full disk, see `Store`
//! ```
//! A file whose version is newer than this program's is refused; an older one would be migrated at open.
#![forbid(unsafe_code)]

mod batch;
mod database;
mod error;
mod reserve;
mod snapshot;
mod store;
mod table;
mod unwritten;
mod writer;

pub use batch::Batch;
pub use error::{Error, Result};
pub use snapshot::Snapshot;
pub use store::{Durability, Store};
pub use table::Table;

/// Version of the schema this program reads and writes.
pub const SCHEMA_VERSION: u64 = 1;
