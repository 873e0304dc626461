//! Root filesystems: read-only layers shared by everyone, and one writable directory per container.
//!
//! Lives here: where layers and writable directories are, making and removing them, what an overlay mount of them is
//! called. Never here: unpacking archives (`image` does), mounting (the container's init does, in its own mount namespace),
//! or who uses which layer (`image` counts).
//!
//! # On disk
//! ```text
//! <root>/layers/<27 characters>       one layer's files; the name is made of its chain id, short enough that the names of
//!                                     128 layers fit into the one page that mount options may take
//! <root>/containers/<key>/upper|work  a container's writable layer and overlay's scratch directory
//! <root>/common/                       what is in every container: the layer above its image's
//! <root>/ready/<number>/upper|work    a container's directories made ahead of time
//! <root>/staging/<number>             a layer being unpacked
//! <root>/trash/<number>               a tree being removed
//! ```
//! What a crash leaves in the last three is removed at open.
#![forbid(unsafe_code)]

mod background;
mod changes;
mod descent;
mod error;
mod layer_name;
mod layer_stage;
mod overlay;
mod pool;
mod rootfs;
mod snapshotter;
mod trash;
mod usage;

pub use changes::{Change, ChangeKind, Ignore};
pub use error::{Error, Result};
pub use layer_stage::LayerStage;
pub use overlay::Overlay;
pub use rootfs::Rootfs;
pub use snapshotter::{ChainId, Snapshotter};
pub use usage::directory_size;
