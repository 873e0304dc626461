//! The image store: what images there are, naming and removing them.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use corten_content::Store as Content;
use corten_metadata::{Batch, Durability, Store as Metadata, Table};
use corten_snapshot::{ChainId, Snapshotter};
use corten_types::{Digest, Reference};

use crate::index::{Index, Pieces, Unused};
use crate::layer::chain_ids;
use crate::record::{ImageRecord, LayerRecord};
use crate::removal::{ContainerUse, Plan, Situation};
use crate::unsynced::Syncing;
use crate::{Error, Image, ImageConfig, Removed, Result, TaggedImage};

/// All images of an engine.
///
/// Reading costs a look into memory. Changes are durable when they return, and all or nothing: memory changes first, then
/// the records, then files that nobody needs any more are removed; a crash in between leaves at most files for
/// [`Images::collect_garbage`].
pub struct Images {
    pub(crate) content: Content,
    pub(crate) snapshots: Arc<dyn Snapshotter>,
    pub(crate) metadata: Arc<Metadata>,
    /// Of the machine's current boot.
    pub(crate) boot_id: String,
    pub(crate) syncing: Syncing,
    index: Arc<RwLock<Index>>,
    /// Held while records and files change, so that nothing is removed while it is being added again. Taken before `index`;
    /// never held while a layer is unpacked.
    changes: Arc<Mutex<()>>,
}

impl Images {
    /// Opens the store over the three below it. `boot_id` is another after each boot of the machine: layers that may not have
    /// reached the disk before the last one are unpacked again.
    ///
    /// # Errors
    /// When records cannot be read. An image whose files are damaged is left out and logged instead.
    pub fn open(
        content: Content,
        snapshots: Arc<dyn Snapshotter>,
        metadata: Arc<Metadata>,
        boot_id: String,
    ) -> Result<Self> {
        let index = Arc::<RwLock<Index>>::default();
        let changes = Arc::<Mutex<()>>::default();
        let syncing = Syncing::start(
            snapshots.clone(),
            metadata.clone(),
            index.clone(),
            changes.clone(),
        )?;
        let images = Self {
            content,
            snapshots,
            metadata,
            boot_id,
            syncing,
            index,
            changes,
        };
        images.read_records()?;
        images.settle_layers();
        Ok(images)
    }

    /// The image that a reference (`nginx`, `nginx:1.27`, `nginx@sha256:…`), an id or the beginning of an id means.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Reference`].
    pub fn get(&self, name: &str) -> Result<TaggedImage> {
        let index = self.index();
        Ok(index.tagged(index.resolve(name)?))
    }

    /// The identifier of the image of this name; for who needs no more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Reference`].
    pub fn id_of(&self, name: &str) -> Result<Digest> {
        Ok(self.index().resolve(name)?.id.clone())
    }

    /// The image of this id.
    pub fn by_id(&self, id: &Digest) -> Option<TaggedImage> {
        let index = self.index();
        Some(index.tagged(index.image(id)?))
    }

    /// All images, ordered by id.
    pub fn list(&self) -> Vec<TaggedImage> {
        self.index().all_tagged()
    }

    /// A directory for files without a name that are needed for a while, see [`corten_archive::receive`].
    pub fn spool(&self) -> &Path {
        self.content.spool()
    }

    /// Bytes in the files of the layer with this chain id.
    pub fn layer_size(&self, chain_id: &ChainId) -> Option<u64> {
        self.index().layer(chain_id).map(|layer| layer.size)
    }

    /// Bytes in the files of all layers, each counted once.
    pub fn layers_size(&self) -> u64 {
        let index = self.index();
        let layers = index.known_layers();
        layers
            .iter()
            .filter_map(|layer| index.layer(layer))
            .map(|layer| layer.size)
            .sum()
    }

    /// Gives the image `source` means the name `target`; returns the image that had it until now, if it was another.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TagWithDigest`], or when the record cannot be written.
    pub fn tag(&self, source: &str, target: &Reference) -> Result<Option<Digest>> {
        if target.digest().is_some() {
            return Err(Error::TagWithDigest);
        }
        let target = target.clone().with_default_tag();
        let _changes = self.changes();
        let id = self.index().resolve(source)?.id.clone();
        let mut batch = Batch::new();
        batch.put(Table::Tags, target.to_string(), &id)?;
        self.metadata.commit(batch, Durability::Durable)?;
        Ok(self.index_mut().set_name(target, &id))
    }

