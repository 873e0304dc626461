//! Layers: from a compressed blob to files on disk, verified on the way.

use std::io::{self, Cursor, Read};
use std::path::Path;

use corten_archive::{
    Cancel, Compression, Error, Place, TarReader, UnpackOptions, Unpacked, decompress_in_turn, unpack,
};
use corten_content::Follower;
use corten_types::Digest;
use sha2::{Digest as _, Sha256};

/// Unpacks a layer blob, which may still be on its way, into the empty directory `root`. Returns its diff id, the digest of the
/// uncompressed bytes; none if they are not compressed, since it is the blob's digest then, and nothing is hashed again.
///
/// # Errors
/// As [`corten_archive::unpack`], or when the compression is damaged, or the work cancelled.
pub(crate) fn unpack_blob(
    mut blob: Follower,
    cancel: &Cancel,
    root: &Path,
) -> corten_archive::Result<(Option<Digest>, Unpacked)> {
    let mut start = Vec::new();
    let told_by = Compression::TOLD_BY as u64;
    blob.by_ref()
        .take(told_by)
        .read_to_end(&mut start)
        .map_err(Error::read)?;
    if Compression::of(&start).has_large_window() {
        // Whoever sends it may stand still, and others need such a decoder, too.
        blob.wait_until_whole().map_err(Error::read)?;
    }
    let (bytes, compression) = decompress_in_turn(Cursor::new(start).chain(blob))?;
    let hash = (compression != Compression::None).then(Sha256::new);
    let inner = cancel.reading(bytes);
    let mut archive = TarReader::new(Hashing { inner, hash });
    let place = Place::layer(root).map_err(|error| Error::Unpack {
        operation: "open",
        path: root.display().to_string(),
        source: error.into(),
    })?;
    let unpacked = unpack(&mut archive, place, &UnpackOptions::LAYER)?;
    let mut rest = archive.into_inner();
    if rest.hash.is_some() {
        // The digest is of all bytes, those after the archive's end included.
        io::copy(&mut rest, &mut io::sink()).map_err(Error::read)?;
    }
    let diff_id = rest.hash.map(|hash| Digest::from_sha256(hash.finalize().into()));
    Ok((diff_id, unpacked))
}

/// The digest of `parts` one after another.
pub(crate) fn digest_of(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Digest::from_sha256(hash.finalize().into())
}

/// The chain ids of a stack of layers, lowest first (OCI image specification, "Layer ChainID").
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        chain.push(match chain.last() {
            None => diff_id.clone(),
            Some(below) => digest_of(&[below.as_str().as_bytes(), b" ", diff_id.as_str().as_bytes()]),
        });
    }
    chain
}

/// Hashes what is read through it, if it is to.
struct Hashing<R> {
    inner: R,
    hash: Option<Sha256>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..count]);
        }
        Ok(count)
    }
}
