//! Calls about images. An image is named by a reference, its identifier or an unambiguous prefix of that.

use async_trait::async_trait;
use corten_wire::{ContainerConfig, Filters, HistoryItem, ImageDeleteItem, ImageInspect, ImageSummary};

use super::streams::{ByteStream, ProgressStream};
use crate::ApiResult;

/// Which images to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListImages {
    /// Intermediate ones, too.
    pub all: bool,
    /// With the space they share.
    pub shared_size: bool,
    /// Which.
    pub filters: Filters,
}

/// What to pull.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// Reference, possibly with tag or digest.
    pub image: String,
    /// Tag or digest, when not in the reference.
    pub tag: Option<String>,
    /// `os[/arch[/variant]]`; `None` for the host's.
    pub platform: Option<String>,
    /// `X-Registry-Auth` as sent: credentials as JSON in URL-safe base64.
    pub auth: Option<String>,
}

/// What to make of a container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CommitOptions {
    /// Which container.
    pub container: String,
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
    /// Stop the container's processes meanwhile.
    pub pause: bool,
    /// Settings in place of the container's own.
    pub config: Option<ContainerConfig>,
}

/// What to make of an archive of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// `-` for the request's body, or a URL.
    pub source: String,
    /// Repository of the image's name; empty for none.
    pub repository: String,
    /// Tag of its name; empty for `latest`.
    pub tag: String,
    /// Comment.
    pub message: String,
    /// Dockerfile instructions.
    pub changes: Vec<String>,
    /// `os[/arch[/variant]]`; `None` for the host's.
    pub platform: Option<String>,
}

/// Images.
#[async_trait]
pub trait ImagesApi: Send + Sync {
    /// Lists images, newest first.
    async fn list(&self, query: ListImages) -> ApiResult<Vec<ImageSummary>>;

    /// All there is to know of one.
    async fn inspect(&self, image: &str) -> ApiResult<ImageInspect>;

    /// The steps it was built by, newest first.
    async fn history(&self, image: &str) -> ApiResult<Vec<HistoryItem>>;

    /// Gives it the name `repository:tag`; `None` for `latest`.
    async fn tag(&self, image: &str, repository: &str, tag: Option<&str>) -> ApiResult<()>;

    /// Takes a name off it, and removes it with its last one. `prune`: the parents nobody names any more, too.
    async fn remove(&self, image: &str, force: bool, prune: bool) -> ApiResult<Vec<ImageDeleteItem>>;

    /// Takes images from an archive, possibly compressed. `quiet`: without progress, only with the outcome.
    async fn load(&self, archive: ByteStream, quiet: bool) -> ApiResult<ProgressStream>;

    /// Packs images into an archive; `architecture` is the only one they may be for.
    async fn save(&self, names: Vec<String>, architecture: Option<String>) -> ApiResult<ByteStream>;

    /// Makes an image of a container; gives its identifier.
    async fn commit(&self, options: CommitOptions) -> ApiResult<String>;

    /// Makes an image of an archive of files.
    async fn import(&self, options: ImportOptions, archive: ByteStream) -> ApiResult<ProgressStream>;

    /// Fetches an image from its registry.
    async fn pull(&self, options: PullOptions) -> ApiResult<ProgressStream>;
}
