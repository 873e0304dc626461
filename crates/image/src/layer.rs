//! Layers: from a compressed blob to files on disk, verified on the way.

use std::io::{self, Read};
use std::path::Path;

use corten_archive::{Error, Place, TarReader, UnpackOptions, Unpacked, decompress, unpack};
use corten_types::Digest;
use sha2::{Digest as _, Sha256};

/// Unpacks a layer blob into the empty directory `root` and returns its diff id, the digest of the uncompressed bytes.
///
/// # Errors
/// As [`corten_archive::unpack`], or when the compression is damaged.
pub(crate) fn unpack_blob(blob: impl Read, root: &Path) -> corten_archive::Result<(Digest, Unpacked)> {
    let hashing = Hashing {
        inner: decompress(blob)?,
        hash: Sha256::new(),
    };
    let mut archive = TarReader::new(hashing);
    let place = Place::layer(root).map_err(|error| Error::Unpack {
        operation: "open",
        path: root.display().to_string(),
        source: error.into(),
    })?;
    let unpacked = unpack(&mut archive, place, &UnpackOptions::LAYER)?;
    // The digest is of all bytes, those after the archive's end included.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(Error::read)?;
    Ok((Digest::from_sha256(rest.hash.finalize().into()), unpacked))
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

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
