//! A backend for tests: one container named `c`, one exec named `e`, one image; everything it does can be watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use corten_api::backend::*;
use corten_api::{ApiError, ApiResult};
use corten_types::ErrorKind;
use corten_wire::*;
use futures_util::{StreamExt, stream};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::Notify;
use tokio_util::io::ReaderStream;

/// The implementation of every trait.
#[derive(Default)]
pub struct Fake {
    /// Ends `wait`.
    pub end: Arc<Notify>,
    /// Events streams alive.
    pub listeners: Arc<AtomicUsize>,
    /// What `create` was asked for.
    pub created: std::sync::Mutex<Option<(CreateOptions, ContainerCreateRequest)>>,
    /// What `connect` was asked for.
    pub connected: std::sync::Mutex<Option<EndpointSettings>>,
}

impl Fake {
    pub fn backend(self: &Arc<Self>) -> Backend {
        Backend {
            system: self.clone(),
            containers: self.clone(),
            exec: self.clone(),
            images: self.clone(),
            volumes: self.clone(),
            networks: self.clone(),
            housekeeping: self.clone(),
        }
    }
}

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn known(container: &str) -> ApiResult<()> {
    match container {
        "c" | "c0ffee" | "tty" => Ok(()),
        "same" => Err(ApiError::new(ErrorKind::NotModified, "")),
        _ => Err(ApiError::not_found(format!("No such container: {container}"))),
    }
}

/// A process that greets on both streams, echoes its input in upper case and says goodbye at its end.
fn echo(tty: bool) -> Attached {
    let (stdin, process) = duplex(64);
    let greeting = stream::iter([
        Ok((StdStream::Stdout, Bytes::from_static(b"hello "))),
        Ok((StdStream::Stderr, Bytes::from_static(b"there "))),
    ]);
    let shout = |process: DuplexStream| {
        ReaderStream::new(process)
            .map(|piece| piece.map(|bytes| (StdStream::Stdout, Bytes::from(bytes.to_ascii_uppercase()))))
    };
    let goodbye = stream::iter([Ok((StdStream::Stdout, Bytes::from_static(b" bye")))]);
    Attached {
        tty,
        detach_keys: String::new(),
        stdin: Some(Box::pin(stdin)),
        output: Box::pin(greeting.chain(shout(process)).chain(goodbye)),
    }
}

#[async_trait]
impl SystemApi for Fake {
    async fn version(&self) -> ApiResult<SystemVersion> {
        Ok(SystemVersion {
            platform: PlatformName { name: "Fake".into() },
            version: "29.3.1+fake".into(),
            api_version: "1.53".into(),
            min_api_version: "1.24".into(),
            os: "linux".into(),
            arch: "amd64".into(),
            ..SystemVersion::default()
        })
    }

    async fn info(&self) -> ApiResult<SystemInfo> {
        Ok(SystemInfo {
            name: "fakehost".into(),
            containers: 1,
            ..SystemInfo::default()
        })
    }

    async fn events(&self, query: EventsQuery) -> ApiResult<EventStream> {
        self.listeners.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(self.listeners.clone());
        let event = Event {
            r#type: "container".into(),
            action: "start".into(),
            actor: EventActor {
                id: "abc".into(),
                attributes: [("image".into(), "img".into())].into(),
            },
            scope: "local".into(),
            time: 1,
            time_nano: 1_000_000_000,
            ..Event::default()
        };
        let first = stream::iter([event]);
        if query.until.is_some() {
            return Ok(Box::pin(first));
        }
        Ok(Box::pin(first.chain(stream::pending()).map(move |event| {
            let _ = &alive;
            event
        })))
    }
}

#[async_trait]
impl ContainersApi for Fake {
    async fn create(
        &self,
        options: CreateOptions,
        request: ContainerCreateRequest,
    ) -> ApiResult<ContainerCreateResponse> {
        *self.created.lock().unwrap() = Some((options, request));
        Ok(ContainerCreateResponse {
            id: "f00d".into(),
            warnings: Vec::new(),
        })
    }

