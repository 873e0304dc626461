//! Images as far as users and containers see them: lists, details, names, removal, loading, and the built-in ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use corten_archive::Cancel;
use corten_image::{ContainerUse, Image, Loaded, Removed, TaggedImage};
use corten_types::{Digest, ErrorKind, Reference};
use corten_wire::{
    DriverData, Empty, Filters, HealthConfig, HistoryItem, ImageConfig, ImageDeleteItem, ImageInspect,
    ImageSummary, RootFs,
};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::{Error, Result};

/// What `images` asks for.
#[derive(Debug, Clone, Default)]
pub struct ImageQuery {
    /// Docker's filters.
    pub filters: Filters,
    /// Also those that only serve as parents of others.
    pub all: bool,
    /// Say how much of each image others share.
    pub shared_size: bool,
}

/// What a pull came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The image's digest.
    pub digest: Digest,
    /// The reference pulled, in the short form.
    pub reference: String,
    /// Whether it was there already.
    pub up_to_date: bool,
}

/// What an image presets for its containers, in the API's terms.
pub(crate) fn preset(image: &Image) -> ImageConfig {
    let own = &image.config.config;
    let keys =
        |map: &BTreeMap<String, corten_image::Empty>| map.keys().map(|key| (key.clone(), Empty {})).collect();
    ImageConfig {
        user: own.user.clone(),
        exposed_ports: keys(&own.exposed_ports),
        env: own.env.clone(),
        entrypoint: own.entrypoint.clone(),
        cmd: own.cmd.clone(),
        volumes: keys(&own.volumes),
        working_dir: own.working_dir.clone(),
        labels: own.labels.clone(),
        stop_signal: own.stop_signal.clone().unwrap_or_default(),
        args_escaped: own.args_escaped,
        healthcheck: own.healthcheck.as_ref().map(|check| HealthConfig {
            test: check.test.clone(),
            interval: check.interval,
            timeout: check.timeout,
            start_period: check.start_period,
            start_interval: check.start_interval,
            retries: check.retries,
        }),
        on_build: own.on_build.clone(),
        shell: own.shell.clone(),
    }
}

