//! The parts of a container's root filesystem, as an overlay mount names them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What to mount, with names relative to `base`, which the mounting process makes its working directory.
///
/// Worth recording with the container: it stays right for as long as the layers and the snapshot are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rootfs {
    /// Directory the other names are relative to.
    pub base: PathBuf,
    /// Read-only layers, topmost first: what is in every container, then the image's.
    pub lower: Vec<String>,
    /// The writable layer.
    pub upper: String,
    /// Overlay's scratch directory.
    pub work: String,
}

impl Rootfs {
    /// The image's layers, topmost first.
    pub fn image_layers(&self) -> &[String] {
        self.lower.get(1..).unwrap_or_default()
    }
}