    async fn list(&self, query: ListContainers) -> ApiResult<Vec<ContainerSummary>> {
        query
            .filters
            .check(&["label", "status"])
            .map_err(|error| ApiError::invalid(error.to_string()))?;
        Ok(vec![ContainerSummary {
            id: "c0ffee00c0ffee".into(),
            names: vec!["/c".into()],
            image: "img".into(),
            command: "sleep 1".into(),
            state: "running".into(),
            status: "Up 2 seconds".into(),
            health: Some(HealthSummary::default()),
            ports: vec![PortSummary {
                private_port: 80,
                r#type: "tcp".into(),
                ..PortSummary::default()
            }],
            ..ContainerSummary::default()
        }])
    }

    async fn inspect(&self, container: &str, size: bool) -> ApiResult<ContainerInspect> {
        known(container)?;
        let size_rw = size.then_some(0);
        Ok(ContainerInspect {
            id: "c0ffee".into(),
            name: "/c".into(),
            size_rw,
            ..ContainerInspect::default()
        })
    }

    async fn start(&self, container: &str) -> ApiResult<()> {
        known(container)
    }

    async fn stop(&self, container: &str, _: StopOptions) -> ApiResult<()> {
        known(container)
    }

    async fn restart(&self, container: &str, _: StopOptions) -> ApiResult<()> {
        known(container)
    }

    async fn kill(&self, container: &str, _: Option<String>) -> ApiResult<()> {
        known(container)
    }

    async fn pause(&self, container: &str) -> ApiResult<()> {
        known(container)
    }

    async fn unpause(&self, container: &str) -> ApiResult<()> {
        known(container)
    }

    async fn update(
        &self,
        container: &str,
        request: ContainerUpdateRequest,
    ) -> ApiResult<ContainerUpdateResponse> {
        known(container)?;
        let seen = format!("{} {:?}", request.memory, request.pids_limit);
        Ok(ContainerUpdateResponse {
            warnings: Some(vec![seen]),
            ports: request.publish_add,
        })
    }

    async fn top(&self, container: &str, arguments: &str) -> ApiResult<ContainerTop> {
        known(container)?;
        Ok(ContainerTop {
            processes: vec![vec!["1".into()]],
            titles: vec![format!("PID {arguments}")],
        })
    }

    async fn stats(&self, container: &str, options: StatsOptions) -> ApiResult<StatsStream> {
        known(container)?;
        let sample = ContainerStats {
            id: "c0ffee".into(),
            ..ContainerStats::default()
        };
        let one = stream::iter([sample]);
        Ok(if options.stream {
            Box::pin(one.chain(stream::pending()))
        } else {
            Box::pin(one)
        })
    }

    async fn rename(&self, container: &str, _: &str) -> ApiResult<()> {
        known(container)
    }

    async fn remove(&self, container: &str, _: RemoveContainer) -> ApiResult<()> {
        known(container)
    }

    async fn wait(&self, container: &str, _: WaitCondition) -> ApiResult<WaitFuture> {
        known(container)?;
        let end = self.end.clone();
        Ok(Box::pin(async move {
            end.notified().await;
            ContainerWaitResponse {
                error: None,
                status_code: 3,
            }
        }))
    }

    async fn logs(&self, container: &str, options: LogOptions) -> ApiResult<Logs> {
        known(container)?;
        let lines = stream::iter([
            Ok(vec![(StdStream::Stdout, Bytes::from_static(b"out\n"))]),
            Ok(vec![(StdStream::Stderr, Bytes::from_static(b"err\n"))]),
        ]);
        let tty = container == "tty";
        Ok(if options.follow {
            Logs {
                tty,
                lines: Box::pin(lines.chain(stream::pending())),
            }
        } else {
            Logs {
                tty,
                lines: Box::pin(lines),
            }
        })
    }

    async fn attach(&self, container: &str, options: AttachOptions) -> ApiResult<Attached> {
        // Let a client that closes its half at once be seen doing so before the connection is taken over. The backend
        // cannot see that, so there is no condition to wait for; too short a time would only test less.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        known(container)?;
        Ok(Attached {
            detach_keys: options.detach_keys,
            ..echo(container == "tty")
        })
    }

    async fn resize(&self, container: &str, _: u16, _: u16) -> ApiResult<()> {
        known(container)
    }

    async fn stat_path(&self, container: &str, path: &str) -> ApiResult<ContainerPathStat> {
        known(container)?;
        Ok(ContainerPathStat {
            name: path.into(),
            ..ContainerPathStat::default()
        })
    }

