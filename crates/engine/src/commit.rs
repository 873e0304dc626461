//! `commit` and `import`: images made of a container's changes, or of a tar stream.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use corten_archive::{Cancel, Packer};
use corten_image::NewImage;
use corten_types::{Digest, ErrorKind, Reference};
use corten_wire::{ContainerConfig, ImageConfig};
use rustix::fs::{CWD, Mode, OFlags, Stat};

use crate::clock::{now_ns, rfc3339};
use crate::config_change;
use crate::container::Container;
use crate::engine::{Engine, to_its_end, transfer};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::record::ContainerRecord;

/// What `commit` is to make of a container.
#[derive(Debug, Clone, Default)]
pub struct CommitOptions {
    /// Repository of the image's name; empty for none.
    pub repository: String,
    /// Tag of its name; empty for `latest`.
    pub tag: String,
    /// Author.
    pub author: String,
    /// Comment.
    pub comment: String,
    /// Dockerfile instructions.
    pub changes: Vec<String>,
    /// Stop the container's processes while it is copied.
    pub pause: bool,
    /// Settings in place of the container's own, where not empty.
    pub config: Option<ContainerConfig>,
}

/// What `import` is to make of an archive.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Where the archive came from, `-` for the request.
    pub source: String,
    /// Repository of the image's name; empty for none.
    pub repository: String,
    /// Tag of its name; empty for `latest`.
    pub tag: String,
    /// Comment.
    pub message: String,
    /// Dockerfile instructions.
    pub changes: Vec<String>,
    /// Architecture in Go's words and its variant; empty for this machine's.
    pub architecture: (String, String),
    /// Version of the engine, as images record it.
    pub engine_version: String,
}

impl Engine {
    /// Makes an image of what a container changed.
    ///
    /// # Errors
    /// When there is no such container, an instruction is wrong, its image is gone, or the disk is full; nothing is left
    /// behind then.
    pub async fn commit(
        self: &Arc<Self>,
        name: &str,
        options: CommitOptions,
        engine_version: &str,
    ) -> Result<Digest> {
        let container = self.containers.find(name)?;
        let reference = reference(&options.repository, &options.tag)?;
        let (record, phase) = {
            let state = container.state();
            (state.record.clone(), state.phase)
        };
        let refused = |state: &str| {
            let id = container.id();
            Err(Error::Conflict(format!(
                "You cannot commit container {id} which is {state}"
            )))
        };
        match phase {
            Phase::Dead => return refused("Dead"),
            Phase::Removing => return refused("being removed"),
            _ => {}
        }
        let mut config = options.config.clone().unwrap_or_else(|| record.config.clone());
        config_change::apply(&mut config, &options.changes)?;
        merge(&mut config, &record.config);
        let new = NewImage {
            parent: Some(record.image_id.clone()),
            config: image_config(config)?,
            author: options.author.clone(),
            comment: options.comment.clone(),
            created: rfc3339(now_ns()),
            created_by: record.config.cmd.clone().unwrap_or_default().join(" "),
            container: record.id.to_string(),
            engine_version: engine_version.to_owned(),
            reference: reference.clone(),
            ..NewImage::default()
        };
        let engine = self.clone();
        let id = to_its_end(async move {
            let paused = options.pause && engine.pause_for_commit(&container).await?;
            let made = {
                let engine = engine.clone();
                let record = record.clone();
                transfer("commit a container", move || {
                    engine.commit_blocking(&new, &record)
                })
                .await
            };
            if paused {
                engine.end_pause_of_commit(&container, true).await;
            }
            let id = made?;
            let name = reference.map(|reference| reference.with_default_tag().familiar());
            let more = [
                ("comment", options.comment),
                ("imageID", id.to_string()),
                ("imageRef", name.clone().unwrap_or_default()),
            ];
            engine.publish_image("create", &id, id.as_str());
            if let Some(name) = name {
                engine.publish_image("tag", &id, &name);
            }
            engine.publish(&container, "commit", &more);
            Ok(id)
        })
        .await?;
        Ok(id)
    }

    /// Makes an image of a root file system's archive, which is read to its end.
    ///
    /// # Errors
    /// When the archive is damaged or hostile, an instruction is wrong, or the disk is full, or once cancelled; nothing is left
    /// behind then.
    pub fn import(&self, options: ImportOptions, archive: impl Read, cancel: &Cancel) -> Result<Digest> {
        let reference = reference(&options.repository, &options.tag)?;
        let mut config = ContainerConfig::default();
        config_change::apply(&mut config, &options.changes)?;
        let comment = if options.message.is_empty() {
            format!("Imported from {}", options.source)
        } else {
            options.message
        };
        let new = NewImage {
            config: image_config(config)?,
            comment,
            created: rfc3339(now_ns()),
            architecture: options.architecture,
            engine_version: options.engine_version,
            reference: reference.clone(),
            ..NewImage::default()
        };
        let id = self.images.import(&new, archive, cancel)?.id;
        self.publish_image("import", &id, id.as_str());
        if let Some(reference) = reference {
            self.publish_image("tag", &id, &reference.with_default_tag().familiar());
        }
        Ok(id)
    }

