//! Images of an archive, checked.

use corten_content::StagedBlob;
use corten_snapshot::ChainId;
use corten_types::{Digest, Reference};

use crate::archive::{ArchivedImage, LayerSource, read_document};
use crate::index::canonical;
use crate::layer::chain_ids;
use crate::{Error, Image, ImageConfig, LayerBlob, Result};

/// Most layers of an image, dockerd's limit.
const MAX_LAYERS: usize = 125;

/// An image of an archive, its documents read and found to agree.
pub(crate) struct CheckedImage {
    pub(crate) id: Digest,
    pub(crate) config: ImageConfig,
    raw: Vec<u8>,
    pub(crate) chain: Vec<ChainId>,
    pub(crate) layers: Vec<LayerSource>,
    pub(crate) layer_blobs: Vec<LayerBlob>,
    pub(crate) manifest: Option<Digest>,
    pub(crate) references: Vec<Reference>,
    pub(crate) parent: Option<Digest>,
}

impl CheckedImage {
    pub(crate) fn check(archived: ArchivedImage, blobs: &[StagedBlob]) -> Result<Self> {
        let config_blob = &blobs[archived.config];
        let raw = read_document(config_blob, "image configuration")?;
        let config: ImageConfig = serde_json::from_slice(&raw).map_err(Error::json("image configuration"))?;
        if !config.os.is_empty() && config.os != "linux" {
            return Err(Error::Platform(format!(
                "cannot load {} image on linux",
                config.os
            )));
        }
        let (expected, found) = (config.rootfs.diff_ids.len(), archived.layers.len());
        if expected != found {
            return Err(Error::Archive(format!(
                "layers length mismatch: expected {expected}, got {found}"
            )));
        }
        if found > MAX_LAYERS {
            return Err(Error::TooManyLayers);
        }
        let layer_blob = |layer: &LayerSource| match layer {
            LayerSource::Staged(blob) => LayerBlob {
                digest: blobs[*blob].digest().clone(),
                size: blobs[*blob].size(),
            },
            LayerSource::Stored(blob) => blob.clone(),
        };
        Ok(Self {
            id: config_blob.digest().clone(),
            chain: chain_ids(&config.rootfs.diff_ids),
            layer_blobs: archived.layers.iter().map(layer_blob).collect(),
            manifest: archived.manifest.map(|manifest| blobs[manifest].digest().clone()),
            references: archived.references.into_iter().map(canonical).collect(),
            layers: archived.layers,
            parent: archived.parent,
            config,
            raw,
        })
    }

    pub(crate) fn into_image(self, size: u64) -> Image {
        Image {
            id: self.id,
            config: self.config,
            raw: self.raw,
            chain: self.chain,
            layers: self.layer_blobs,
            manifest: self.manifest,
            parent: self.parent,
            size,
        }
    }
}
