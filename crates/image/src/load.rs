//! Loading images: from an archive to layers on disk, all of its images or none.
//!
//! 1. The archive is read to its end into staged blobs, and its manifests are checked against them. What looks like a layer is
//!    unpacked into a staged directory meanwhile (`early`), several at a time.
//! 2. The layers that are not there yet are waited for, or unpacked only now, and verified.
//! 3. Under the lock for changes, layers and blobs are renamed to their places, blobs synced, and the records committed.
//!    Layers are synced when the load has answered (`unsynced`).
//!
//! Whatever fails, staged files vanish as they are dropped, and what step 3 had renamed already is removed because nobody
//! comes to use it.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use corten_archive::Cancel;
use corten_content::StagedBlob;
use corten_metadata::{Batch, Durability, Table};
use corten_snapshot::ChainId;
use corten_types::Digest;

use crate::archive::{self, Contents, LayerSource};
use crate::archived::CheckedImage;
use crate::early::Early;
use crate::hold::Hold;
use crate::index::Pieces;
use crate::record::{ImageRecord, LayerRecord};
use crate::unpacking::{UnpackedLayer, Unpacking};
use crate::{Error, Images, Loaded, Result};

impl Images {
    /// Loads all images of an archive: docker-archive or OCI layout, compressed or not, layers likewise. The archive is
    /// read to its end, unless the load is cancelled. Several loads may run at once.
    ///
    /// # Errors
    /// When the archive is damaged, lies about its contents or holds no image for this machine, or when the disk fails, or
    /// once cancelled; nothing has changed then.
    pub fn load(&self, archive: impl Read, cancel: &Cancel) -> Result<Vec<Loaded>> {
        let mut early = self.early(cancel);
        let contents = archive::read(archive, &self.content, &mut early, cancel)?;
        self.add(contents, early)
    }