    /// Lets a container go on that was paused to be committed, if it still is.
    pub(crate) async fn end_pause_of_commit(self: &Arc<Self>, container: &Arc<Container>, paused: bool) {
        let outcome = match paused {
            true => self.unpause(container.id().as_str()).await,
            false => Ok(()),
        };
        match outcome {
            // The machine refused, and nobody else let it go on.
            Err(error) if error.kind() == ErrorKind::System && container.state().paused => {
                tracing::error!(%error, id = %container.id(), "a container stays paused after a commit");
            }
            // Or it has ended.
            _ => self.forget_held(container),
        }
    }

    fn forget_held(&self, container: &Container) {
        if let Err(error) = self.sandboxes.note_held(container.id(), false) {
            tracing::warn!(%error, id = %container.id(), "cannot note the end of a commit");
        }
    }

    /// Pauses a container that runs; tells whether it is to be unpaused afterwards.
    async fn pause_for_commit(self: &Arc<Self>, container: &Arc<Container>) -> Result<bool> {
        {
            let state = container.state();
            if state.sandbox.is_none() || state.paused {
                return Ok(false);
            }
        }
        // First, lest a daemon that is killed leaves it paused.
        let noted = self.sandboxes.note_held(container.id(), true);
        let paused = match noted {
            Ok(()) => self.pause(container.id().as_str()).await,
            Err(error) => Err(error.into()),
        };
        if paused.is_err() {
            self.forget_held(container);
        }
        match paused {
            Ok(()) => Ok(true),
            // It has ended meanwhile, or somebody paused it.
            Err(Error::NotRunning(_) | Error::Conflict(_)) => Ok(false),
            Err(Error::Cannot { source, .. }) if matches!(*source, Error::NotRunning(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn commit_blocking(&self, new: &NewImage, record: &ContainerRecord) -> Result<Digest> {
        let placeholders = self.placeholders(record)?;
        let rootfs = self.snapshots.rootfs(record.id.as_str(), &record.chain)?;
        let upper = rootfs.base.join(&rootfs.upper);
        let loaded = self.images.derive(new, |out| {
            let mut packer = Packer::new(out)
                .layer()
                .skipping(|path: &[u8], stat: &Stat| placeholders.covers(path, stat));
            packer.directory(open(&upper)?, None)?;
            packer.finish()?;
            Ok(())
        })?;
        Ok(loaded.id)
    }
}

fn open(directory: &Path) -> corten_archive::Result<std::os::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, directory, flags, Mode::empty()).map_err(|error| corten_archive::Error::Pack {
        operation: "open",
        path: directory.display().to_string(),
        source: error.into(),
    })
}

/// The name of a new image; none without a repository.
fn reference(repository: &str, tag: &str) -> Result<Option<Reference>> {
    if repository.is_empty() {
        return Ok(None);
    }
    let invalid = |error: corten_types::InvalidReference| Error::Invalid(error.to_string());
    let mut reference: Reference = repository.parse().map_err(invalid)?;
    if !tag.is_empty() {
        reference = reference.with_tag(tag).map_err(invalid)?;
    }
    if reference.digest().is_some() {
        return Err(Error::Invalid("cannot import digest reference".to_owned()));
    }
    Ok(Some(reference.with_default_tag()))
}

/// What a new image presets where nothing else is said: what the container was made with.
fn merge(config: &mut ContainerConfig, own: &ContainerConfig) {
    if config.user.is_empty() {
        config.user.clone_from(&own.user);
    }
    for (port, empty) in &own.exposed_ports {
        config.exposed_ports.entry(port.clone()).or_insert(*empty);
    }
    let env = config.env.get_or_insert_default();
    for entry in own.env.iter().flatten() {
        let key = entry.split('=').next();
        if !env.iter().any(|known| known.split('=').next() == key) {
            env.push(entry.clone());
        }
    }
    for (key, value) in own.labels.iter().flatten() {
        let labels = config.labels.get_or_insert_default();
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    if config.entrypoint.as_ref().is_none_or(Vec::is_empty) {
        if config.cmd.as_ref().is_none_or(Vec::is_empty) {
            config.cmd.clone_from(&own.cmd);
        }
        config.entrypoint.clone_from(&own.entrypoint);
    }
    if config.healthcheck.is_none() {
        config.healthcheck.clone_from(&own.healthcheck);
    }
    if config.working_dir.is_empty() {
        config.working_dir.clone_from(&own.working_dir);
    }
    for (path, empty) in own.volumes.iter().flatten() {
        let volumes = config.volumes.get_or_insert_default();
        volumes.entry(path.clone()).or_insert(*empty);
    }
    if config.stop_signal.is_empty() {
        config.stop_signal.clone_from(&own.stop_signal);
    }
}

/// The part of a container's settings that images keep.
fn image_config(config: ContainerConfig) -> Result<serde_json::Value> {
    let config = ImageConfig {
        user: config.user,
        exposed_ports: config.exposed_ports,
        env: config.env.unwrap_or_default(),
        entrypoint: config.entrypoint,
        cmd: config.cmd,
        volumes: config.volumes.unwrap_or_default(),
        working_dir: config.working_dir,
        labels: config.labels.unwrap_or_default(),
        stop_signal: config.stop_signal,
        args_escaped: config.args_escaped,
        healthcheck: config.healthcheck,
        on_build: config.on_build.unwrap_or_default(),
        shell: config.shell,
    };
    serde_json::to_value(config).map_err(|error| Error::System {
        what: "cannot write the image's settings".to_owned(),
        source: error.into(),
    })
}