impl Engine {
    /// The image called `name`; a missing one is told in Docker's words.
    pub(crate) fn image(&self, name: &str) -> Result<TaggedImage> {
        self.images.get(name).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::NoSuchImage(with_tag(name)),
            _ => Error::Image(error),
        })
    }

    /// Images that pass the filters, newest first.
    ///
    /// # Errors
    /// When a filter is unknown or names an image that is not there.
    pub fn image_list(&self, query: &ImageQuery) -> Result<Vec<ImageSummary>> {
        const KNOWN: &[&str] = &["before", "dangling", "label", "reference", "since", "until"];
        let filters = &query.filters;
        let invalid = |error: corten_wire::InvalidFilter| Error::Invalid(error.to_string());
        filters.check(KNOWN).map_err(invalid)?;
        let until = match filters.values("until").next() {
            None => None,
            Some(text) => Some(until(text, crate::clock::now_ns())?),
        };
        let dangling = filters.flag("dangling").map_err(invalid)?;
        let limit = |key: &str| -> Result<Option<i64>> {
            filters
                .values(key)
                .next()
                .map(|name| Ok(created(&self.image(name)?.image)))
                .transpose()
        };
        let (before, since) = (limit("before")?, limit("since")?);
        let all = self.images.list();
        let mut listed = Vec::new();
        for TaggedImage { image, tags, digests } in &all {
            let labels = &image.config.config.labels;
            let nameless = tags.is_empty() && digests.is_empty();
            let has_children = nameless && self.images.has_children(&image.id);
            // Docker hides what was committed upon and has no name any more.
            let shown = !has_children || query.all || dangling == Some(false);
            let passes = shown
                && dangling.is_none_or(|wanted| (tags.is_empty() && !has_children) == wanted)
                && until.is_none_or(|time| created(image) < time)
                && filters.all_in("label", labels)
                && before.is_none_or(|time| created(image) < time)
                && since.is_none_or(|time| created(image) > time);
            let wanted =
                |reference: &&Reference| filters.allow("reference", |pattern| matches(reference, pattern));
            let tags: Vec<String> = tags.iter().filter(wanted).map(Reference::familiar).collect();
            if !passes || (tags.is_empty() && filters.values("reference").next().is_some()) {
                continue;
            }
            listed.push(ImageSummary {
                containers: -1,
                created: created(image),
                id: image.id.to_string(),
                parent_id: parent(image),
                labels: (!labels.is_empty()).then(|| labels.clone()),
                repo_digests: digests.iter().map(Reference::familiar).collect(),
                repo_tags: tags,
                shared_size: if query.shared_size {
                    self.shared_size(image, &all)
                } else {
                    -1
                },
                size: bytes(image.size),
                ..ImageSummary::default()
            });
        }
        listed.sort_by_key(|image| std::cmp::Reverse(image.created));
        Ok(listed)
    }

    /// Bytes of the layers that other images have, too.
    fn shared_size(&self, image: &Image, all: &[TaggedImage]) -> i64 {
        let others: BTreeSet<&Digest> = all
            .iter()
            .filter(|other| other.image.id != image.id)
            .flat_map(|other| &other.image.chain)
            .collect();
        let shared = image.chain.iter().filter(|layer| others.contains(layer));
        bytes(shared.filter_map(|layer| self.images.layer_size(layer)).sum())
    }

    /// Everything about an image.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn image_inspect(&self, name: &str) -> Result<ImageInspect> {
        let TaggedImage { image, tags, digests } = self.image(name)?;
        let config = &image.config;
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(ImageInspect {
            id: image.id.to_string(),
            repo_tags: tags.iter().map(Reference::familiar).collect(),
            repo_digests: digests.iter().map(Reference::familiar).collect(),
            comment: given(&config.comment),
            created: config.created.clone().unwrap_or_default(),
            docker_version: given(&config.docker_version),
            author: given(&config.author),
            config: preset(&image),
            architecture: config.architecture.clone(),
            variant: config.variant.clone(),
            os: config.os.clone(),
            size: bytes(image.size),
            virtual_size: bytes(image.size),
            parent: image.parent.as_ref().map(Digest::to_string),
            graph_driver: self.image_layers(&image),
            root_fs: RootFs {
                r#type: "layers".to_owned(),
                layers: config.rootfs.diff_ids.iter().map(Digest::to_string).collect(),
            },
            ..ImageInspect::default()
        })
    }

    /// The directories of an image's layers: the topmost, and those below it.
    fn image_layers(&self, image: &Image) -> DriverData {
        let mut data = BTreeMap::new();
        if let Ok(rootfs) = self.snapshots.rootfs(image.id.hex(), &image.chain) {
            let mut layers = rootfs
                .image_layers()
                .iter()
                .map(|layer| rootfs.base.join(layer).display().to_string());
            if let Some(top) = layers.next() {
                data.insert("UpperDir".to_owned(), top);
            }
            let below: Vec<String> = layers.collect();
            if !below.is_empty() {
                data.insert("LowerDir".to_owned(), below.join(":"));
            }
        }
        DriverData {
            data: Some(data),
            name: "overlay2".to_owned(),
        }
    }

    /// The steps an image was made in, newest first.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn image_history(&self, name: &str) -> Result<Vec<HistoryItem>> {
        let TaggedImage { image, tags, .. } = self.image(name)?;
        let mut layers = image.chain.iter();
        let mut items: Vec<HistoryItem> = image
            .config
            .history
            .iter()
            .map(|step| {
                let layer = if step.empty_layer { None } else { layers.next() };
                HistoryItem {
                    comment: step.comment.clone(),
                    created: step.created.as_deref().map_or(0, seconds),
                    created_by: step.created_by.clone(),
                    id: "<missing>".to_owned(),
                    size: bytes(
                        layer
                            .and_then(|layer| self.images.layer_size(layer))
                            .unwrap_or_default(),
                    ),
                    tags: None,
                }
            })
            .collect();
        items.reverse();
        // The newest step is the image itself; those it was committed on here are known, too.
        let mut known = Some((image.clone(), tags));
        for item in &mut items {
            let Some((image, tags)) = known else { break };
            item.id = image.id.to_string();
            let tags: Vec<String> = tags.iter().map(Reference::familiar).collect();
            item.tags = (!tags.is_empty()).then_some(tags);
            let parent = image.parent.as_ref().and_then(|id| self.images.by_id(id));
            known = parent.map(|parent| (parent.image, parent.tags));
        }
        Ok(items)
    }

    /// Gives an image another name.
    ///
    /// # Errors
    /// When there is no such image or the new name is not acceptable.
    pub fn image_tag(&self, name: &str, repository: &str, tag: Option<&str>) -> Result<()> {
        let invalid = |error: corten_types::InvalidReference| {
            Error::Invalid(format!("invalid reference format: {error}").replacen(
                "invalid reference format: invalid",
                "invalid",
                1,
            ))
        };
        let mut target: Reference = repository.parse().map_err(invalid)?;
        if let Some(tag) = tag.filter(|tag| !tag.is_empty()) {
            target = target.with_tag(tag).map_err(invalid)?;
        }
        let id = self.image(name)?.image.id.clone();
        self.images.tag(id.as_str(), &target)?;
        self.publish_image("tag", &id, &target.with_default_tag().familiar());
        Ok(())
    }

    /// Removes a name of an image, and the image with its last one.
    ///
    /// # Errors
    /// When there is none, or something uses it and `force` is not given.
    pub fn image_remove(&self, name: &str, force: bool) -> Result<Vec<ImageDeleteItem>> {
        self.image_remove_with(name, force, true)
    }

    /// As [`Engine::image_remove`]; without `prune`, parents without a name stay.
    ///
    /// # Errors
    /// As [`Engine::image_remove`].
    pub fn image_remove_with(&self, name: &str, force: bool, prune: bool) -> Result<Vec<ImageDeleteItem>> {
        self.image(name)?;
        let removed = self
            .images
            .remove_with(name, force, prune, |id| self.image_users(id))?;
        let deleted = |digest: &Digest| ImageDeleteItem {
            deleted: digest.to_string(),
            ..ImageDeleteItem::default()
        };
        Ok(removed
            .into_iter()
            .map(|removed| match removed {
                Removed::Untagged(reference, id) => {
                    self.publish_image("untag", &id, id.as_str());
                    ImageDeleteItem {
                        untagged: reference.familiar(),
                        ..ImageDeleteItem::default()
                    }
                }
                Removed::Deleted(id) => {
                    self.publish_image("delete", &id, id.as_str());
                    deleted(&id)
                }
                Removed::LayerDeleted(chain) => deleted(&chain),
            })
            .collect())
    }

    pub(crate) fn image_users(&self, image: &Digest) -> Vec<ContainerUse> {
        let users = self.containers.all();
        let users = users.iter().filter_map(|container| {
            let state = container.state();
            (state.record.image_id == *image).then(|| ContainerUse {
                container: container.id().to_string(),
                running: state.sandbox.is_some(),
            })
        });
        users.collect()
    }

    /// Loads an archive; says what it brought.
    ///
    /// # Errors
    /// When the archive is damaged or hostile, or the disk is full, or once cancelled; nothing is left behind then.
    pub fn image_load(&self, archive: impl Read + Send, cancel: &Cancel) -> Result<Vec<Loaded>> {
        let loaded = self.images.load(archive, cancel)?;
        for image in &loaded {
            self.publish_image("load", &image.id, image.id.as_str());
        }
        Ok(loaded)
    }

    /// Gets the image called `reference`: the built-in ones are there without a registry.
    ///
    /// # Errors
    /// When it is not a built-in one, as registries are not contacted yet.
    pub fn image_pull(self: &Arc<Self>, reference: &Reference) -> Result<Pulled> {
        let short = reference.familiar();
        let before = self.images.get(&short).ok().map(|found| found.image.id.clone());
        let builtin = corten_image::builtin::find(reference)
            .ok_or_else(|| Error::NotBuiltin(reference.familiar_name()))?;
        let loaded = self.images.install_builtin(builtin)?;
        let pulled = self.images.get(loaded.id.as_str())?;
        self.publish_image("pull", &loaded.id, &short);
        Ok(Pulled {
            digest: pulled.image.manifest.clone().unwrap_or_else(|| loaded.id.clone()),
            reference: short,
            up_to_date: before == Some(loaded.id),
        })
    }

    pub(crate) fn publish_image(&self, action: &str, id: &Digest, name: &str) {
        let mut attributes = self
            .images
            .by_id(id)
            .map(|found| found.image.config.config.labels.clone())
            .unwrap_or_default();
        attributes.insert("name".to_owned(), name.to_owned());
        self.events.publish("image", action, id.as_str(), attributes);
    }
}

