//! An image store of its own for a test, and archives made in code.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use corten_content::Store as Content;
use corten_image::Images;
use corten_metadata::Store as Metadata;
use corten_snapshot::{Overlay, Snapshotter};
use corten_types::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub struct Bench {
    pub dir: TempDir,
    pub images: Images,
    pub overlay: Arc<Overlay>,
}

impl Bench {
    pub fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    pub fn new_in(parent: &Path) -> Self {
        let dir = tempfile::tempdir_in(parent).unwrap();
        let (images, overlay) = open(dir.path());
        Self { dir, images, overlay }
    }

    /// Closes and opens everything anew.
    pub fn reopen(self) -> Self {
        self.reopen_after(|_| ())
    }

    /// Closes everything, has something done to its directory, and opens all anew.
    pub fn reopen_after(self, change: impl FnOnce(&Path)) -> Self {
        let Self { dir, images, overlay } = self;
        drop((images, overlay));
        change(dir.path());
        let (images, overlay) = open(dir.path());
        Self { dir, images, overlay }
    }

    /// Every file and directory below the store, but metadata and directories made ahead of time.
    pub fn traces(&self) -> Vec<PathBuf> {
        self.overlay.settle();
        let mut found = Vec::new();
        let mut queue = vec![self.dir.path().join("content"), self.dir.path().join("snapshots")];
        while let Some(dir) = queue.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with("ready") || path.ends_with("common") {
                    continue;
                }
                if path.is_dir() && !path.is_symlink() {
                    queue.push(path.clone());
                }
                found.push(path);
            }
        }
        found.sort();
        found
    }
}

fn open(dir: &Path) -> (Images, Arc<Overlay>) {
    let content = Content::open(&dir.join("content")).unwrap();
    let overlay = Arc::new(Overlay::open(&dir.join("snapshots")).unwrap());
    let metadata = Arc::new(Metadata::open(dir).unwrap());
    let images = Images::open(content, overlay.clone(), metadata, "boot".to_owned());
    (images.unwrap(), overlay)
}

pub fn digest(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}

/// A tar stream being made; names may be anything.
pub struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    pub fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    pub fn entry(mut self, kind: tar::EntryType, name: &str, link: &str, mode: u32, data: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        let gnu = header.as_gnu_mut().unwrap();
        // Written raw: the library would refuse the names this is about.
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(1);
        header.set_gid(2);
        header.set_mtime(1_000_000_000);
        header.set_size(data.len() as u64);
        if kind.is_character_special() {
            header.set_device_major(1).unwrap();
            header.set_device_minor(3).unwrap();
        }
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(tar::EntryType::Regular, name, "", 0o644, data)
    }

    pub fn dir(self, name: &str) -> Self {
        self.entry(tar::EntryType::Directory, name, "", 0o755, b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(tar::EntryType::Symlink, name, target, 0o777, b"")
    }

    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(tar::EntryType::Link, name, target, 0o644, b"")
    }

    /// PAX records for the next entry.
    pub fn pax(mut self, records: &[(&str, &[u8])]) -> Self {
        self.0.append_pax_extensions(records.iter().copied()).unwrap();
        self
    }

    pub fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

pub fn config(layers: &[Vec<u8>]) -> Value {
    let diff_ids: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
    json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Cmd": ["sh"], "Env": null },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
}

/// A docker-archive as versions before 25 wrote it.
pub fn docker_archive(tags: &[&str], layers: &[Vec<u8>]) -> Vec<u8> {
    let config = config(layers).to_string();
    let mut tar = Tar::new();
    let mut names = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        let name = format!("{number}/layer.tar");
        tar = tar.dir(&format!("{number}/")).file(&name, layer);
        names.push(name);
    }
    let manifest = json!([{ "Config": "config.json", "RepoTags": tags, "Layers": names }]);
    tar.file("config.json", config.as_bytes())
        .file("manifest.json", manifest.to_string().as_bytes())
        .done()
}

/// An OCI layout of one image, its layers as given (compressed or not).
pub struct Layout {
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    pub fn new() -> Self {
        Self {
            blobs: BTreeMap::new(),
        }
    }

    pub fn blob(&mut self, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let size = bytes.len();
        self.blobs.insert(digest.hex().to_owned(), bytes);
        json!({ "digest": digest, "size": size })
    }

    /// Adds an image's blobs and returns the descriptor of its manifest.
    pub fn image(&mut self, plain: &[Vec<u8>], stored: Vec<Vec<u8>>, architecture: &str) -> Value {
        let mut document = config(plain);
        document["architecture"] = json!(architecture);
        let mut config = self.blob(document.to_string().into_bytes());
        config["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
        let layers: Vec<Value> = stored.into_iter().map(|layer| self.blob(layer)).collect();
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
        let mut descriptor = self.blob(manifest.to_string().into_bytes());
        descriptor["mediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
        descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
        descriptor
    }

    pub fn index(&mut self, manifests: Vec<Value>) -> Value {
        let mut descriptor = self.blob(
            json!({ "schemaVersion": 2, "manifests": manifests })
                .to_string()
                .into_bytes(),
        );
        descriptor["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
        descriptor
    }

    pub fn done(self, manifests: Vec<Value>) -> Vec<u8> {
        let mut tar = Tar::new().dir("blobs/").dir("blobs/sha256/");
        for (hex, bytes) in &self.blobs {
            // The name is too long for the raw field only if it were over 100 bytes.
            tar = tar.file(&format!("blobs/sha256/{hex}"), bytes);
        }
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        tar.file("index.json", index.to_string().as_bytes())
            .file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
            .done()
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// Mode, owner and group of a file that is not followed.
pub fn attributes(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
}
