//! Layers whose files are still on their way to the disk.
//!
//! A load answers once blobs and records are durable. A layer's files, half of what a load writes, may follow: should the
//! machine stop before they do, they are unpacked again from their blob, which is there. So a layer's record names the boot it
//! was unpacked in until its files are known to be on disk; one that names another boot is not to be trusted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use corten_archive::Cancel;
use corten_metadata::{Batch, Durability, Store as Metadata, Table};
use corten_snapshot::{ChainId, Snapshotter};

use crate::index::Index;
use crate::record::LayerRecord;
use crate::unpacking::Unpacking;
use crate::{Error, Images, LayerBlob, Result};

/// Syncs layers on a thread of its own. Dropped, it waits for the sync it is at.
pub(crate) struct Syncing {
    work: Arc<Work>,
    thread: Option<JoinHandle<()>>,
}

struct Work {
    snapshots: Arc<dyn Snapshotter>,
    metadata: Arc<Metadata>,
    index: Arc<RwLock<Index>>,
    /// That of [`Images`].
    changes: Arc<Mutex<()>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    layers: HashSet<ChainId>,
    closed: bool,
}

impl Syncing {
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(
        snapshots: Arc<dyn Snapshotter>,
        metadata: Arc<Metadata>,
        index: Arc<RwLock<Index>>,
        changes: Arc<Mutex<()>>,
    ) -> Result<Self> {
        let work = Arc::new(Work {
            snapshots,
            metadata,
            index,
            changes,
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        let queue = Arc::clone(&work);
        let thread = std::thread::Builder::new()
            .name("sync-layers".to_owned())
            .spawn(move || queue.run());
        Ok(Self {
            work,
            thread: Some(thread.map_err(Error::Thread)?),
        })
    }

    /// Has these layers synced some time soon.
    pub(crate) fn add(&self, layers: impl IntoIterator<Item = ChainId>) {
        self.work.queue().layers.extend(layers);
        self.work.changed.notify_one();
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        self.work.queue().closed = true;
        self.work.changed.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that syncs layers has panicked");
        }
    }
}

impl Work {
    fn run(&self) {
        while let Some(layers) = self.next() {
            if let Err(error) = self.sync(layers) {
                // Their records say so; the next start tries again.
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "layers are not known to be on disk");
            }
        }
    }

    fn next(&self) -> Option<HashSet<ChainId>> {
        let mut queue = self.queue();
        while queue.layers.is_empty() && !queue.closed {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        Some(std::mem::take(&mut queue.layers)).filter(|layers| !layers.is_empty())
    }

    fn sync(&self, layers: HashSet<ChainId>) -> Result<()> {
        self.snapshots.sync()?;
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new();
        let mut synced = Vec::new();
        {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            let queue = self.queue();
            for chain_id in layers {
                // One that was unpacked anew meanwhile waits for the next sync.
                if let Some(record) = index.layer(&chain_id)
                    && !queue.layers.contains(&chain_id)
                {
                    let mut record = record.clone();
                    record.unsynced_since = None;
                    batch.put(Table::Layers, chain_id.to_string(), &record)?;
                    synced.push((chain_id, record));
                }
            }
        }
        self.metadata.commit(batch, Durability::Eventual)?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (chain_id, record) in synced {
            index.layer_is_there(chain_id, record);
        }
        Ok(())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Images {
    /// Sees to the layers that were not known to be on disk when the daemon ended: those of this boot are synced, those of
    /// another unpacked again. Of those no image needs any more, which cannot be unpacked, the files are taken as they are.
    pub(crate) fn settle_layers(&self) {
        let unsynced = self.index().unsynced_layers();
        let (kept, lost): (HashMap<_, _>, HashMap<_, _>) = unsynced
            .into_iter()
            .partition(|(_, record)| record.unsynced_since.as_ref() == Some(&self.boot_id));
        self.syncing.add(kept.into_keys());
        if lost.is_empty() {
            return;
        }
        tracing::info!(
            layers = lost.len(),
            "unpacking layers anew that may not have reached the disk"
        );
        for (chain_id, below, blob) in self.sources(&lost) {
            let remade = self.unpack_again(&chain_id, below.as_ref(), &blob, &lost[&chain_id]);
            if let Err(error) = remade {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%chain_id, error, "layer cannot be unpacked anew");
                self.index_mut().layer_is_gone(&chain_id);
            }
        }
    }

    /// What is needed to unpack these layers, lower ones first, each once: the layer below and the blob.
    fn sources(&self, layers: &HashMap<ChainId, LayerRecord>) -> Vec<(ChainId, Option<ChainId>, LayerBlob)> {
        let mut seen = HashSet::new();
        let mut sources = Vec::new();
        for tagged in self.list() {
            let image = tagged.image;
            for (number, (chain_id, blob)) in image.chain.iter().zip(&image.layers).enumerate() {
                if layers.contains_key(chain_id) && seen.insert(chain_id.clone()) {
                    let below = number.checked_sub(1).map(|below| image.chain[below].clone());
                    sources.push((chain_id.clone(), below, blob.clone()));
                }
            }
        }
        sources
    }

    fn unpack_again(
        &self,
        chain_id: &ChainId,
        below: Option<&ChainId>,
        blob: &LayerBlob,
        record: &LayerRecord,
    ) -> Result<()> {
        let mut unpacking = Unpacking::new(Arc::clone(&self.snapshots), &Cancel::new());
        let begun = unpacking.begin(self.content.follow(&blob.digest)?);
        let layer = unpacking.finish(&begun)?;
        let found = layer.diff_id.as_ref().unwrap_or(&blob.digest);
        if *found != record.diff_id {
            return Err(Error::Damaged(format!(
                "blob {} of layer {chain_id}",
                blob.digest
            )));
        }
        let record = LayerRecord {
            unsynced_since: Some(self.boot_id.clone()),
            ..record.clone()
        };
        let mut batch = Batch::new();
        batch.put(Table::Layers, chain_id.to_string(), &record)?;
        self.snapshots.remove_layer(chain_id)?;
        let root_like = below.filter(|_| !layer.unpacked.has_root);
        self.snapshots.commit_layer(layer.stage, chain_id, root_like)?;
        self.metadata.commit(batch, Durability::Durable)?;
        self.index_mut().layer_is_there(chain_id.clone(), record);
        self.syncing.add([chain_id.clone()]);
        Ok(())
    }
}
