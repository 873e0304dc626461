//! All images in memory: names, ids, and who uses which layer and blob. Pure data, no I/O.
//!
//! Layers and blobs are counted: an image counts once for each of its own, and so does whoever else holds them, a load in
//! progress or a container. What nobody uses any more is handed back to the caller, who removes it from disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use corten_snapshot::ChainId;
use corten_types::{Digest, Reference};

use crate::record::LayerRecord;
use crate::{Error, Image, Result, TaggedImage};

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    images: BTreeMap<Digest, Arc<Image>>,
    /// By normalised text.
    names: BTreeMap<String, (Reference, Digest)>,
    layers: HashMap<ChainId, Piece<LayerRecord>>,
    blobs: HashMap<Digest, Piece<()>>,
    /// Chains of containers, by the container's key.
    holders: HashMap<String, Vec<ChainId>>,
}

/// A layer or blob.
#[derive(Debug)]
struct Piece<T> {
    users: usize,
    /// What is on disk; none while it is still to come.
    there: Option<T>,
}

/// What is on disk and used by nobody.
#[derive(Debug, Default)]
pub(crate) struct Unused {
    pub(crate) layers: HashMap<ChainId, LayerRecord>,
    pub(crate) blobs: Vec<Digest>,
}

/// Layers and blobs.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pub(crate) layers: Vec<ChainId>,
    pub(crate) blobs: Vec<Digest>,
}

impl Pieces {
    pub(crate) fn of(image: &Image) -> Self {
        let mut blobs = vec![image.id.clone()];
        blobs.extend(image.layers.iter().map(|layer| layer.digest.clone()));
        blobs.extend(image.manifest.clone());
        Self {
            layers: image.chain.clone(),
            blobs,
        }
    }
}

impl Index {
    /// The image a reference, an id or the beginning of an id means; in this order, as Docker looks.
    pub(crate) fn resolve(&self, name: &str) -> Result<&Arc<Image>> {
        let hex = name.strip_prefix("sha256:").unwrap_or(name);
        if let Ok(id) = Digest::from_hex(hex) {
            return self
                .images
                .get(&id)
                .ok_or_else(|| Error::NotFound(id.to_string()));
        }
        let reference = name.parse::<Reference>().map(canonical);
        let not_found = || match &reference {
            Ok(reference) => Error::NotFound(reference.familiar()),
            Err(_) => Error::NotFound(name.to_owned()),
        };
        if let Ok(reference) = &reference
            && let Some((_, id)) = self.names.get(&reference.to_string())
        {
            return self.images.get(id).ok_or_else(not_found);
        }
        match self.by_prefix(hex) {
            Some(image) => Ok(image),
            None => match reference {
                // 64 digits never get here: they are an id.
                Err(error) if name.is_empty() || !is_hex(hex) => Err(error.into()),
                _ => Err(not_found()),
            },
        }
    }

    /// The only image whose id begins with these digits.
    fn by_prefix(&self, hex: &str) -> Option<&Arc<Image>> {
        if hex.is_empty() || !is_hex(hex) {
            return None;
        }
        let mut matching = self
            .images
            .values()
            .filter(|image| image.id.hex().starts_with(hex));
        let first = matching.next()?;
        matching.next().is_none().then_some(first)
    }

    pub(crate) fn image(&self, id: &Digest) -> Option<&Arc<Image>> {
        self.images.get(id)
    }

    pub(crate) fn tagged(&self, image: &Arc<Image>) -> TaggedImage {
        let (digests, tags) = self
            .references(&image.id)
            .into_iter()
            .partition(|reference| reference.digest().is_some());
        TaggedImage {
            image: Arc::clone(image),
            tags,
            digests,
        }
    }

    /// Every image with its names, in one pass over the names.
    pub(crate) fn all_tagged(&self) -> Vec<TaggedImage> {
        let mut names: HashMap<&Digest, (Vec<Reference>, Vec<Reference>)> = HashMap::new();
        for (reference, id) in self.names.values() {
            let (tags, digests) = names.entry(id).or_default();
            let list = if reference.digest().is_some() {
                digests
            } else {
                tags
            };
            list.push(reference.clone());
        }
        let tagged = |image: &Arc<Image>| {
            let (tags, digests) = names.remove(&image.id).unwrap_or_default();
            let image = Arc::clone(image);
            TaggedImage { image, tags, digests }
        };
        self.images.values().map(tagged).collect()
    }

    /// All names of an image, in alphabetical order.
    pub(crate) fn references(&self, id: &Digest) -> Vec<Reference> {
        let of_image = self.names.values().filter(|(_, named)| named == id);
        of_image.map(|(reference, _)| reference.clone()).collect()
    }

    /// Names an image; returns which one had the name before, if it was another.
    pub(crate) fn set_name(&mut self, reference: Reference, id: &Digest) -> Option<Digest> {
        let old = self.names.insert(reference.to_string(), (reference, id.clone()));
        old.map(|(_, id)| id).filter(|old| old != id)
    }

    /// Every tag of a repository, with its image.
    pub(crate) fn tags_of(&self, repository: &Reference) -> Vec<(&Reference, &Arc<Image>)> {
        let same = |reference: &Reference| {
            reference.digest().is_none()
                && reference.domain() == repository.domain()
                && reference.path() == repository.path()
        };
        let named = self.names.values().filter(|(reference, _)| same(reference));
        named
            .filter_map(|(reference, id)| Some((reference, self.images.get(id)?)))
            .collect()
    }

    /// Whether an image was committed on this one.
    pub(crate) fn has_children(&self, id: &Digest) -> bool {
        self.images
            .values()
            .any(|image| image.parent.as_ref() == Some(id))
    }

    pub(crate) fn remove_name(&mut self, reference: &Reference) {
        self.names.remove(&reference.to_string());
    }

