//! Calls on images.

use bytes::Bytes;
use corten_wire::{HistoryItem, ImageDeleteItem, ImageSummary, ProgressMessage};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters, JsonStream, Upload};

const KIND: &str = "images";

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ImageListOptions {
    /// Also intermediate images.
    pub all: bool,
    /// Only those that match.
    pub filters: Filters,
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
    ) -> Result<JsonStream<ProgressMessage>, Error> {
        // An upload cannot be sent twice, so the version must be right the first time.
        self.negotiate().await?;
        let target = Target::new("/images/load").with("quiet", u8::from(quiet));
        self.json_stream(Call::post(target).with_upload(archive)).await
    }
}
