//! Calls about containers. A container is named by its identifier, an unambiguous prefix of it, or its name.

use async_trait::async_trait;
use corten_wire::{
    ApiVersion, ContainerCreateRequest, ContainerCreateResponse, ContainerInspect, ContainerPathStat,
    ContainerSummary, ContainerTop, ContainerUpdateRequest, ContainerUpdateResponse, FilesystemChange,
    Filters,
};

use super::streams::{Attached, ByteStream, Logs, StatsStream, WaitFuture};
use crate::ApiResult;

/// What creating takes beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// Name without leading slash; `None` for a made-up one.
    pub name: Option<String>,
    /// `os[/arch[/variant]]` of the image; `None` for the host's.
    pub platform: Option<String>,
    /// Version the client speaks.
    pub version: ApiVersion,
}

/// Which containers to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListContainers {
    /// Those that do not run, too.
    pub all: bool,
    /// At most so many, the newest, running or not; 0 and less is no limit.
    pub limit: i64,
    /// With sizes.
    pub size: bool,
    /// Which.
    pub filters: Filters,
}

/// How to stop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopOptions {
    /// Name or number; `None` for the container's own.
    pub signal: Option<String>,
    /// Seconds before SIGKILL, −1 for never; `None` for the container's own.
    pub timeout: Option<i64>,
}

/// How to remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RemoveContainer {
    /// Kill it first if it runs.
    pub force: bool,
    /// Its anonymous volumes, too.
    pub volumes: bool,
    /// Only the link of that name.
    pub link: bool,
}

/// Which samples to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsOptions {
    /// One a second until the container is gone; otherwise one.
    pub stream: bool,
    /// The one at once, without a sample before it.
    pub one_shot: bool,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WaitCondition {
    /// It does not run (any more, or yet).
    #[default]
    NotRunning,
    /// Its next end.
    NextExit,
    /// Its removal.
    Removed,
}

/// Which output to send from the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// Go on until the container ends.
    pub follow: bool,
    /// Written at or after this time (Unix nanoseconds).
    pub since: Option<i64>,
    /// Written at or before this time (Unix nanoseconds).
    pub until: Option<i64>,
    /// Each line with its time in front.
    pub timestamps: bool,
    /// The last so many lines; `None` for all.
    pub tail: Option<u64>,
    /// Each line with the log driver's attributes in front.
    pub details: bool,
}

/// What to attach to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachOptions {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// Output from now on, until the end.
    pub stream: bool,
    /// Output up to now.
    pub logs: bool,
    /// To be handed back in [`Attached::detach_keys`]; syntactically right.
    pub detach_keys: String,
}

/// How to copy into a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PutArchive {
    /// Refuse to replace a directory by something else, and the other way round.
    pub keep_kinds: bool,
    /// Give everything to the container's user.
    pub own: bool,
}

/// Containers.
#[async_trait]
pub trait ContainersApi: Send + Sync {
    /// Makes a container.
    async fn create(
        &self,
        options: CreateOptions,
        request: ContainerCreateRequest,
    ) -> ApiResult<ContainerCreateResponse>;

    /// Lists containers, newest first.
    async fn list(&self, query: ListContainers) -> ApiResult<Vec<ContainerSummary>>;

    /// All there is to know of one; with `size`, what it takes on disk.
    async fn inspect(&self, container: &str, size: bool) -> ApiResult<ContainerInspect>;

    /// Starts it. `NotModified` when it runs.
    async fn start(&self, container: &str) -> ApiResult<()>;

    /// Asks it to end, then makes it. `NotModified` when it does not run.
    async fn stop(&self, container: &str, options: StopOptions) -> ApiResult<()>;

    /// Stops it if it runs, and starts it.
    async fn restart(&self, container: &str, options: StopOptions) -> ApiResult<()>;

    /// Sends a signal (name or number, `None` for SIGKILL).
    async fn kill(&self, container: &str, signal: Option<String>) -> ApiResult<()>;

    /// Holds all its processes.
    async fn pause(&self, container: &str) -> ApiResult<()>;

    /// Lets them go on.
    async fn unpause(&self, container: &str) -> ApiResult<()>;

    /// Changes its limits and its restart policy.
    async fn update(
        &self,
        container: &str,
        request: ContainerUpdateRequest,
    ) -> ApiResult<ContainerUpdateResponse>;

    /// Its processes, as `ps` with these arguments shows them (`-ef` when empty).
    async fn top(&self, container: &str, arguments: &str) -> ApiResult<ContainerTop>;

    /// Samples of what it uses.
    async fn stats(&self, container: &str, options: StatsOptions) -> ApiResult<StatsStream>;

    /// Gives it another name.
    async fn rename(&self, container: &str, name: &str) -> ApiResult<()>;

    /// Removes it.
    async fn remove(&self, container: &str, options: RemoveContainer) -> ApiResult<()>;

    /// Begins to wait. When this returns, the condition is being watched: what happens from then on is not missed, and
    /// the client is told so by the headers of the answer.
    async fn wait(&self, container: &str, condition: WaitCondition) -> ApiResult<WaitFuture>;

    /// Sends what the log has.
    async fn logs(&self, container: &str, options: LogOptions) -> ApiResult<Logs>;

    /// Attaches to its streams; it need not run yet. When this returns, the output is being collected: the client starts
    /// the container as soon as it is told so by the headers of the answer.
    async fn attach(&self, container: &str, options: AttachOptions) -> ApiResult<Attached>;

    /// Sets the size of its terminal in characters.
    async fn resize(&self, container: &str, height: u16, width: u16) -> ApiResult<()>;

    /// What is at a path in it, a link itself not followed.
    async fn stat_path(&self, container: &str, path: &str) -> ApiResult<ContainerPathStat>;

    /// The file or directory at a path in it, as a tar stream.
    async fn get_archive(&self, container: &str, path: &str) -> ApiResult<(ContainerPathStat, ByteStream)>;

    /// Unpacks a tar stream, compressed or not, in a directory of it.
    async fn put_archive(
        &self,
        container: &str,
        path: &str,
        options: PutArchive,
        archive: ByteStream,
    ) -> ApiResult<()>;

    /// What it changed of its image; `None` when nothing.
    async fn changes(&self, container: &str) -> ApiResult<Option<Vec<FilesystemChange>>>;

    /// Its root file system as a tar stream.
    async fn export(&self, container: &str) -> ApiResult<ByteStream>;
}