    async fn get_archive(&self, container: &str, path: &str) -> ApiResult<(ContainerPathStat, ByteStream)> {
        let stat = self.stat_path(container, path).await?;
        let pieces = stream::iter([Ok(Bytes::from_static(b"tar")), Ok(Bytes::from_static(b"ball"))]);
        Ok((stat, Box::pin(pieces)))
    }

    async fn put_archive(
        &self,
        container: &str,
        _path: &str,
        options: PutArchive,
        mut archive: ByteStream,
    ) -> ApiResult<()> {
        known(container)?;
        let mut length = 0;
        while let Some(piece) = archive.next().await {
            length += piece.map_err(|error| ApiError::invalid(error.to_string()))?.len();
        }
        if options.keep_kinds && length == 4 {
            return Err(ApiError::invalid("cannot overwrite"));
        }
        Ok(())
    }

    async fn changes(&self, container: &str) -> ApiResult<Option<Vec<FilesystemChange>>> {
        known(container)?;
        Ok(None)
    }

    async fn export(&self, container: &str) -> ApiResult<ByteStream> {
        known(container)?;
        let broken = Err(std::io::Error::other("the disk is gone"));
        Ok(Box::pin(stream::iter([Ok(Bytes::from_static(b"tar")), broken])))
    }
}

#[async_trait]
impl ExecApi for Fake {
    async fn create(&self, container: &str, _: ExecCreateRequest) -> ApiResult<IdResponse> {
        known(container)?;
        Ok(IdResponse { id: "e".into() })
    }

    async fn inspect(&self, exec: &str) -> ApiResult<ExecInspect> {
        Ok(ExecInspect {
            id: exec.into(),
            exit_code: Some(7),
            ..ExecInspect::default()
        })
    }

    async fn start_detached(&self, _: &str, _: ExecStartRequest) -> ApiResult<()> {
        Ok(())
    }

    async fn start_attached(&self, exec: &str, request: ExecStartRequest) -> ApiResult<Attached> {
        match exec {
            "e" => Ok(echo(request.tty)),
            "broken" => Err(ApiError::invalid("no such program")),
            _ => Err(ApiError::not_found(format!("No such exec instance: {exec}"))),
        }
    }

    async fn resize(&self, _: &str, _: u16, _: u16) -> ApiResult<()> {
        Ok(())
    }
}

#[async_trait]
impl ImagesApi for Fake {
    async fn list(&self, _: ListImages) -> ApiResult<Vec<ImageSummary>> {
        Ok(vec![ImageSummary {
            id: format!("sha256:{}", "0".repeat(64)),
            repo_tags: vec!["a/b:c".into()],
            size: 5,
            ..ImageSummary::default()
        }])
    }

    async fn inspect(&self, image: &str) -> ApiResult<ImageInspect> {
        Ok(ImageInspect {
            id: image.into(),
            size: 9,
            ..ImageInspect::default()
        })
    }

    async fn history(&self, image: &str) -> ApiResult<Vec<HistoryItem>> {
        Ok(vec![HistoryItem {
            id: image.into(),
            ..HistoryItem::default()
        }])
    }

    async fn tag(&self, image: &str, repository: &str, tag: Option<&str>) -> ApiResult<()> {
        assert_eq!((image, repository, tag), ("a/b", "x/y", Some("z")));
        Ok(())
    }

    async fn remove(&self, image: &str, force: bool, prune: bool) -> ApiResult<Vec<ImageDeleteItem>> {
        Ok(vec![ImageDeleteItem {
            untagged: format!("{image} {force} {prune}"),
            ..ImageDeleteItem::default()
        }])
    }

    async fn load(&self, mut archive: ByteStream, quiet: bool) -> ApiResult<ProgressStream> {
        let mut length = 0;
        while let Some(piece) = archive.next().await {
            length += piece.map_err(|cause| ApiError::invalid(cause.to_string()))?.len();
        }
        let line = ProgressMessage {
            stream: format!("{length} {quiet}"),
            ..ProgressMessage::default()
        };
        Ok(Box::pin(stream::iter([
            Ok(line),
            Err(ApiError::invalid("then it broke")),
            Ok(ProgressMessage::default()),
        ])))
    }

    async fn pull(&self, options: PullOptions) -> ApiResult<ProgressStream> {
        Ok(Box::pin(stream::iter([Err(ApiError::not_found(format!(
            "no {}",
            options.image
        )))])))
    }

