//! What the metadata store keeps of images and layers.

use corten_types::Digest;
use serde::{Deserialize, Serialize};

use crate::LayerBlob;

/// An image, under its id in the table `images`. Its configuration is the blob of that digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageRecord {
    pub(crate) layers: Vec<LayerBlob>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<Digest>,
    /// The image it was committed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<Digest>,
}

/// An unpacked layer, under its chain id in the table `layers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerRecord {
    pub(crate) diff_id: Digest,
    /// Bytes in its files.
    pub(crate) size: u64,
    /// The boot it was unpacked in, until its files are known to be on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unsynced_since: Option<String>,
}