    /// Threads to unpack layers on, before it is known what images they belong to.
    pub(crate) fn early(&self, cancel: &Cancel) -> Early<'_> {
        Early::new(self, Unpacking::new(Arc::clone(&self.snapshots), cancel))
    }

    /// Adds staged images.
    pub(crate) fn add(&self, contents: Contents, early: Early<'_>) -> Result<Vec<Loaded>> {
        let Contents { images, blobs } = contents;
        let images = images
            .into_iter()
            .map(|image| CheckedImage::check(image, &blobs))
            .collect::<Result<Vec<_>>>()?;
        // Dropped after the lock below: letting go takes that lock.
        let hold = Hold::new(self, pieces(&images));
        let missing = self.missing_layers(&images);
        let layers = Self::unpack_layers(missing, &blobs, early)?;
        let new: Vec<ChainId> = layers.iter().map(|(layer, _)| layer.chain_id.clone()).collect();
        let _changes = self.changes();
        self.check_stored(&images)?;
        let committed = self
            .commit_files(layers, &hold, blobs)
            .and_then(|()| self.commit_records(images));
        // Even if it failed: another load may have come to count on these layers.
        self.syncing.add(new);
        committed
    }

    /// Makes sure that what new images take over from one that is here has not gone with it meanwhile; now they hold it.
    fn check_stored(&self, images: &[CheckedImage]) -> Result<()> {
        let index = self.index();
        for image in images {
            for layer in &image.layers {
                if let LayerSource::Stored(blob) = layer
                    && !index.has_blob(&blob.digest)
                {
                    return Err(Error::NotFound(blob.digest.to_string()));
                }
            }
        }
        Ok(())
    }

    /// Layers nobody has unpacked, each once, in an order in which lower ones come first.
    fn missing_layers(&self, images: &[CheckedImage]) -> Vec<NewLayer> {
        let index = self.index();
        let mut seen = HashSet::new();
        let mut missing = Vec::new();
        for image in images {
            for number in 0..image.chain.len() {
                let chain_id = &image.chain[number];
                // A layer of an image that is here has its files, too.
                let LayerSource::Staged(blob) = image.layers[number] else {
                    continue;
                };
                if index.layer(chain_id).is_none() && seen.insert(chain_id) {
                    missing.push(NewLayer {
                        number,
                        chain_id: chain_id.clone(),
                        below: number.checked_sub(1).map(|below| image.chain[below].clone()),
                        diff_id: image.config.rootfs.diff_ids[number].clone(),
                        blob,
                    });
                }
            }
        }
        missing
    }

    /// Unpacks layers, and makes sure that each is what its image says.
    fn unpack_layers(
        layers: Vec<NewLayer>,
        blobs: &[StagedBlob],
        early: Early<'_>,
    ) -> Result<Vec<(NewLayer, UnpackedLayer)>> {
        let wanted: Vec<&StagedBlob> = layers.iter().map(|layer| &blobs[layer.blob]).collect();
        let unpacked = early.finish(&wanted);
        let checked = layers.into_iter().zip(unpacked).map(|(layer, unpacked)| {
            let unpacked = unpacked?;
            let found = unpacked.diff_id.as_ref().unwrap_or(blobs[layer.blob].digest());
            if *found != layer.diff_id {
                return Err(Error::DiffId {
                    number: layer.number,
                    expected: layer.diff_id,
                    found: found.clone(),
                });
            }
            Ok((layer, unpacked))
        });
        checked.collect()
    }

    /// Puts layers and blobs in their places. Blobs are durable then; layers follow (`unsynced`).
    fn commit_files(
        &self,
        layers: Vec<(NewLayer, UnpackedLayer)>,
        hold: &Hold<'_>,
        blobs: Vec<StagedBlob>,
    ) -> Result<()> {
        for (layer, UnpackedLayer { stage, unpacked, .. }) in layers {
            let root_like = layer.below.as_ref().filter(|_| !unpacked.has_root);
            self.snapshots.commit_layer(stage, &layer.chain_id, root_like)?;
            let record = LayerRecord {
                diff_id: layer.diff_id,
                size: unpacked.size,
                unsynced_since: Some(self.boot_id.clone()),
            };
            self.index_mut().layer_is_there(layer.chain_id, record);
        }
        let mut wanted: HashSet<&Digest> = hold.pieces().blobs.iter().collect();
        let blobs: Vec<StagedBlob> = {
            let index = self.index();
            let is_new = |blob: &StagedBlob| wanted.remove(blob.digest()) && !index.has_blob(blob.digest());
            blobs.into_iter().filter(is_new).collect()
        };
        let digests: Vec<Digest> = blobs.iter().map(|blob| blob.digest().clone()).collect();
        // If this fails half-way those that were renamed must be known, to be removed.
        let result = self.content.commit(blobs);
        let mut index = self.index_mut();
        for digest in digests {
            if result.is_ok() || self.content.exists(&digest) {
                index.blob_is_there(digest);
            }
        }
        Ok(result?)
    }

    /// Records the images and their names, and lists them.
    fn commit_records(&self, images: Vec<CheckedImage>) -> Result<Vec<Loaded>> {
        let mut batch = Batch::new();
        let mut complete = Vec::new();
        let mut recorded = HashSet::new();
        {
            let index = self.index();
            for new in images {
                let mut size = 0;
                for chain_id in &new.chain {
                    let record = index.layer(chain_id);
                    let record =
                        record.ok_or_else(|| Error::Damaged(format!("layer {chain_id} is missing")))?;
                    batch.put(Table::Layers, chain_id.to_string(), record)?;
                    size += record.size;
                }
                // An image that is here keeps the blobs it came in, and so does the first of several that are the same.
                if index.image(&new.id).is_none() && recorded.insert(new.id.clone()) {
                    let record = ImageRecord {
                        layers: new.layer_blobs.clone(),
                        manifest: new.manifest.clone(),
                        parent: new.parent.clone(),
                    };
                    batch.put(Table::Images, new.id.to_string(), &record)?;
                }
                for reference in &new.references {
                    batch.put(Table::Tags, reference.to_string(), &new.id)?;
                }
                complete.push((new.references.clone(), new.into_image(size)));
            }
        }
        self.metadata.commit(batch, Durability::Durable)?;
        let mut index = self.index_mut();
        let mut loaded = Vec::new();
        for (references, image) in complete {
            let id = image.id.clone();
            index.insert(Arc::new(image));
            let mut replaced = Vec::new();
            for reference in &references {
                if let Some(old) = index.set_name(reference.clone(), &id) {
                    replaced.push((reference.clone(), old));
                }
            }
            loaded.push(Loaded {
                id,
                references,
                replaced,
            });
        }
        Ok(loaded)
    }
}

/// All that images consist of.
fn pieces(images: &[CheckedImage]) -> Pieces {
    let mut pieces = Pieces::default();
    for image in images {
        pieces.layers.extend_from_slice(&image.chain);
        pieces.blobs.push(image.id.clone());
        let layers = image.layer_blobs.iter().map(|layer| layer.digest.clone());
        pieces.blobs.extend(layers);
        pieces.blobs.extend(image.manifest.clone());
    }
    pieces
}

/// A layer to be unpacked.
struct NewLayer {
    /// Its position in its image.
    number: usize,
    chain_id: ChainId,
    below: Option<ChainId>,
    diff_id: Digest,
    /// Position of its blob.
    blob: usize,
}
