//! `/containers`.

use std::sync::Arc;

use async_trait::async_trait;
use corten_api::backend::{
    AttachOptions, Attached, ByteStream, ContainersApi, CreateOptions, ListContainers, LogLines, LogOptions,
    Logs, PutArchive, RemoveContainer, StatsOptions, StatsStream, StdStream, StopOptions, WaitCondition,
    WaitFuture,
};
use corten_api::{ApiError, ApiResult};
use corten_engine::{Cancel, Engine, ListQuery, LogQuery, LogStream, WaitFor};
use corten_sandbox::StreamKind;
use corten_types::ErrorKind;
use corten_wire::{
    ContainerCreateRequest, ContainerCreateResponse, ContainerInspect, ContainerPathStat, ContainerSummary,
    ContainerTop, ContainerUpdateRequest, ContainerUpdateResponse, ContainerWaitResponse, FilesystemChange,
};
use futures_util::{StreamExt, stream};

use super::{refuse, streams};

pub(crate) struct Containers {
    pub(crate) engine: Arc<Engine>,
}

#[async_trait]
impl ContainersApi for Containers {
    async fn create(
        &self,
        options: CreateOptions,
        request: ContainerCreateRequest,
    ) -> ApiResult<ContainerCreateResponse> {
        let name = options.name.unwrap_or_default();
        let platform = options.platform.unwrap_or_default();
        let created = self
            .engine
            .create(&name, &platform, request)
            .await
            .map_err(refuse)?;
        Ok(ContainerCreateResponse {
            id: created.id,
            warnings: created.warnings,
        })
    }

    async fn list(&self, query: ListContainers) -> ApiResult<Vec<ContainerSummary>> {
        let ListContainers {
            all,
            limit,
            size,
            filters,
        } = query;
        let query = ListQuery {
            all,
            limit,
            size,
            filters,
        };
        if size {
            return self.engine.list_measured(query).await.map_err(refuse);
        }
        self.engine.list(&query).map_err(refuse)
    }

    async fn inspect(&self, container: &str, size: bool) -> ApiResult<ContainerInspect> {
        self.engine.inspect(container, size).map_err(refuse)
    }

    async fn start(&self, container: &str) -> ApiResult<()> {
        self.engine.start(container).await.map_err(refuse)
    }

    async fn stop(&self, container: &str, options: StopOptions) -> ApiResult<()> {
        self.engine
            .stop(container, options.signal.as_deref(), options.timeout)
            .await
            .map_err(refuse)
    }

    async fn restart(&self, container: &str, options: StopOptions) -> ApiResult<()> {
        self.engine
            .restart(container, options.signal.as_deref(), options.timeout)
            .await
            .map_err(refuse)
    }

    async fn kill(&self, container: &str, signal: Option<String>) -> ApiResult<()> {
        self.engine
            .kill(container, signal.as_deref())
            .await
            .map_err(refuse)
    }

    async fn pause(&self, container: &str) -> ApiResult<()> {
        self.engine.pause(container).await.map_err(refuse)
    }

    async fn unpause(&self, container: &str) -> ApiResult<()> {
        self.engine.unpause(container).await.map_err(refuse)
    }

    async fn update(
        &self,
        container: &str,
        request: ContainerUpdateRequest,
    ) -> ApiResult<ContainerUpdateResponse> {
        self.engine.update(container, request).await.map_err(refuse)
    }

    async fn top(&self, container: &str, arguments: &str) -> ApiResult<ContainerTop> {
        self.engine.top(container, arguments).await.map_err(refuse)
    }

    async fn stats(&self, container: &str, options: StatsOptions) -> ApiResult<StatsStream> {
        let watch = self
            .engine
            .stats(container, options.stream, options.one_shot)
            .map_err(refuse)?;
        Ok(Box::pin(stream::unfold(watch, |mut watch| async move {
            let sample = watch.next().await?;
            Some((sample, watch))
        })))
    }

    async fn rename(&self, container: &str, name: &str) -> ApiResult<()> {
        self.engine.rename(container, name).await.map_err(refuse)
    }

    async fn remove(&self, container: &str, options: RemoveContainer) -> ApiResult<()> {
        if options.link {
            return self.engine.remove_link(container).await.map_err(refuse);
        }
        self.engine
            .remove(container, options.force, options.volumes)
            .await
            .map_err(refuse)
    }

