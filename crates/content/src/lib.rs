//! Blobs by digest, in the layout of an OCI image: configs, manifests and layers as they were received.
//!
//! Lives here: writing a blob so that it is whole, verified and durable or not there at all; reading it while it is
//! written; finding, listing and deleting blobs. Never here: what a blob means, who refers to it, or when it may go.
//!
//! # On disk
//! ```text
//! <root>/blobs/sha256/<64 hex>   a whole, verified blob
//! <root>/ingest/<number>         a blob being written; whatever is found there at open is a crash's leftover
//! ```
#![forbid(unsafe_code)]

mod error;
mod follower;
mod progress;
mod staged;
mod store;
mod writer;

pub use error::{Error, Result};
pub use follower::Follower;
pub use staged::StagedBlob;
pub use store::Store;
pub use writer::Writer;
