//! Image archives: from a tar stream to the images it holds, as staged blobs.

mod docker;
mod docker_manifest;
mod oci;
mod platform;
mod staging;

use std::io::Read;

use corten_archive::{Cancel, TarReader, receive};
use corten_content::{StagedBlob, Store};
use corten_types::{Digest, Reference};

pub(crate) use platform::HOST_ARCHITECTURE;

use crate::early::Early;
use crate::{Error, LayerBlob, Result};
use staging::Staging;
pub(crate) use staging::read_document;

/// One image of an archive; blobs are positions in [`Contents::blobs`].
#[derive(Debug)]
pub(crate) struct ArchivedImage {
    pub(crate) config: usize,
    /// Lowest first.
    pub(crate) layers: Vec<LayerSource>,
    /// The OCI or schema 2 manifest, if the archive has one.
    pub(crate) manifest: Option<usize>,
    pub(crate) references: Vec<Reference>,
    /// The image it is committed on.
    pub(crate) parent: Option<Digest>,
}

/// Where a layer's bytes are.
#[derive(Debug, Clone)]
pub(crate) enum LayerSource {
    /// Staged, at this position of [`Contents::blobs`].
    Staged(usize),
    /// In the store, held by an image.
    Stored(LayerBlob),
}

/// What an archive holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) images: Vec<ArchivedImage>,
    pub(crate) blobs: Vec<StagedBlob>,
}

/// Reads an archive to its end, compressed or not, and begins to unpack what looks like a layer: a docker-archive (`manifest.json`) or an OCI layout (`index.json`).
/// Archives with both are read as the former, as Docker does; their OCI manifests are kept.
///
/// # Errors
/// When the archive is damaged or is neither, or once cancelled.
pub(crate) fn read(
    reader: impl Read,
    content: &Store,
    early: &mut Early<'_>,
    cancel: &Cancel,
) -> Result<Contents> {
    let bytes = receive(reader, content.spool(), cancel)?;
    let staging = Staging::read(TarReader::new(bytes), content, early)?;
    let images = if staging.has(docker::MANIFEST) {
        docker::images(&staging)?
    } else if staging.has(oci::INDEX) {
        oci::images(&staging)?
    } else {
        return Err(Error::Archive(format!(
            "does not contain a {} or {}",
            docker::MANIFEST,
            oci::INDEX
        )));
    };
    Ok(Contents {
        images,
        blobs: staging.into_blobs(),
    })
}