    /// Removes a name of an image, and the image with its last name; or by id the image and all its names. `uses` tells which
    /// containers are made of an image. Parents without a name that nobody needs go, too. What was removed is
    /// returned in Docker's order: names, the image, its layers from the topmost down.
    ///
    /// Layers that a container holds (see [`Images::hold`]) stay until it lets go of them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`], or when records cannot be written; nothing has changed then.
    pub fn remove(
        &self,
        name: &str,
        force: bool,
        uses: impl Fn(&Digest) -> Vec<ContainerUse>,
    ) -> Result<Vec<Removed>> {
        self.remove_with(name, force, true, uses)
    }

    /// As [`Images::remove`]; without `prune`, parents stay.
    ///
    /// # Errors
    /// As [`Images::remove`].
    pub fn remove_with(
        &self,
        name: &str,
        force: bool,
        prune: bool,
        uses: impl Fn(&Digest) -> Vec<ContainerUse>,
    ) -> Result<Vec<Removed>> {
        let _changes = self.changes();
        let mut image = Arc::clone(self.index().resolve(name)?);
        // Not under the index lock: the answer may take locks of the engine, which calls us while it holds them.
        let used = uses(&image.id);
        let (references, children) = self.names_and_children(&image.id);
        let plan = Situation {
            id: &image.id,
            references: &references,
            uses: &used,
            children,
            asked: name,
            force,
        }
        .plan()?;
        let mut deleted = plan.delete;
        let mut removed = self.carry_out(&image, plan)?;
        while deleted && prune {
            let parent = image.parent.as_ref();
            let Some(parent) = parent.and_then(|id| self.index().image(id).cloned()) else {
                break;
            };
            let used = uses(&parent.id);
            let (references, children) = self.names_and_children(&parent.id);
            let situation = Situation {
                id: &parent.id,
                references: &references,
                uses: &used,
                children,
                asked: name,
                force: false,
            };
            deleted = situation.goes_with_child();
            if deleted {
                let untag = Vec::new();
                removed.extend(self.carry_out(&parent, Plan { untag, delete: true })?);
            }
            image = parent;
        }
        Ok(removed)
    }

    fn names_and_children(&self, id: &Digest) -> (Vec<Reference>, bool) {
        let index = self.index();
        (index.references(id), index.has_children(id))
    }

    /// Whether images were committed on this one.
    pub fn has_children(&self, id: &Digest) -> bool {
        self.index().has_children(id)
    }

    /// Does what was decided about an image; `changes` is held.
    fn carry_out(&self, image: &Arc<Image>, plan: Plan) -> Result<Vec<Removed>> {
        let mut batch = Batch::new();
        let mut unused = Unused::default();
        {
            let mut index = self.index_mut();
            for reference in &plan.untag {
                index.remove_name(reference);
                batch.delete(Table::Tags, reference.to_string());
            }
            if plan.delete {
                index.remove(&image.id);
                index.release(&Pieces::of(image));
                unused = index.take_unused();
                batch.delete(Table::Images, image.id.to_string());
                delete_records(&unused, &mut batch);
            }
        }
        if let Err(error) = self.metadata.commit(batch, Durability::Durable) {
            let mut index = self.index_mut();
            index.put_back(unused);
            index.insert(Arc::clone(image));
            for reference in plan.untag {
                index.set_name(reference, &image.id);
            }
            return Err(error.into());
        }
        self.remove_files(&unused);

        let untagged = |reference| Removed::Untagged(reference, image.id.clone());
        let mut removed: Vec<_> = plan.untag.into_iter().map(untagged).collect();
        if plan.delete {
            removed.push(Removed::Deleted(image.id.clone()));
            let topmost_first = image.chain.iter().rev();
            let gone = topmost_first.filter(|layer| unused.layers.contains_key(*layer));
            removed.extend(gone.cloned().map(Removed::LayerDeleted));
        }
        Ok(removed)
    }

    /// Holds an image's layers for the container `key`, and returns the image. As long as they are held they stay, even if
    /// the image is removed. Holding is not recorded: after a restart see [`Images::adopt`].
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn hold(&self, key: &str, id: &Digest) -> Result<Arc<Image>> {
        let mut index = self.index_mut();
        let image = index.image(id).ok_or_else(|| Error::NotFound(id.to_string()))?;
        let image = Arc::clone(image);
        index.hold_for(key, &image.chain);
        Ok(image)
    }

    /// Holds layers again for a container found at a restart, whose image may be gone.
    pub fn adopt(&self, key: &str, chain: &[ChainId]) {
        self.index_mut().hold_for(key, chain);
    }