fn parent(image: &Image) -> String {
    image.parent.as_ref().map(Digest::to_string).unwrap_or_default()
}

/// The Unix seconds that `until` names: a time, or a span before now.
fn until(text: &str, now_ns: i64) -> Result<i64> {
    if let Some(span) = crate::config_change::duration(text) {
        return Ok((now_ns - span) / 1_000_000_000);
    }
    let whole = text.split('.').next().unwrap_or_default();
    let seconds = whole.parse().ok();
    seconds
        .or_else(|| text.parse::<Timestamp>().ok().map(|time| time.as_second()))
        .or_else(|| {
            let date = text.parse::<jiff::civil::DateTime>().ok()?;
            let time = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(time.timestamp().as_second())
        })
        .ok_or_else(|| Error::Invalid(format!("invalid filter 'until={text}'")))
}

fn with_tag(name: &str) -> String {
    name.parse::<Reference>()
        .map_or_else(|_| name.to_owned(), |r| r.with_default_tag().familiar())
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// When an image was made, Unix seconds; 0 when it does not say.
pub(crate) fn created(image: &Image) -> i64 {
    image.config.created.as_deref().map_or(0, seconds)
}

fn seconds(time: &str) -> i64 {
    time.parse::<Timestamp>().map_or(0, |time| time.as_second())
}

/// Whether a reference matches a pattern of `reference=`: `*` within path components, with or without the tag.
fn matches(reference: &Reference, pattern: &str) -> bool {
    let name = reference.familiar_name();
    [reference.familiar(), name]
        .iter()
        .any(|text| glob(pattern.as_bytes(), text.as_bytes()))
}

/// `*` for any run of characters but `/`, `?` for one of them.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            let run = text.iter().take_while(|byte| **byte != b'/').count();
            (0..=run).any(|taken| glob(rest, &text[taken..]))
        }
        (Some((b'?', rest)), Some((byte, later))) if *byte != b'/' => glob(rest, later),
        (Some((wanted, rest)), Some((byte, later))) => wanted == byte && glob(rest, later),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let reference: Reference = "nginx:1.2".parse().unwrap();
        for pattern in ["nginx", "nginx:*", "ng?nx", "nginx:1.2", "n*"] {
            assert!(matches(&reference, pattern), "{pattern}");
        }
        for pattern in ["ngin", "nginx:1", "*/nginx", "redis"] {
            assert!(!matches(&reference, pattern), "{pattern}");
        }
    }
}