    async fn save(&self, names: Vec<String>, architecture: Option<String>) -> ApiResult<ByteStream> {
        let text = format!("{names:?} {architecture:?}");
        Ok(Box::pin(stream::iter([Ok(Bytes::from(text))])))
    }

    async fn commit(&self, options: CommitOptions) -> ApiResult<String> {
        known(&options.container)?;
        Ok(format!("sha256:{}", options.changes.len()))
    }

    async fn import(&self, options: ImportOptions, _archive: ByteStream) -> ApiResult<ProgressStream> {
        let done = ProgressMessage {
            status: options.repository,
            ..ProgressMessage::default()
        };
        Ok(Box::pin(stream::iter([Ok(done)])))
    }
}

#[async_trait]
impl VolumesApi for Fake {
    async fn list(&self, _: Filters) -> ApiResult<VolumeList> {
        Ok(VolumeList::default())
    }

    async fn inspect(&self, name: &str) -> ApiResult<Volume> {
        Ok(Volume {
            name: name.into(),
            ..Volume::default()
        })
    }

    async fn create(&self, request: VolumeCreateRequest) -> ApiResult<Volume> {
        Ok(Volume {
            name: request.name,
            labels: request.labels,
            ..Volume::default()
        })
    }

    async fn update(&self, _: &str) -> ApiResult<()> {
        Ok(())
    }

    async fn export(&self, _: &str) -> ApiResult<ByteStream> {
        Ok(Box::pin(stream::iter([Ok(Bytes::from_static(b"archive"))])))
    }

    async fn import(&self, _: &str, _: ByteStream) -> ApiResult<()> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: bool) -> ApiResult<()> {
        Ok(())
    }
}

#[async_trait]
impl NetworksApi for Fake {
    async fn list(&self, _: Filters) -> ApiResult<Vec<Network>> {
        Ok(Vec::new())
    }

    async fn inspect(&self, network: &str, _: Option<&str>) -> ApiResult<Network> {
        Err(ApiError::not_found(format!("network {network} not found")))
    }

    async fn create(&self, request: NetworkCreateRequest) -> ApiResult<String> {
        Ok(request.name)
    }

    async fn remove(&self, _: &str) -> ApiResult<()> {
        Ok(())
    }

    async fn connect(&self, _: &str, request: NetworkConnectRequest) -> ApiResult<()> {
        known(&request.container)?;
        *self.connected.lock().unwrap() = request.endpoint_config;
        Ok(())
    }

    async fn disconnect(&self, network: &str, request: NetworkDisconnectRequest) -> ApiResult<()> {
        known(&request.container)?;
        if !request.force {
            let sentence = format!(
                "container {} is not connected to network {network}",
                request.container
            );
            return Err(ApiError::new(ErrorKind::Forbidden, sentence));
        }
        Ok(())
    }
}

#[async_trait]
impl HousekeepingApi for Fake {
    async fn disk_usage(&self, query: DiskUsageQuery) -> ApiResult<DiskUsage> {
        let images = Usage {
            total_count: 1,
            ..Usage::default()
        };
        Ok(DiskUsage {
            legacy: query.legacy.then(|| LegacyDiskUsage {
                images: query.images.then(Vec::new),
                ..LegacyDiskUsage::default()
            }),
            image_usage: (query.summaries && query.images).then_some(images),
            ..DiskUsage::default()
        })
    }

    async fn prune_containers(&self, _: Filters) -> ApiResult<ContainersPruned> {
        Ok(ContainersPruned::default())
    }

    async fn prune_images(&self, _: Filters) -> ApiResult<ImagesPruned> {
        Ok(ImagesPruned::default())
    }

    async fn prune_volumes(&self, filters: Filters) -> ApiResult<VolumesPruned> {
        Ok(VolumesPruned {
            volumes_deleted: filters.values("all").map(str::to_owned).collect(),
            space_reclaimed: 0,
        })
    }

    async fn prune_networks(&self, _: Filters) -> ApiResult<NetworksPruned> {
        Ok(NetworksPruned::default())
    }

    async fn prune_build_cache(&self, _: bool, _: Filters) -> ApiResult<BuildCachePruned> {
        Ok(BuildCachePruned::default())
    }
}
