//! New images made here: a container's changes on top of its image, or a root file system from a tar stream.

use std::io::{Read, Write};

use corten_archive::{Cancel, receive};
use corten_content::StagedBlob;
use corten_types::{Digest, Reference};
use serde_json::{Value, json};

use crate::archive::{ArchivedImage, Contents, HOST_ARCHITECTURE, LayerSource};
use crate::early::Early;
use crate::{Error, Images, Loaded, Result};

/// The layer that holds nothing, 1024 zero bytes: it is recorded as a step without a layer.
const EMPTY_LAYER: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
const BUFFER: usize = 256 * 1024;

/// What is said about a new image.
#[derive(Debug, Clone, Default)]
pub struct NewImage {
    /// The image it is built on.
    pub parent: Option<Digest>,
    /// What its containers run, as JSON of the API.
    pub config: Value,
    /// Who made it.
    pub author: String,
    /// Anything.
    pub comment: String,
    /// When, RFC 3339.
    pub created: String,
    /// By which command.
    pub created_by: String,
    /// The container it was made from.
    pub container: String,
    /// Version of the engine that makes it.
    pub engine_version: String,
    /// Processor architecture in Go's words and its variant; empty for this machine's.
    pub architecture: (String, String),
    /// Its name.
    pub reference: Option<Reference>,
}

impl Images {
    /// Makes an image of one more layer on top of `new.parent`, which `write` writes as an uncompressed tar stream.
    ///
    /// # Errors
    /// When the parent is gone, `write` fails, or the disk does; nothing has changed then.
    pub fn derive(
        &self,
        new: &NewImage,
        write: impl FnOnce(&mut dyn Write) -> corten_archive::Result<()>,
    ) -> Result<Loaded> {
        let mut early = self.early(&Cancel::new());
        let writer = self.content.writer()?;
        let begun = early.layer(writer.follow());
        let mut writer = std::io::BufWriter::with_capacity(BUFFER, writer);
        write(&mut writer)?;
        let writer = writer
            .into_inner()
            .map_err(|error| Error::from(corten_archive::Error::Write(error.into_error())))?;
        let layer = writer.finish(None)?;
        early.complete(layer.digest(), Some(begun));
        self.add_new(new, layer, early)
    }

    /// Makes an image of a single layer from a tar stream, compressed or not. It is read to its end.
    ///
    /// # Errors
    /// When the archive is damaged or hostile, or the disk is full, or once cancelled; nothing has changed then.
    pub fn import(&self, new: &NewImage, archive: impl Read, cancel: &Cancel) -> Result<Loaded> {
        let mut reader = receive(archive, self.content.spool(), cancel)?;
        let mut early = self.early(cancel);
        let mut writer = self.content.writer()?;
        let begun = early.layer(writer.follow());
        let mut buffer = vec![0; BUFFER];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => writer.append(&buffer[..count])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(corten_archive::Error::read(error).into()),
            }
        }
        // With it goes its decoder, for which the layer's may be waiting.
        drop(reader);
        let layer = writer.finish(None)?;
        early.complete(layer.digest(), Some(begun));
        self.add_new(new, layer, early)
    }

    fn add_new(&self, new: &NewImage, layer: StagedBlob, early: Early<'_>) -> Result<Loaded> {
        let parent = match &new.parent {
            None => None,
            Some(id) => {
                let index = self.index();
                let image = index.image(id).ok_or_else(|| Error::NotFound(id.to_string()))?;
                Some(std::sync::Arc::clone(image))
            }
        };
        let is_empty = parent.is_some() && layer.digest().as_str() == EMPTY_LAYER;
        let mut layers: Vec<LayerSource> = Vec::new();
        let mut base = json!({ "os": "linux" });
        if let Some(parent) = &parent {
            layers.extend(parent.layers.iter().cloned().map(LayerSource::Stored));
            base = serde_json::from_slice(&parent.raw)
                .map_err(Error::json(format!("config of {}", parent.id)))?;
        }
        let document = document(new, &base, (!is_empty).then(|| layer.digest()));
        let config = self.content.stage(&mut document.to_string().as_bytes(), None)?;
        let mut blobs = vec![config];
        if !is_empty {
            layers.push(LayerSource::Staged(1));
            blobs.push(layer);
        }
        let image = ArchivedImage {
            config: 0,
            layers,
            manifest: None,
            references: new.reference.iter().cloned().collect(),
            parent: new.parent.clone(),
        };
        let images = vec![image];
        let mut loaded = self.add(Contents { images, blobs }, early)?;
        loaded
            .pop()
            .ok_or_else(|| Error::Damaged("new image was not added".to_owned()))
    }
}

/// The configuration document: keys in alphabetical order, as Docker writes them.
fn document(new: &NewImage, base: &Value, layer: Option<&Digest>) -> Value {
    let mut history: Vec<Value> = base["history"].as_array().cloned().unwrap_or_default();
    let mut diff_ids: Vec<Value> = base["rootfs"]["diff_ids"].as_array().cloned().unwrap_or_default();
    let mut step = json!({ "created": new.created });
    set(&mut step, "created_by", &new.created_by);
    set(&mut step, "author", &new.author);
    set(&mut step, "comment", &new.comment);
    match layer {
        Some(digest) => diff_ids.push(digest.to_string().into()),
        None => step["empty_layer"] = true.into(),
    }
    history.push(step);
    let inherited = |key: &str| base[key].as_str().unwrap_or_default().to_owned();
    let or = |own: &str, other: String| if own.is_empty() { other } else { own.to_owned() };
    let architecture = or(&new.architecture.0, inherited("architecture"));
    let mut document = json!({
        "architecture": or(&architecture, HOST_ARCHITECTURE.to_owned()),
        "config": new.config,
        "created": new.created,
        "docker_version": new.engine_version,
        "history": history,
        "os": or(&inherited("os"), "linux".to_owned()),
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    set(&mut document, "author", &new.author);
    set(&mut document, "comment", &new.comment);
    set(&mut document, "container", &new.container);
    set(
        &mut document,
        "variant",
        &or(&new.architecture.1, inherited("variant")),
    );
    for key in ["os.version", "os.features"] {
        if !base[key].is_null() {
            document[key] = base[key].clone();
        }
    }
    document
}

/// Sets what is not empty.
fn set(object: &mut Value, key: &str, value: &str) {
    if !value.is_empty() {
        object[key] = value.into();
    }
}
