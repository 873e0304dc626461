//! Layers: from a compressed blob to files on disk, verified on the way.

use std::io::{self, Read};
use std::path::Path;

use corten_archive::{Error, Place, TarReader, UnpackOptions, Unpacked, decompress_or_pass, unpack};
use corten_types::Digest;
use sha2::{Digest as _, Sha256};

/// Unpacks a layer blob into the empty directory `root` and returns its diff id, the digest of the uncompressed bytes. That of
/// the blob is `stored`: of one that is not compressed it is the diff id, and nothing is hashed again.
///
/// # Errors
/// As [`corten_archive::unpack`], or when the compression is damaged.
pub(crate) fn unpack_blob(
    blob: impl Read,
    stored: &Digest,
    root: &Path,
) -> corten_archive::Result<(Digest, Unpacked)> {
    let (bytes, compressed) = decompress_or_pass(blob)?;
    let hash = compressed.then(Sha256::new);
    let mut archive = TarReader::new(Hashing { inner: bytes, hash });
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
    let diff_id = match rest.hash {
        Some(hash) => Digest::from_sha256(hash.finalize().into()),
        None => stored.clone(),
    };
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
