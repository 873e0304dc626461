//! Calls on images.

use bytes::Bytes;
use corten_wire::{HistoryItem, IdResponse, ImageDeleteItem, ImageSummary, ProgressMessage};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters, JsonStream, RawStream, Upload};

const KIND: &str = "images";

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ImageListOptions {
    /// Also intermediate images.
    pub all: bool,
    /// Only those that match.
    pub filters: Filters,
}

/// What to make of a container.
#[derive(Debug, Clone, Default)]
pub struct CommitOptions {
    /// Which container.
    pub container: String,
    /// Repository of the image's name; empty for none.
    pub repository: String,
    /// Tag of its name; empty for the default.
    pub tag: String,
    /// Author.
    pub author: String,
    /// Comment.
    pub comment: String,
    /// Dockerfile instructions.
    pub changes: Vec<String>,
    /// Stop the container's processes meanwhile.
    pub pause: bool,
}

/// What to make of an archive of files.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// `-` for the archive sent, or a URL for the engine to fetch.
    pub source: String,
    /// The image's name, with or without a tag.
    pub name: Option<String>,
    /// Comment.
    pub message: Option<String>,
    /// Dockerfile instructions.
    pub changes: Vec<String>,
    /// `os[/arch[/variant]]`.
    pub platform: Option<String>,
}

/// # Errors
/// As for containers.
impl Client {
    /// Lists images.
    pub async fn list_images(&self, options: &ImageListOptions) -> Result<Vec<ImageSummary>, Error> {
        let target = Target::new("/images/json")
            .with_flag("all", options.all)
            .with_filters(&options.filters);
        self.json(Call::get(target)).await
    }

    /// Everything about an image, as the engine wrote it.
    pub async fn inspect_image_raw(&self, name: &str) -> Result<Bytes, Error> {
        self.bytes(Call::get(Target::of(KIND, name, "/json"))).await
    }

    /// The steps an image was made in, newest first.
    pub async fn image_history(&self, name: &str) -> Result<Vec<HistoryItem>, Error> {
        self.json(Call::get(Target::of(KIND, name, "/history"))).await
    }

    /// Removes a reference and, with the last one, the image.
    pub async fn remove_image(
        &self,
        name: &str,
        force: bool,
        no_prune: bool,
    ) -> Result<Vec<ImageDeleteItem>, Error> {
        let target = Target::of(KIND, name, "")
            .with_flag("force", force)
            .with_flag("noprune", no_prune);
        self.json(Call::delete(target)).await
    }

    /// Gives an image a further reference.
    pub async fn tag_image(&self, source: &str, repository: &str, tag: Option<&str>) -> Result<(), Error> {
        let target = Target::of(KIND, source, "/tag")
            .with("repo", repository)
            .with_some("tag", tag);
        self.done(Call::post(target)).await
    }

    /// Pulls an image. A failure after the beginning is a message of the stream.
    pub async fn pull_image(
        &self,
        repository: &str,
        tag: Option<&str>,
        platform: Option<&str>,
    ) -> Result<JsonStream<ProgressMessage>, Error> {
        let target = Target::new("/images/create")
            .with("fromImage", repository)
            .with_some("tag", tag)
            .with_some("platform", platform);
        self.json_stream(Call::post(target)).await
    }

    /// Loads images from an archive.
    pub async fn load_images(
        &self,
        archive: Upload,
        quiet: bool,
        platform: Option<&str>,
    ) -> Result<JsonStream<ProgressMessage>, Error> {
        // An upload cannot be sent twice, so the version must be right the first time.
        self.negotiate().await?;
        let target = Target::new("/images/load")
            .with("quiet", u8::from(quiet))
            .with_some("platform", platform);
        self.json_stream(Call::post(target).with_upload(archive)).await
    }

    /// Images as an archive; `platform` as JSON is the only one wanted.
    pub async fn save_images(&self, names: &[String], platform: Option<&str>) -> Result<RawStream, Error> {
        let target = names.iter().fold(Target::new("/images/get"), |target, name| {
            target.with("names", name)
        });
        self.raw(Call::get(target.with_some("platform", platform))).await
    }

    /// Makes an image of a container; gives its identifier.
    pub async fn commit_container(&self, options: &CommitOptions) -> Result<String, Error> {
        let mut target = Target::new("/commit")
            .with("author", &options.author)
            .with("comment", &options.comment)
            .with("container", &options.container);
        for change in &options.changes {
            target = target.with("changes", change);
        }
        target = target
            .with_some("pause", (!options.pause).then_some(0))
            .with("repo", &options.repository)
            .with("tag", &options.tag);
        let answer: IdResponse = self.json(Call::post(target)).await?;
        Ok(answer.id)
    }

    /// Makes an image of an archive of files.
    pub async fn import_image(
        &self,
        options: &ImportOptions,
        archive: Option<Upload>,
    ) -> Result<JsonStream<ProgressMessage>, Error> {
        self.negotiate().await?;
        let mut target = Target::new("/images/create").with("fromSrc", &options.source);
        for change in &options.changes {
            target = target.with("changes", change);
        }
        target = target
            .with_some("message", options.message.as_deref())
            .with_some("platform", options.platform.as_deref())
            .with_some("repo", options.name.as_deref());
        let call = Call::post(target);
        self.json_stream(match archive {
            Some(archive) => call.with_upload(archive),
            None => call,
        })
        .await
    }
}