    /// Adds an image, which from now on uses its layers and blobs.
    pub(crate) fn insert(&mut self, image: Arc<Image>) {
        if !self.images.contains_key(&image.id) {
            self.hold(&Pieces::of(&image));
            self.images.insert(image.id.clone(), image);
        }
    }

    /// Takes an image out; the caller releases its pieces.
    pub(crate) fn remove(&mut self, id: &Digest) -> Option<Arc<Image>> {
        self.images.remove(id)
    }

    /// Counts one more user of each.
    pub(crate) fn hold(&mut self, pieces: &Pieces) {
        for layer in &pieces.layers {
            self.layers.entry(layer.clone()).or_insert(Piece::MISSING).users += 1;
        }
        for blob in &pieces.blobs {
            self.blobs.entry(blob.clone()).or_insert(Piece::MISSING).users += 1;
        }
    }

    /// Counts one user less of each. What nobody uses any more stays listed until [`Index::take_unused`].
    pub(crate) fn release(&mut self, pieces: &Pieces) {
        release(&mut self.layers, &pieces.layers);
        release(&mut self.blobs, &pieces.blobs);
    }

    /// Whether there is anything on disk that nobody uses.
    pub(crate) fn has_unused(&self) -> bool {
        self.layers.values().any(Piece::is_unused) || self.blobs.values().any(Piece::is_unused)
    }

    /// Takes out what is on disk although nobody uses it, to be removed from there.
    pub(crate) fn take_unused(&mut self) -> Unused {
        Unused {
            layers: take_unused(&mut self.layers),
            blobs: take_unused(&mut self.blobs).into_keys().collect(),
        }
    }

    /// Undoes [`Index::take_unused`].
    pub(crate) fn put_back(&mut self, unused: Unused) {
        for (chain_id, record) in unused.layers {
            self.layer_is_there(chain_id, record);
        }
        for blob in unused.blobs {
            self.blob_is_there(blob);
        }
    }

    /// Notes a layer on disk.
    pub(crate) fn layer_is_there(&mut self, chain_id: ChainId, record: LayerRecord) {
        self.layers.entry(chain_id).or_insert(Piece::MISSING).there = Some(record);
    }

    /// Notes that a layer's files are lost; it stays held by whom it is.
    pub(crate) fn layer_is_gone(&mut self, chain_id: &ChainId) {
        if let Some(layer) = self.layers.get_mut(chain_id) {
            layer.there = None;
        }
    }

    /// The layers whose files are not known to be on disk.
    pub(crate) fn unsynced_layers(&self) -> Vec<(ChainId, LayerRecord)> {
        let layers = self.layers.iter();
        layers
            .filter_map(|(chain_id, layer)| Some((chain_id, layer.there.as_ref()?)))
            .filter(|(_, record)| record.unsynced_since.is_some())
            .map(|(chain_id, record)| (chain_id.clone(), record.clone()))
            .collect()
    }

    /// Notes a blob on disk.
    pub(crate) fn blob_is_there(&mut self, digest: Digest) {
        self.blobs.entry(digest).or_insert(Piece::MISSING).there = Some(());
    }

    pub(crate) fn layer(&self, chain_id: &ChainId) -> Option<&LayerRecord> {
        self.layers.get(chain_id)?.there.as_ref()
    }

    pub(crate) fn has_blob(&self, digest: &Digest) -> bool {
        self.blobs.get(digest).is_some_and(|blob| blob.there.is_some())
    }

    /// Whether anybody knows of the blob, on disk or to come.
    pub(crate) fn knows_blob(&self, digest: &Digest) -> bool {
        self.blobs.contains_key(digest)
    }

    /// All layers anybody knows of, on disk or to come.
    pub(crate) fn known_layers(&self) -> Vec<ChainId> {
        self.layers.keys().cloned().collect()
    }

    /// A container's use of its layers. A key that holds already keeps what it holds.
    pub(crate) fn hold_for(&mut self, key: &str, chain: &[ChainId]) {
        if self.holders.contains_key(key) {
            return;
        }
        self.holders.insert(key.to_owned(), chain.to_vec());
        let pieces = Pieces {
            layers: chain.to_vec(),
            blobs: Vec::new(),
        };
        self.hold(&pieces);
    }

    /// Ends a container's use.
    pub(crate) fn release_for(&mut self, key: &str) {
        let layers = self.holders.remove(key).unwrap_or_default();
        let blobs = Vec::new();
        self.release(&Pieces { layers, blobs });
    }
}

impl<T> Piece<T> {
    const MISSING: Self = Self {
        users: 0,
        there: None,
    };

    fn is_unused(&self) -> bool {
        self.users == 0 && self.there.is_some()
    }
}

fn release<T>(pieces: &mut HashMap<Digest, Piece<T>>, keys: &[Digest]) {
    for key in keys {
        let Some(piece) = pieces.get_mut(key) else {
            continue;
        };
        piece.users = piece.users.saturating_sub(1);
        if piece.users == 0 && piece.there.is_none() {
            pieces.remove(key);
        }
    }
}

fn take_unused<T>(pieces: &mut HashMap<Digest, Piece<T>>) -> HashMap<Digest, T> {
    let unused = pieces.extract_if(|_, piece| piece.is_unused());
    unused
        .filter_map(|(key, piece)| Some((key, piece.there?)))
        .collect()
}

/// The form under which names are listed: with a tag or a digest, never both (the digest says more).
pub(crate) fn canonical(reference: Reference) -> Reference {
    match (reference.tag(), reference.digest()) {
        (Some(_), Some(digest)) => {
            let text = format!("{}@{digest}", reference.familiar_name());
            text.parse().unwrap_or(reference)
        }
        _ => reference.with_default_tag(),
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
