//! Images of an OCI image layout (OCI image specification, "Image Layout", "Image Index", "Image Manifest").

use std::collections::HashMap;

use corten_types::{Digest, Reference};
use serde::Deserialize;

use super::platform::{HOST_ARCHITECTURE, Platform};
use super::staging::Staging;
use super::{ArchivedImage, LayerSource};
use crate::serde_null::null_default;
use crate::{Error, Result};

/// Name of the file that makes an archive an OCI layout.
pub(super) const INDEX: &str = "index.json";

const INDEX_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const CONFIG_TYPES: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
/// Written by containerd and Docker: the whole reference.
const IMAGE_NAME: &str = "io.containerd.image.name";
/// The specification's: often a tag only.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Indexes may nest; real ones do so once.
const MAX_NESTING: usize = 4;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: Digest,
    platform: Option<Platform>,
    #[serde(default, deserialize_with = "null_default")]
    annotations: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default, deserialize_with = "null_default")]
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    config: Descriptor,
    #[serde(default, deserialize_with = "null_default")]
    layers: Vec<Descriptor>,
}

pub(super) fn images(staging: &Staging) -> Result<Vec<ArchivedImage>> {
    let index: Index = staging.json(staging.file(INDEX)?, INDEX)?;
    let mut images: Vec<ArchivedImage> = Vec::new();
    for descriptor in for_host(index.manifests) {
        let Some(mut image) = image(staging, &descriptor, MAX_NESTING)? else {
            continue;
        };
        image.references.extend(reference(&descriptor));
        // Writers list an image once per tag.
        match images.iter_mut().find(|known| known.config == image.config) {
            Some(known) => known.references.append(&mut image.references),
            None => images.push(image),
        }
    }
    if images.is_empty() {
        return Err(Error::Platform(format!(
            "no matching manifest for linux/{HOST_ARCHITECTURE} in the manifest list entries"
        )));
    }
    Ok(images)
}

/// Every manifest reachable from the index, by the digest of its configuration. An archive whose `manifest.json` is whole
/// may well lack parts of its index; those are passed over.
pub(super) fn manifests_by_config(staging: &Staging) -> HashMap<Digest, usize> {
    let mut found = HashMap::new();
    let Ok(Index { manifests }) = staging.file(INDEX).and_then(|index| staging.json(index, INDEX)) else {
        return found;
    };
    for descriptor in manifests {
        if let Ok(Some(ArchivedImage {
            config,
            manifest: Some(manifest),
            ..
        })) = image(staging, &descriptor, MAX_NESTING)
        {
            found.insert(staging.digest(config).clone(), manifest);
        }
    }
    found
}

/// The image a descriptor leads to; none if it is something else than an image, such as an attestation.
fn image(staging: &Staging, descriptor: &Descriptor, nesting: usize) -> Result<Option<ArchivedImage>> {
    let what = format!("manifest {}", descriptor.digest);
    if INDEX_TYPES.contains(&descriptor.media_type.as_str()) {
        if nesting == 0 {
            return Err(Error::Archive("indexes are nested too deeply".to_owned()));
        }
        let index: Index = staging.json(staging.blob(&descriptor.digest)?, &what)?;
        for inner in for_host(index.manifests) {
            if let Some(image) = image(staging, &inner, nesting - 1)? {
                return Ok(Some(image));
            }
        }
        return Ok(None);
    }
    if !MANIFEST_TYPES.contains(&descriptor.media_type.as_str()) {
        return Ok(None);
    }
    let manifest = staging.blob(&descriptor.digest)?;
    let Manifest { config, layers } = staging.json(manifest, &what)?;
    if !CONFIG_TYPES.contains(&config.media_type.as_str()) {
        return Ok(None);
    }
    Ok(Some(ArchivedImage {
        config: staging.blob(&config.digest)?,
        layers: layers
            .iter()
            .map(|layer| staging.blob(&layer.digest).map(LayerSource::Staged))
            .collect::<Result<_>>()?,
        manifest: Some(manifest),
        references: Vec::new(),
        parent: None,
    }))
}

/// Descriptors for this machine, and those that do not say for which.
fn for_host(mut descriptors: Vec<Descriptor>) -> Vec<Descriptor> {
    descriptors.retain(|descriptor| descriptor.platform.as_ref().is_none_or(Platform::is_host));
    descriptors
}

/// The name an image was saved under. A bare word is a tag without a repository, which names nothing here.
fn reference(descriptor: &Descriptor) -> Option<Reference> {
    let whole = descriptor.annotations.get(IMAGE_NAME);
    let name = whole.or_else(|| {
        descriptor
            .annotations
            .get(REF_NAME)
            .filter(|name| name.contains([':', '/']))
    })?;
    match name.parse::<Reference>() {
        Ok(reference) if reference.digest().is_some() => {
            tracing::warn!(
                name,
                "image in archive is named by a digest, which is no name to give"
            );
            None
        }
        Ok(reference) => Some(reference.with_default_tag()),
        Err(error) => {
            tracing::warn!(
                name,
                error = &error as &dyn std::error::Error,
                "image in archive has no usable name"
            );
            None
        }
    }
}
