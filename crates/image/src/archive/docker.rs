//! Images of a docker-archive, as `docker save` and others write them.

use std::collections::HashMap;

use corten_types::{Digest, Reference};

use super::docker_manifest::DockerManifest;
use super::oci;
use super::staging::Staging;
use super::{ArchivedImage, LayerSource};
use crate::{Error, Result};

/// Name of the file that makes an archive one of Docker's.
pub(super) const MANIFEST: &str = "manifest.json";

/// The name an image gets. A digest is none: whatever has it could pass for what others know by it.
fn name(tag: &str) -> Result<Reference> {
    let reference = tag.parse::<Reference>()?;
    if reference.digest().is_some() {
        return Err(Error::Archive(format!("invalid tag {tag:?}")));
    }
    Ok(reference.with_default_tag())
}

pub(super) fn images(staging: &Staging) -> Result<Vec<ArchivedImage>> {
    let listed: Vec<DockerManifest> = staging.json(staging.file(MANIFEST)?, MANIFEST)?;
    // Docker 25 and later write an OCI layout into the same archive.
    let manifests: HashMap<Digest, usize> = match staging.has(oci::INDEX) {
        true => oci::manifests_by_config(staging),
        false => HashMap::new(),
    };
    let image = |listed: DockerManifest| {
        let config = staging.file(&listed.config)?;
        let layers = listed
            .layers
            .iter()
            .map(|name| staging.file(name).map(LayerSource::Staged))
            .collect::<Result<_>>()?;
        let references = listed.repo_tags.iter().map(|tag| name(tag));
        Ok(ArchivedImage {
            config,
            layers,
            manifest: manifests.get(staging.digest(config)).copied(),
            references: references.collect::<Result<_>>()?,
            parent: None,
        })
    };
    listed.into_iter().map(image).collect()
}
