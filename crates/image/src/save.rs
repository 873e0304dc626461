//! Saving images: a tar stream that is a docker-archive and an OCI layout at once, as Docker writes since release 25.
//!
//! Blobs come out as they are kept, compressed or not, so that nothing is compressed or unpacked on the way; only zstd, which
//! older releases of Docker cannot read, is taken off. Identifiers stay: the configuration is never touched, and an image whose
//! blobs come out as they came in keeps the manifest it came with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;

use corten_archive::{Compression, Member, MemberKind, TarWriter, decompress, decompress_in_turn};
use corten_types::{Digest, Reference};
use serde_json::{Value, json};

use crate::archive::HOST_ARCHITECTURE;
use crate::hold::Hold;
use crate::index::{Pieces, canonical};
use crate::layer::digest_of;
use crate::{Error, Image, Images, Result};

const BUFFER: usize = 256 * 1024;
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// An archive about to be written: everything it needs is there and stays until this is dropped.
pub struct Saving<'a> {
    images: &'a Images,
    _hold: Hold<'a>,
    /// Layers and documents by digest.
    blobs: BTreeMap<Digest, Blob>,
    /// Files beside the blobs, sorted by name.
    files: Vec<(&'static str, Vec<u8>)>,
    ids: Vec<Digest>,
}

/// Where a file of the archive comes from.
enum Blob {
    /// A document made for the archive.
    Made(Vec<u8>),
    /// A blob as it is kept.
    Kept { file: File, size: u64 },
    /// A blob that is decompressed on the way out.
    Inflated { file: File, size: u64 },
}

/// A layer as the archive holds it.
struct SavedLayer {
    digest: Digest,
    size: u64,
    media_type: &'static str,
}

impl Images {
    /// Prepares to save the images that `names` mean: references, identifiers, or repositories with all their tags. With
    /// an architecture, each must be for it.
    ///
    /// # Errors
    /// When there is no such image, or a blob of one is missing.
    pub fn prepare_save(&self, names: &[String], architecture: Option<&str>) -> Result<Saving<'_>> {
        let wanted = self.wanted(names)?;
        if let Some(architecture) = architecture {
            for (image, _) in &wanted {
                let own = Some(image.config.architecture.as_str()).filter(|own| !own.is_empty());
                if own.unwrap_or(HOST_ARCHITECTURE) != architecture {
                    return Err(Error::Platform(format!(
                        "image with reference {} was found but does not provide the specified platform (linux/{architecture})",
                        names.first().map(String::as_str).unwrap_or_default()
                    )));
                }
            }
        }
        let mut pieces = Pieces::default();
        for (image, _) in &wanted {
            pieces.blobs.extend(Pieces::of(image).blobs);
        }
        let mut saving = Saving {
            images: self,
            _hold: Hold::new(self, pieces),
            blobs: BTreeMap::new(),
            files: Vec::new(),
            ids: wanted.iter().map(|(image, _)| image.id.clone()).collect(),
        };
        saving.collect(&wanted)?;
        Ok(saving)
    }

    /// The images meant, in the order in which they are first named, with the tags meant.
    fn wanted(&self, names: &[String]) -> Result<Vec<(Arc<Image>, Vec<Reference>)>> {
        let index = self.index();
        let mut wanted: Vec<(Arc<Image>, Vec<Reference>)> = Vec::new();
        let mut add = |image: &Arc<Image>, reference: Option<Reference>| {
            let at = match wanted.iter().position(|(known, _)| known.id == image.id) {
                Some(at) => at,
                None => {
                    wanted.push((Arc::clone(image), Vec::new()));
                    wanted.len() - 1
                }
            };
            if let Some(reference) = reference
                && !wanted[at].1.contains(&reference)
            {
                wanted[at].1.push(reference);
            }
        };
        for name in names {
            let parsed = name.parse::<Reference>();
            let bare = parsed
                .as_ref()
                .ok()
                .filter(|reference| reference.tag().is_none() && reference.digest().is_none());
            if let Some(repository) = bare {
                let tags = index.tags_of(repository);
                if !tags.is_empty() {
                    for (reference, image) in tags {
                        add(image, Some(reference.clone()));
                    }
                    continue;
                }
            }
            let image = index.resolve(name).map_err(|error| match error {
                // As the user wrote it, if without a tag.
                Error::NotFound(_) if bare.is_some() => Error::NotFound(name.clone()),
                error => error,
            })?;
            let is_id = image
                .id
                .hex()
                .starts_with(name.strip_prefix("sha256:").unwrap_or(name));
            let reference = parsed.ok().filter(|_| !is_id).map(canonical);
            add(image, reference.filter(|reference| reference.digest().is_none()));
        }
        Ok(wanted)
    }
}

