//! Loading images: from an archive to layers on disk, all of its images or none.
//!
//! 1. The archive is read to its end into staged blobs, and its manifests are checked against them.
//! 2. The layers that are not there yet are unpacked, several at a time, into staged directories, and verified.
//! 3. Under the lock for changes, layers and blobs are renamed to their places, synced, and the records committed.
//!
//! Whatever fails, staged files vanish as they are dropped, and what step 3 had renamed already is removed because nobody
//! comes to use it.

use std::collections::HashSet;
use std::io::Read;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use corten_archive::Unpacked;
use corten_content::StagedBlob;
use corten_metadata::{Batch, Durability, Table};
use corten_snapshot::{ChainId, LayerStage};
use corten_types::{Digest, Reference};

use crate::archive::{self, ArchivedImage, Contents, LayerSource};
use crate::index::{Pieces, canonical};
use crate::layer::{chain_ids, unpack_blob};
use crate::record::{ImageRecord, LayerRecord};
use crate::{Error, Image, ImageConfig, Images, LayerBlob, Loaded, Result};

impl Images {
    /// Loads all images of an archive: docker-archive or OCI layout, plain, gzip or zstd, layers likewise. The archive is
    /// read to its end. Several loads may run at once.
    ///
    /// # Errors
    /// When the archive is damaged, lies about its contents or holds no image for this machine, or when the disk fails;
    /// nothing has changed then.
    pub fn load(&self, archive: impl Read) -> Result<Vec<Loaded>> {
        self.add(archive::read(archive, &self.content)?)
    }

    /// Adds staged images.
    pub(crate) fn add(&self, contents: Contents) -> Result<Vec<Loaded>> {
        let Contents { images, blobs } = contents;
        let images = images
            .into_iter()
            .map(|image| NewImage::check(image, &blobs))
            .collect::<Result<Vec<_>>>()?;
        // Dropped after the lock below: letting go takes that lock.
        let hold = Hold::new(self, &images);
        let missing = self.missing_layers(&images);
        let layers = self.unpack_layers(missing, &blobs)?;
        let _changes = self.changes();
        self.check_stored(&images)?;
        self.commit_files(layers, &hold, blobs)?;
        self.commit_records(images)
    }

    /// Makes sure that what new images take over from one that is here has not gone with it meanwhile; now they hold it.
    fn check_stored(&self, images: &[NewImage]) -> Result<()> {
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
    fn missing_layers(&self, images: &[NewImage]) -> Vec<NewLayer> {
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

    /// Unpacks layers, as many at a time as there are processors.
    fn unpack_layers(&self, layers: Vec<NewLayer>, blobs: &[StagedBlob]) -> Result<Vec<UnpackedLayer>> {
        let threads = std::thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(layers.len());
        if threads <= 1 {
            return layers
                .into_iter()
                .map(|layer| self.unpack_layer(layer, blobs))
                .collect();
        }
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<Option<Result<UnpackedLayer>>>> =
            Mutex::new(layers.iter().map(|_| None).collect());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(layer) = layers.get(at) else { return };
                        let result = self.unpack_layer(layer.clone(), blobs);
                        if result.is_err() {
                            // No use in unpacking the rest.
                            next.store(layers.len(), Ordering::Relaxed);
                        }
                        done.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(result);
                    }
                });
            }
        });
        // Layers after a failed one may be missing; the failure comes before them.
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut unpacked = Vec::with_capacity(done.len());
        let mut missing = false;
        for layer in done {
            match layer {
                Some(layer) => unpacked.push(layer?),
                None => missing = true,
            }
        }
        if missing {
            return Err(Error::Damaged("a layer was not unpacked".to_owned()));
        }
        Ok(unpacked)
    }

    fn unpack_layer(&self, layer: NewLayer, blobs: &[StagedBlob]) -> Result<UnpackedLayer> {
        let stage = self.snapshots.begin_layer()?;
        let blob = &blobs[layer.blob];
        let (found, unpacked) =
            unpack_blob(blob.open()?, blob.digest(), stage.dir()).map_err(Error::layer)?;
        if found != layer.diff_id {
            return Err(Error::DiffId {
                number: layer.number,
                expected: layer.diff_id,
                found,
            });
        }
        Ok(UnpackedLayer {
            layer,
            stage,
            unpacked,
        })
    }

    /// Puts layers and blobs in their places and syncs them.
    fn commit_files(
        &self,
        layers: Vec<UnpackedLayer>,
        hold: &Hold<'_>,
        blobs: Vec<StagedBlob>,
    ) -> Result<()> {
        for UnpackedLayer {
            layer,
            stage,
            unpacked,
        } in layers
        {
            let root_like = layer.below.as_ref().filter(|_| !unpacked.has_root);
            self.snapshots.commit_layer(stage, &layer.chain_id, root_like)?;
            let record = LayerRecord {
                diff_id: layer.diff_id,
                size: unpacked.size,
            };
            self.index_mut().layer_is_there(layer.chain_id, record);
        }
        let mut wanted: HashSet<&Digest> = hold.pieces.blobs.iter().collect();
        let blobs: Vec<StagedBlob> = {
            let index = self.index();
            let is_new = |blob: &StagedBlob| wanted.remove(blob.digest()) && !index.has_blob(blob.digest());
            blobs.into_iter().filter(is_new).collect()
        };
        let digests: Vec<Digest> = blobs.iter().map(|blob| blob.digest().clone()).collect();
        // Always, even if all layers were there: another load may have renamed them and not have synced yet.
        self.snapshots.sync()?;
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
    fn commit_records(&self, images: Vec<NewImage>) -> Result<Vec<Loaded>> {
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

/// An image of an archive, its documents read and found to agree.
struct NewImage {
    id: Digest,
    config: ImageConfig,
    raw: Vec<u8>,
    chain: Vec<ChainId>,
    layers: Vec<LayerSource>,
    layer_blobs: Vec<LayerBlob>,
    manifest: Option<Digest>,
    references: Vec<Reference>,
    parent: Option<Digest>,
}

impl NewImage {
    fn check(archived: ArchivedImage, blobs: &[StagedBlob]) -> Result<Self> {
        let config_blob = &blobs[archived.config];
        let raw = archive::read_document(config_blob, "image configuration")?;
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

    fn into_image(self, size: u64) -> Image {
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

/// A layer to be unpacked.
#[derive(Clone)]
struct NewLayer {
    /// Its position in its image.
    number: usize,
    chain_id: ChainId,
    below: Option<ChainId>,
    diff_id: Digest,
    /// Position of its blob.
    blob: usize,
}

struct UnpackedLayer {
    layer: NewLayer,
    stage: LayerStage,
    unpacked: Unpacked,
}

/// The use that a load makes of layers and blobs while it is at work; it keeps others from removing them.
struct Hold<'a> {
    images: &'a Images,
    pieces: Pieces,
}

impl<'a> Hold<'a> {
    fn new(images: &'a Images, new: &[NewImage]) -> Self {
        let mut pieces = Pieces::default();
        for image in new {
            pieces.layers.extend_from_slice(&image.chain);
            pieces.blobs.push(image.id.clone());
            pieces
                .blobs
                .extend(image.layer_blobs.iter().map(|layer| layer.digest.clone()));
            pieces.blobs.extend(image.manifest.clone());
        }
        images.index_mut().hold(&pieces);
        Self { images, pieces }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let has_unused = {
            let mut index = self.images.index_mut();
            index.release(&self.pieces);
            index.has_unused()
        };
        if has_unused && let Err(error) = self.images.drop_unused() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "leftovers of a failed load remain"
            );
        }
    }
}
