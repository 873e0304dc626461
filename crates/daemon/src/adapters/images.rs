//! `/images`.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use corten_api::backend::{
    ByteStream, CommitOptions, ImagesApi, ImportOptions, ListImages, ProgressStream, PullOptions,
};
use corten_api::{ApiError, ApiResult};
use corten_engine::{Cancel, Engine, ImageQuery, on_own_thread};
use corten_types::{ErrorKind, Reference};
use corten_wire::{HistoryItem, ImageDeleteItem, ImageInspect, ImageSummary, ProgressMessage};
use futures_util::stream;

use super::{refuse, streams};
use crate::memory;

pub(crate) struct ImagesAdapter {
    pub(crate) engine: Arc<Engine>,
}

impl ImagesAdapter {
    /// Runs blocking work of the engine to its end, even when the client goes away.
    async fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Engine>) -> corten_engine::Result<T> + Send + 'static,
    ) -> ApiResult<T> {
        let engine = self.engine.clone();
        match tokio::task::spawn_blocking(move || work(&engine)).await {
            Ok(outcome) => outcome.map_err(refuse),
            Err(error) => Err(ApiError::new(ErrorKind::System, error.to_string())),
        }
    }

    /// The same for work that reads what the client sends, at its pace. It is cancelled when the client goes away.
    async fn receive<T: Send + 'static>(
        &self,
        archive: ByteStream,
        work: impl FnOnce(&Arc<Engine>, Box<dyn Read + Send>, &Cancel) -> corten_engine::Result<T>
        + Send
        + 'static,
    ) -> ApiResult<T> {
        let engine = self.engine.clone();
        let cancel = Cancel::new();
        let _gone = cancel.on_drop();
        let reader = streams::reader(archive);
        let done = on_own_thread(move || work(&engine, Box::new(reader), &cancel)).await;
        memory::give_back();
        match done {
            Ok(outcome) => outcome.map_err(refuse),
            Err(error) => Err(ApiError::new(ErrorKind::System, error.to_string())),
        }
    }
}

#[async_trait]
impl ImagesApi for ImagesAdapter {
    async fn list(&self, query: ListImages) -> ApiResult<Vec<ImageSummary>> {
        let ListImages {
            filters,
            shared_size,
            all,
        } = query;
        self.engine
            .image_list(&ImageQuery {
                filters,
                shared_size,
                all,
            })
            .map_err(refuse)
    }

    async fn inspect(&self, image: &str) -> ApiResult<ImageInspect> {
        self.engine.image_inspect(image).map_err(refuse)
    }

    async fn history(&self, image: &str) -> ApiResult<Vec<HistoryItem>> {
        self.engine.image_history(image).map_err(refuse)
    }

    async fn tag(&self, image: &str, repository: &str, tag: Option<&str>) -> ApiResult<()> {
        let (image, repository, tag) = (image.to_owned(), repository.to_owned(), tag.map(str::to_owned));
        self.offload(move |engine| engine.image_tag(&image, &repository, tag.as_deref()))
            .await
    }

    async fn remove(&self, image: &str, force: bool, prune: bool) -> ApiResult<Vec<ImageDeleteItem>> {
        let image = image.to_owned();
        self.offload(move |engine| engine.image_remove_with(&image, force, prune))
            .await
    }

    async fn load(&self, archive: ByteStream, _quiet: bool) -> ApiResult<ProgressStream> {
        let loaded = self
            .receive(archive, |engine, reader, cancel| {
                engine.image_load(reader, cancel)
            })
            .await?;
        let mut lines = Vec::new();
        for image in loaded {
            for (reference, replaced) in &image.replaced {
                lines.push(line(format!(
                    "The image {} already exists, renaming the old one with ID {replaced} to empty string\n",
                    reference.familiar()
                )));
            }
            if image.references.is_empty() {
                lines.push(line(format!("Loaded image ID: {}\n", image.id)));
            }
            for reference in &image.references {
                lines.push(line(format!("Loaded image: {}\n", reference.familiar())));
            }
        }
        Ok(Box::pin(stream::iter(lines.into_iter().map(Ok))))
    }

    async fn save(&self, names: Vec<String>, architecture: Option<String>) -> ApiResult<ByteStream> {
        let archive = self
            .engine
            .image_save(names, architecture)
            .await
            .map_err(refuse)?;
        Ok(streams::bytes(archive))
    }

    async fn commit(&self, options: CommitOptions) -> ApiResult<String> {
        let container = options.container;
        let options = corten_engine::CommitOptions {
            repository: options.repository,
            tag: options.tag,
            author: options.author,
            comment: options.comment,
            changes: options.changes,
            pause: options.pause,
            config: options.config,
        };
        let id = self
            .engine
            .commit(&container, options, &super::system::release())
            .await
            .map_err(refuse)?;
        Ok(id.to_string())
    }

    async fn import(&self, options: ImportOptions, archive: ByteStream) -> ApiResult<ProgressStream> {
        if options.source != "-" {
            return Err(ApiError::new(
                ErrorKind::NotImplemented,
                "importing from a URL is not supported by Corten yet: fetch the archive and import the file",
            ));
        }
        let platform = options.platform.unwrap_or_default();
        let mut parts = platform.split('/');
        let os = parts.next().unwrap_or_default();
        if !matches!(os, "" | "linux") {
            return Err(ApiError::new(
                ErrorKind::Invalid,
                format!("operating system is not supported: {os}"),
            ));
        }
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let options = corten_engine::ImportOptions {
            source: options.source,
            repository: options.repository,
            tag: options.tag,
            message: options.message,
            changes: options.changes,
            architecture: (part(), part()),
            engine_version: super::system::release(),
        };
        let id = self
            .receive(archive, move |engine, reader, cancel| {
                engine.import(options, reader, cancel)
            })
            .await?;
        let done = ProgressMessage {
            status: id.to_string(),
            ..ProgressMessage::default()
        };
        Ok(Box::pin(stream::iter([Ok(done)])))
    }

    async fn pull(&self, options: PullOptions) -> ApiResult<ProgressStream> {
        let invalid =
            |error: corten_types::InvalidReference| ApiError::new(ErrorKind::Invalid, error.to_string());
        let mut reference: Reference = options.image.parse().map_err(invalid)?;
        match options.tag.as_deref() {
            Some(digest) if digest.starts_with("sha256:") => {
                reference = format!("{reference}@{digest}").parse().map_err(invalid)?;
            }
            Some(tag) if !tag.is_empty() => reference = reference.with_tag(tag).map_err(invalid)?,
            _ => {}
        }
        let reference = reference.with_default_tag();
        let named = reference.clone();
        let pulled = self.offload(move |engine| engine.image_pull(&reference)).await?;
        let status = |text: String| ProgressMessage {
            status: text,
            ..ProgressMessage::default()
        };
        let tag = named.tag().unwrap_or_default().to_owned();
        let outcome = if pulled.up_to_date {
            "Image is up to date for"
        } else {
            "Downloaded newer image for"
        };
        let lines = [
            ProgressMessage {
                id: tag,
                ..status(format!("Pulling from {}", named.path()))
            },
            status(format!("Digest: {}", pulled.digest)),
            status(format!("Status: {outcome} {}", pulled.reference)),
        ];
        Ok(Box::pin(stream::iter(lines.into_iter().map(Ok))))
    }
}

fn line(text: String) -> ProgressMessage {
    ProgressMessage {
        stream: text,
        ..ProgressMessage::default()
    }
}