    async fn wait(&self, container: &str, condition: WaitCondition) -> ApiResult<WaitFuture> {
        let condition = match condition {
            WaitCondition::NotRunning => WaitFor::NotRunning,
            WaitCondition::NextExit => WaitFor::NextExit,
            WaitCondition::Removed => WaitFor::Removed,
        };
        let ended = self.engine.wait(container, condition).map_err(refuse)?;
        Ok(Box::pin(async move {
            ContainerWaitResponse {
                status_code: ended.await,
                ..ContainerWaitResponse::default()
            }
        }))
    }

    async fn logs(&self, container: &str, options: LogOptions) -> ApiResult<Logs> {
        let query = LogQuery {
            stdout: options.stdout,
            stderr: options.stderr,
            follow: options.follow,
            since_ns: options.since,
            until_ns: options.until,
            timestamps: options.timestamps,
            details: options.details,
            tail: options.tail,
        };
        let logs = self.engine.logs(container, query).map_err(refuse)?;
        Ok(Logs {
            tty: logs.tty,
            lines: lines(logs),
        })
    }

    async fn attach(&self, container: &str, options: AttachOptions) -> ApiResult<Attached> {
        let AttachOptions {
            stdin,
            stdout,
            stderr,
            stream,
            logs,
            detach_keys,
        } = options;
        let past = if logs {
            let query = LogQuery {
                stdout,
                stderr,
                follow: false,
                since_ns: None,
                until_ns: None,
                timestamps: false,
                details: false,
                tail: None,
            };
            Some(self.engine.logs(container, query).map_err(refuse)?)
        } else {
            None
        };
        if !stream {
            let Some(past) = past else {
                return Err(ApiError::new(
                    ErrorKind::Invalid,
                    "Bad parameters: neither logs nor stream is asked for",
                ));
            };
            return Ok(Attached {
                tty: past.tty,
                detach_keys,
                stdin: None,
                output: Box::pin(pieces(past)),
            });
        }
        let attachment = self
            .engine
            .attach(container, stdin, stdout, stderr)
            .await
            .map_err(refuse)?;
        let tty = attachment.tty;
        let with_stdin = stdin && attachment.open_stdin;
        let (output, stdin) = streams::connect(attachment.streams(), with_stdin);
        let output = match past {
            Some(past) => Box::pin(pieces(past).chain(output)),
            None => output,
        };
        Ok(Attached {
            tty,
            detach_keys,
            stdin,
            output,
        })
    }

    async fn resize(&self, container: &str, height: u16, width: u16) -> ApiResult<()> {
        self.engine.resize(container, width, height).await.map_err(refuse)
    }

    async fn stat_path(&self, container: &str, path: &str) -> ApiResult<ContainerPathStat> {
        self.engine.archive_stat(container, path).await.map_err(refuse)
    }

    async fn get_archive(&self, container: &str, path: &str) -> ApiResult<(ContainerPathStat, ByteStream)> {
        let (stat, archive) = self.engine.archive_get(container, path).await.map_err(refuse)?;
        Ok((stat, streams::bytes(archive)))
    }

    async fn put_archive(
        &self,
        container: &str,
        path: &str,
        options: PutArchive,
        archive: ByteStream,
    ) -> ApiResult<()> {
        let options = corten_engine::PutArchive {
            keep_kinds: options.keep_kinds,
            own: options.own,
        };
        let cancel = Cancel::new();
        let _gone = cancel.on_drop();
        self.engine
            .archive_put(container, path, options, streams::reader(archive), cancel)
            .await
            .map_err(refuse)
    }

    async fn changes(&self, container: &str) -> ApiResult<Option<Vec<FilesystemChange>>> {
        self.engine.changes(container).await.map_err(refuse)
    }

    async fn export(&self, container: &str) -> ApiResult<ByteStream> {
        let archive = self.engine.export(container).await.map_err(refuse)?;
        Ok(streams::bytes(archive))
    }
}

/// Lines as they are read, many at a time.
fn lines(logs: LogStream) -> LogLines {
    let standard = |kind| match kind {
        StreamKind::Stdout => StdStream::Stdout,
        StreamKind::Stderr => StdStream::Stderr,
    };
    Box::pin(stream::unfold(logs.lines, move |mut lines| async move {
        let batch = lines.recv().await?;
        let batch = batch.map(|batch| {
            let named = batch.into_iter().map(|(kind, line)| (standard(kind), line));
            named.collect()
        });
        Some((batch, lines))
    }))
}

/// The same one by one.
fn pieces(
    logs: LogStream,
) -> impl futures_util::Stream<Item = std::io::Result<(StdStream, bytes::Bytes)>> + Send {
    lines(logs).flat_map(|batch| {
        let each: Vec<_> = match batch {
            Ok(batch) => batch.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(each)
    })
}
