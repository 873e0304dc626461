//! Images: reading archives of them, unpacking their layers safely, naming, listing and removing them.
//!
//! Lives here: the formats (docker-archive, OCI layout, configuration, layer tar), the index of what there is, the rules of
//! removal, and the built-in images. Never here: containers (they are seen only as holders of layers, and through a closure
//! as users of an image), mounting, or the API's JSON.
//!
//! # One image on its way in
//! `Images::load` reads the archive into staged blobs (`archive`), unpacking layers as they come (`early`, `unpacking`; each
//! through one untar that no path leads out of, `layer`) into stages of the snapshotter, checks configuration against layers, and
//! commits files first, records last (`load`). The files of layers reach the disk later, or are made again (`unsynced`).
//! `index` counts who uses which layer and blob; what nobody uses goes.
//!
//! # Records
//! ```text
//! images  id                   -> { layers: [{digest, size}], manifest?, parent? }   configuration: the blob of that digest
//! tags    normalised reference -> id
//! layers  chain id             -> { diff_id, size, unsynced_since? }        files: the snapshotter's layer of that id
//! ```
#![forbid(unsafe_code)]

mod archive;
mod archived;
pub mod builtin;
mod config;
mod derive;
mod early;
mod error;
mod hold;
mod image;
mod images;
mod index;
mod layer;
mod load;
mod record;
mod removal;
mod save;
mod serde_null;
mod unpacking;
mod unsynced;

pub use config::{ContainerConfig, Empty, Healthcheck, History, ImageConfig, RootFs};
pub use derive::NewImage;
pub use error::{Error, Result};
pub use image::{Image, LayerBlob, Loaded, Removed, TaggedImage};
pub use images::Images;
pub use layer::chain_ids;
pub use removal::ContainerUse;
pub use save::Saving;
