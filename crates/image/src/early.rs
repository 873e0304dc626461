//! Layers unpacked while their archive is still being read.
//!
//! What an archive's files are is told by its manifest, which comes last. So whatever looks like a layer is unpacked as it
//! comes in, and thrown away if it turns out not to be wanted. The waste is bounded: files whose digest the store knows are left
//! alone, and so is everything when many already wait, or where space is scarce.

use std::collections::HashMap;

use corten_archive::Compression;
use corten_content::{Follower, StagedBlob};
use corten_types::Digest;

use crate::unpacking::{Begun, UnpackedLayer, Unpacking};
use crate::{Images, Result};

/// Where a tar says that it is one.
const MAGIC: std::ops::Range<usize> = 257..262;
/// Layers that may wait for a thread.
const MAX_WAITING: usize = 64;
/// So many times a file's size must be free for it to be unpacked early: it may be compressed, and the space may be wanted for
/// the rest of the archive.
const SPARE: u64 = 16;

/// The first bytes of a file, as many as tell whether it may be a layer; zeros where it is shorter.
pub(crate) type Start = [u8; MAGIC.end];

/// The layers of one archive that are being unpacked.
pub(crate) struct Early<'a> {
    images: &'a Images,
    unpacking: Unpacking,
    begun: HashMap<Digest, Begun>,
    /// Files that are not named by their digest may be known, too: one was.
    wary: bool,
}

impl<'a> Early<'a> {
    pub(crate) fn new(images: &'a Images, unpacking: Unpacking) -> Self {
        Self {
            images,
            unpacking,
            begun: HashMap::new(),
            wary: false,
        }
    }

    /// A file of the archive comes in, or has: `size` bytes that begin with `start` and have, if it is known, this digest.
    pub(crate) fn incoming(
        &mut self,
        blob: Follower,
        size: u64,
        start: &Start,
        digest: Option<&Digest>,
    ) -> Option<Begun> {
        let promising = match digest {
            Some(digest) => !self.is_known(digest),
            None => !self.wary,
        };
        let affordable = || self.images.content.free_space() / SPARE >= size;
        let early =
            promising && looks_like_a_layer(start) && self.unpacking.waiting() < MAX_WAITING && affordable();
        early.then(|| self.unpacking.begin(blob))
    }

    /// A blob comes in that is a layer for certain.
    pub(crate) fn layer(&mut self, blob: Follower) -> Begun {
        self.unpacking.begin(blob)
    }

    /// A blob turns out to have this digest. `begun` is what came of it so far.
    pub(crate) fn complete(&mut self, digest: &Digest, begun: Option<Begun>) {
        if self.is_known(digest) {
            self.wary = true;
        } else if let Some(begun) = begun {
            self.begun.insert(digest.clone(), begun);
        }
    }

    /// Has the layers of these blobs unpacked, those that were not begun yet as well, and gives up all others.
    pub(crate) fn finish(mut self, wanted: &[&StagedBlob]) -> Vec<Result<UnpackedLayer>> {
        let begun = wanted.iter().map(|blob| {
            let begun = self.begun.remove(blob.digest());
            begun.unwrap_or_else(|| self.unpacking.begin(blob.follow()))
        });
        let begun: Vec<Begun> = begun.collect();
        self.begun.clear();
        begun.iter().map(|begun| self.unpacking.finish(begun)).collect()
    }

    fn is_known(&self, digest: &Digest) -> bool {
        self.begun.contains_key(digest) || self.images.index().has_blob(digest)
    }
}

fn looks_like_a_layer(start: &Start) -> bool {
    Compression::of(start) != Compression::None || start[MAGIC] == *b"ustar"
}