    /// Ends the hold of the container `key`; layers that nobody uses any more are removed.
    ///
    /// # Errors
    /// When records cannot be written; the layers stay for [`Images::collect_garbage`] then.
    pub fn release(&self, key: &str) -> Result<()> {
        // The usual case, an image that is still there, takes no more than this.
        let has_unused = {
            let mut index = self.index_mut();
            index.release_for(key);
            index.has_unused()
        };
        if has_unused { self.drop_unused() } else { Ok(()) }
    }

    /// Removes every layer and blob that no image and no container uses: what was left by crashes. To be called once after
    /// all containers were adopted. Returns how many went.
    ///
    /// # Errors
    /// When directories cannot be read or records not written.
    pub fn collect_garbage(&self) -> Result<usize> {
        self.drop_unused()?;
        let _changes = self.changes();
        let layers = self.index().known_layers();
        let mut removed = self.snapshots.retain_layers(&layers)?;
        for (digest, _) in self.content.list()? {
            if !self.index().knows_blob(&digest) && self.content.delete(&digest)? {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes what is on disk although nobody uses it.
    pub(crate) fn drop_unused(&self) -> Result<()> {
        let _changes = self.changes();
        let unused = self.index_mut().take_unused();
        let mut batch = Batch::new();
        delete_records(&unused, &mut batch);
        // A record without files does no harm: opening checks.
        let result = self.metadata.commit(batch, Durability::Eventual);
        self.remove_files(&unused);
        Ok(result?)
    }

    /// Removes files that the index does not list any more; `changes` is held, so nobody adds them meanwhile. Failures are
    /// only logged: for the caller they are gone, and garbage collection tries again.
    fn remove_files(&self, unused: &Unused) {
        if !unused.blobs.is_empty() && !self.index().unsynced_layers().is_empty() {
            // A layer that stays, because a container holds it, may have to be made of one of these blobs until it is on disk.
            if let Err(error) = self.snapshots.sync() {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot sync layers");
            }
        }
        for layer in unused.layers.keys() {
            if let Err(error) = self.snapshots.remove_layer(layer) {
                tracing::warn!(%layer, error = &error as &dyn std::error::Error, "layer left behind");
            }
        }
        for blob in &unused.blobs {
            if let Err(error) = self.content.delete(blob) {
                tracing::warn!(%blob, error = &error as &dyn std::error::Error, "blob left behind");
            }
        }
    }

    /// Fills the index.
    fn read_records(&self) -> Result<()> {
        let (layers, images, tags) = self.metadata.read(|records| {
            Ok((
                records.all::<LayerRecord>(Table::Layers)?,
                records.all::<ImageRecord>(Table::Images)?,
                records.all::<Digest>(Table::Tags)?,
            ))
        })?;
        let mut index = self.index_mut();
        for (chain_id, record) in layers {
            let chain_id: ChainId = parse(&chain_id)?;
            // A layer that is not there any more is unpacked again by the next load, or now if it may never have reached the disk.
            if record.unsynced_since.is_some() || self.snapshots.layer_exists(&chain_id) {
                index.layer_is_there(chain_id, record);
            }
        }
        for (id, record) in images {
            let id: Digest = parse(&id)?;
            match self.read_image(&index, &id, record) {
                Ok(image) => {
                    for blob in Pieces::of(&image).blobs {
                        if self.content.exists(&blob) {
                            index.blob_is_there(blob);
                        }
                    }
                    index.insert(Arc::new(image));
                }
                Err(error) => {
                    tracing::error!(%id, error = &error as &dyn std::error::Error, "image left out");
                }
            }
        }
        for (name, id) in tags {
            let reference: Reference = name.parse()?;
            if index.image(&id).is_some() {
                index.set_name(reference, &id);
            }
        }
        Ok(())
    }

    fn read_image(&self, index: &Index, id: &Digest, record: ImageRecord) -> Result<Image> {
        let raw = self.content.read(id)?;
        let config: ImageConfig =
            serde_json::from_slice(&raw).map_err(Error::json(format!("config of {id}")))?;
        let chain = chain_ids(&config.rootfs.diff_ids);
        Ok(Image {
            id: id.clone(),
            config,
            raw,
            size: chain
                .iter()
                .filter_map(|layer| index.layer(layer))
                .map(|layer| layer.size)
                .sum(),
            chain,
            layers: record.layers,
            manifest: record.manifest,
            parent: record.parent,
        })
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changes(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delete_records(unused: &Unused, batch: &mut Batch) {
    for layer in unused.layers.keys() {
        batch.delete(Table::Layers, layer.to_string());
    }
}

fn parse(digest: &str) -> Result<Digest> {
    digest
        .parse()
        .map_err(|_| Error::Damaged(format!("record of {digest:?}")))
}
