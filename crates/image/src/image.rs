//! An image as the rest of the engine sees it.

use std::sync::Arc;

use corten_snapshot::ChainId;
use corten_types::{Digest, Reference};
use serde::{Deserialize, Serialize};

use crate::ImageConfig;

/// An image: everything that follows from its bytes and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id: the digest of the configuration's bytes.
    pub id: Digest,
    /// The configuration, parsed.
    pub config: ImageConfig,
    /// The configuration's bytes.
    pub raw: Vec<u8>,
    /// Chain ids of its layers, lowest first: what a container's root filesystem is prepared from.
    pub chain: Vec<ChainId>,
    /// The blobs its layers came in, lowest first.
    pub layers: Vec<LayerBlob>,
    /// Digest of the manifest it came with, a blob of the content store.
    pub manifest: Option<Digest>,
    /// The image it was committed on here.
    pub parent: Option<Digest>,
    /// Bytes in the files of all its layers.
    pub size: u64,
}

/// A layer as it was received, possibly compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerBlob {
    /// Digest of the bytes as received.
    pub digest: Digest,
    /// Number of these bytes.
    pub size: u64,
}

/// An image with the names it has at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedImage {
    /// The image.
    pub image: Arc<Image>,
    /// References with a tag, in alphabetical order.
    pub tags: Vec<Reference>,
    /// References with a digest, in alphabetical order.
    pub digests: Vec<Reference>,
}

/// What loading one image of an archive came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The image's id.
    pub id: Digest,
    /// Names it got from the archive; with none of them it is known by its id only.
    pub references: Vec<Reference>,
    /// Names that another image had until now, with that image's id.
    pub replaced: Vec<(Reference, Digest)>,
}

/// One thing that removing an image did, in the order in which it did them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// The name no longer means the image with this id.
    Untagged(Reference, Digest),
    /// The image is gone.
    Deleted(Digest),
    /// A layer is gone, by its chain id.
    LayerDeleted(ChainId),
}