impl Saving<'_> {
    /// The images that are saved.
    pub fn images(&self) -> impl Iterator<Item = &Digest> {
        self.ids.iter()
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// When a blob cannot be read, or `out` not be written.
    pub fn write(self, out: impl Write) -> corten_archive::Result<()> {
        let mut tar = TarWriter::new(out);
        for directory in ["blobs/", "blobs/sha256/"] {
            tar.begin(&Member::made(MemberKind::Directory, directory, 0o755, 0))?;
        }
        let mut buffer = vec![0; BUFFER];
        for (digest, blob) in &self.blobs {
            let name = format!("blobs/sha256/{}", digest.hex());
            let copy = |tar: &mut TarWriter<_>, mut from: Box<dyn Read + '_>, buffer: &mut [u8]| loop {
                match from.read(buffer) {
                    Ok(0) => return Ok(()),
                    Ok(count) => tar.data(&buffer[..count])?,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(corten_archive::Error::Read(error)),
                }
            };
            match blob {
                Blob::Made(bytes) => {
                    tar.begin(&file_member(&name, bytes.len() as u64))?;
                    tar.data(bytes)?;
                }
                Blob::Kept { file, size } => {
                    tar.begin(&file_member(&name, *size))?;
                    copy(&mut tar, Box::new(file), &mut buffer)?;
                }
                Blob::Inflated { file, size } => {
                    tar.begin(&file_member(&name, *size))?;
                    copy(&mut tar, decompress(file)?.0, &mut buffer)?;
                }
            }
        }
        for (name, bytes) in &self.files {
            tar.begin(&file_member(name, bytes.len() as u64))?;
            tar.data(bytes)?;
        }
        tar.finish()?;
        Ok(())
    }

    fn collect(&mut self, wanted: &[(Arc<Image>, Vec<Reference>)]) -> Result<()> {
        let mut listed = Vec::new();
        let mut descriptors = Vec::new();
        let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (image, references) in wanted {
            let mut layers = Vec::new();
            let mut as_kept = true;
            for (layer, diff_id) in image.layers.iter().zip(&image.config.rootfs.diff_ids) {
                let saved = self.layer(&layer.digest, layer.size, diff_id)?;
                as_kept &= saved.digest == layer.digest;
                layers.push(saved);
            }
            self.keep(&image.id)?;
            let (manifest, media_type, size) = match image.manifest.as_ref().filter(|_| as_kept) {
                Some(manifest) => self.original(manifest)?,
                None => self.made(image, &layers)?,
            };
            let path = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
            let tags: Vec<String> = references.iter().map(Reference::familiar).collect();
            listed.push(json!({
                "Config": path(&image.id),
                "RepoTags": if tags.is_empty() { Value::Null } else { tags.into() },
                "Layers": layers.iter().map(|layer| path(&layer.digest)).collect::<Vec<_>>(),
            }));
            let descriptor = json!({ "mediaType": media_type, "digest": manifest.to_string(), "size": size });
            if references.is_empty() {
                descriptors.push(descriptor.clone());
            }
            for reference in references {
                let tag = reference.tag().unwrap_or_default().to_owned();
                let mut named = descriptor.clone();
                named["annotations"] = json!({
                    "io.containerd.image.name": reference.to_string(),
                    "org.opencontainers.image.ref.name": tag,
                });
                descriptors.push(named);
                if let Some(top) = layers.last() {
                    let tags = repositories.entry(reference.familiar_name()).or_default();
                    tags.insert(tag, top.digest.hex().to_owned());
                }
            }
        }
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": descriptors,
        });
        self.files = vec![
            ("index.json", index.to_string().into_bytes()),
            ("manifest.json", Value::from(listed).to_string().into_bytes()),
            ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ];
        if !repositories.is_empty() {
            self.files
                .push(("repositories", json!(repositories).to_string().into_bytes()));
        }
        Ok(())
    }

    fn layer(&mut self, digest: &Digest, size: u64, diff_id: &Digest) -> Result<SavedLayer> {
        let mut start = [0; Compression::TOLD_BY];
        let mut file = self.images.content.open_blob(digest)?;
        let count = file.read(&mut start).map_err(Error::Read)?;
        let compression = Compression::of(&start[..count]);
        let plain = "application/vnd.oci.image.layer.v1.tar";
        if compression != Compression::Zstd {
            self.keep(digest)?;
            return Ok(SavedLayer {
                digest: digest.clone(),
                size,
                media_type: if compression == Compression::Gzip {
                    "application/vnd.oci.image.layer.v1.tar+gzip"
                } else {
                    plain
                },
            });
        }
        let size = match self.blobs.get(diff_id) {
            Some(Blob::Inflated { size, .. }) => *size,
            _ => {
                // The size stands before the data, and nothing but reading it all tells it.
                let (mut all, _) = decompress_in_turn(self.images.content.open_blob(digest)?)?;
                let size =
                    std::io::copy(&mut all, &mut std::io::sink()).map_err(corten_archive::Error::read)?;
                let file = self.images.content.open_blob(digest)?;
                self.blobs.insert(diff_id.clone(), Blob::Inflated { file, size });
                size
            }
        };
        Ok(SavedLayer {
            digest: diff_id.clone(),
            size,
            media_type: plain,
        })
    }

    /// Puts a blob into the archive as it is kept.
    fn keep(&mut self, digest: &Digest) -> Result<()> {
        if !self.blobs.contains_key(digest) {
            let size = self.images.content.size(digest)?;
            let file = self.images.content.open_blob(digest)?;
            self.blobs.insert(digest.clone(), Blob::Kept { file, size });
        }
        Ok(())
    }

    /// The manifest an image came with: digest, media type and size.
    fn original(&mut self, digest: &Digest) -> Result<(Digest, String, u64)> {
        let bytes = self.images.content.read(digest)?;
        let manifest: Value =
            serde_json::from_slice(&bytes).map_err(Error::json(format!("manifest {digest}")))?;
        let media_type = manifest["mediaType"].as_str().unwrap_or(MANIFEST_TYPE).to_owned();
        let size = bytes.len() as u64;
        self.blobs.insert(digest.clone(), Blob::Made(bytes));
        Ok((digest.clone(), media_type, size))
    }

    /// A manifest made for the archive; the same each time.
    fn made(&mut self, image: &Image, layers: &[SavedLayer]) -> Result<(Digest, String, u64)> {
        let descriptor = |layer: &SavedLayer| {
            json!({
                "mediaType": layer.media_type,
                "digest": layer.digest.to_string(),
                "size": layer.size,
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": image.id.to_string(),
                "size": image.raw.len(),
            },
            "layers": layers.iter().map(descriptor).collect::<Vec<_>>(),
        });
        let bytes = manifest.to_string().into_bytes();
        let digest = digest_of(&[&bytes]);
        let size = bytes.len() as u64;
        self.blobs.insert(digest.clone(), Blob::Made(bytes));
        Ok((digest, MANIFEST_TYPE.to_owned(), size))
    }
}

fn file_member(name: &str, size: u64) -> Member {
    Member::made(MemberKind::File, name, 0o644, size)
}
