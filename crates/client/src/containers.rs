//! Calls on containers.

use bytes::Bytes;
use corten_wire::{
    ContainerCreateRequest, ContainerCreateResponse, ContainerInspect, ContainerStats, ContainerSummary,
    ContainerTop, ContainerUpdateRequest, ContainerUpdateResponse, ContainerWaitResponse, go_json,
};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters, Hijacked, JsonStream, RawStream};

const KIND: &str = "containers";

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Also those that do not run.
    pub all: bool,
    /// At most so many, newest first, running or not.
    pub limit: Option<i64>,
    /// Compute sizes.
    pub size: bool,
    /// Only those that match.
    pub filters: Filters,
}

/// What to attach.
#[derive(Debug, Clone, Default)]
pub struct AttachOptions {
    /// Send input.
    pub stdin: bool,
    /// Receive output.
    pub stdout: bool,
    /// Receive errors.
    pub stderr: bool,
    /// Receive what is in the log first.
    pub logs: bool,
    /// Keys that detach, when not the engine's default.
    pub detach_keys: Option<String>,
}

/// Which part of a log to read.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Go on as the log grows.
    pub follow: bool,
    /// Begin lines with their time.
    pub timestamps: bool,
    /// Begin lines with the log's attributes.
    pub details: bool,
    /// From here, Unix seconds `s.n` or RFC 3339; empty for the beginning.
    pub since: String,
    /// Up to here; empty for the end.
    pub until: String,
    /// Lines from the end, or `all`.
    pub tail: String,
}

/// How to stop.
#[derive(Debug, Clone, Default)]
pub struct StopOptions {
    /// Instead of the container's own signal.
    pub signal: Option<String>,
    /// Seconds before SIGKILL, −1 for never, instead of the container's own.
    pub timeout: Option<i64>,
}

/// How to remove.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoveOptions {
    /// Kill first if need be.
    pub force: bool,
    /// Anonymous volumes, too.
    pub volumes: bool,
    /// Only a link.
    pub link: bool,
}

/// A wait that the engine has taken note of and will answer.
pub struct PendingWait(RawStream);

impl PendingWait {
    /// Waits for the end.
    ///
    /// # Errors
    /// When the connection breaks, which includes the engine's own end.
    pub async fn result(mut self) -> Result<ContainerWaitResponse, Error> {
        let mut text = Vec::new();
        while let Some(piece) = self.0.next().await? {
            text.extend_from_slice(&piece);
        }
        Ok(go_json::from_slice(&text)?)
    }
}

/// # Errors
/// All of them: [`Error::Status`] with the engine's sentence when it refuses, the others when it cannot be talked to.
impl Client {
    /// Creates a container.
    pub async fn create_container(
        &self,
        name: Option<&str>,
        platform: Option<&str>,
        body: &ContainerCreateRequest,
    ) -> Result<ContainerCreateResponse, Error> {
        let target = Target::new("/containers/create")
            .with_some("name", name)
            .with_some("platform", platform);
        self.json(Call::post(target).with_json(body)?).await
    }

    /// Starts a container; one that runs is left alone.
    pub async fn start_container(&self, id: &str, detach_keys: Option<&str>) -> Result<(), Error> {
        let target = Target::of(KIND, id, "/start").with_some("detachKeys", detach_keys);
        not_modified_is_done(self.done(Call::post(target)).await)
    }

    /// Stops a container; one that does not run is left alone.
    pub async fn stop_container(&self, id: &str, options: &StopOptions) -> Result<(), Error> {
        not_modified_is_done(self.done(Call::post(stop_target(id, "/stop", options))).await)
    }

    /// Stops and starts a container.
    pub async fn restart_container(&self, id: &str, options: &StopOptions) -> Result<(), Error> {
        self.done(Call::post(stop_target(id, "/restart", options))).await
    }

    /// Sends a signal (name or number) to a container's first process.
    pub async fn kill_container(&self, id: &str, signal: Option<&str>) -> Result<(), Error> {
        let target = Target::of(KIND, id, "/kill").with_some("signal", signal);
        self.done(Call::post(target)).await
    }

    /// Holds a container's processes.
    pub async fn pause_container(&self, id: &str) -> Result<(), Error> {
        self.done(Call::post(Target::of(KIND, id, "/pause"))).await
    }

    /// Lets a container's processes go on.
    pub async fn unpause_container(&self, id: &str) -> Result<(), Error> {
        self.done(Call::post(Target::of(KIND, id, "/unpause"))).await
    }

    /// Changes a container's limits and restart policy.
    pub async fn update_container(
        &self,
        id: &str,
        body: &ContainerUpdateRequest,
    ) -> Result<ContainerUpdateResponse, Error> {
        let target = Target::of(KIND, id, "/update");
        self.json(Call::post(target).with_json(body)?).await
    }

    /// A container's processes, as `ps` with these arguments shows them.
    pub async fn top_container(&self, id: &str, arguments: &str) -> Result<ContainerTop, Error> {
        let arguments = (!arguments.is_empty()).then_some(arguments);
        let target = Target::of(KIND, id, "/top").with_some("ps_args", arguments);
        self.json(Call::get(target)).await
    }

    /// Samples of what a container uses: one a second, or a single one.
    pub async fn container_stats(&self, id: &str, stream: bool) -> Result<JsonStream<ContainerStats>, Error> {
        let target = Target::of(KIND, id, "/stats").with("stream", u8::from(stream));
        self.json_stream(Call::get(target)).await
    }

    /// Renames a container.
    pub async fn rename_container(&self, id: &str, name: &str) -> Result<(), Error> {
        let target = Target::of(KIND, id, "/rename").with("name", name);
        self.done(Call::post(target)).await
    }

    /// Removes a container.
    pub async fn remove_container(&self, id: &str, options: RemoveOptions) -> Result<(), Error> {
        let target = Target::of(KIND, id, "")
            .with_flag("v", options.volumes)
            .with_flag("link", options.link)
            .with_flag("force", options.force);
        self.done(Call::delete(target)).await
    }

    /// Lists containers.
    pub async fn list_containers(&self, options: &ListOptions) -> Result<Vec<ContainerSummary>, Error> {
        Ok(go_json::from_slice(&self.list_containers_raw(options).await?)?)
    }

    /// As [`Self::list_containers`], as the engine wrote it: with many containers, who needs little of them is quicker so.
    pub async fn list_containers_raw(&self, options: &ListOptions) -> Result<Bytes, Error> {
        let target = Target::new("/containers/json")
            .with_flag("all", options.all)
            .with_some("limit", options.limit)
            .with_flag("size", options.size)
            .with_filters(&options.filters);
        self.bytes(Call::get(target)).await
    }

    /// Everything about a container.
    pub async fn inspect_container(&self, id: &str) -> Result<ContainerInspect, Error> {
        self.json(Call::get(Target::of(KIND, id, "/json"))).await
    }

    /// The JSON of [`Self::inspect_container`] as the engine wrote it.
    pub async fn inspect_container_raw(&self, id: &str, size: bool) -> Result<Bytes, Error> {
        let target = Target::of(KIND, id, "/json").with_flag("size", size);
        self.bytes(Call::get(target)).await
    }

    /// Asks for a container's exit code. `condition` is `not-running`, `next-exit` or `removed`. Returns as soon as the
    /// engine has registered the wait, so that whatever is requested next cannot be missed.
    pub async fn wait_container(&self, id: &str, condition: &str) -> Result<PendingWait, Error> {
        let target = Target::of(KIND, id, "/wait").with("condition", condition);
        self.raw(Call::post(target)).await.map(PendingWait)
    }

    /// Reads a log; frames for [`crate::Demultiplexer`] unless the container has a terminal.
    pub async fn container_logs(&self, id: &str, options: &LogOptions) -> Result<RawStream, Error> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let target = Target::of(KIND, id, "/logs")
            .with("stdout", 1)
            .with("stderr", 1)
            .with_flag("follow", options.follow)
            .with_flag("timestamps", options.timestamps)
            .with_flag("details", options.details)
            .with_some("since", given(&options.since))
            .with_some("until", given(&options.until))
            .with_some("tail", given(&options.tail));
        self.raw(Call::get(target)).await
    }

    /// Attaches to a container's streams.
    pub async fn attach_container(&self, id: &str, options: &AttachOptions) -> Result<Hijacked, Error> {
        let target = Target::of(KIND, id, "/attach")
            .with("stream", 1)
            .with_flag("stdin", options.stdin)
            .with_flag("stdout", options.stdout)
            .with_flag("stderr", options.stderr)
            .with_flag("logs", options.logs)
            .with_some("detachKeys", options.detach_keys.as_ref());
        self.hijack(Call::post(target)).await
    }

    /// Sets the size of a container's terminal, in characters.
    pub async fn resize_container(&self, id: &str, height: u16, width: u16) -> Result<(), Error> {
        let target = Target::of(KIND, id, "/resize").with("h", height).with("w", width);
        self.done(Call::post(target)).await
    }
}

fn stop_target(id: &str, verb: &str, options: &StopOptions) -> Target {
    Target::of(KIND, id, verb)
        .with_some("signal", options.signal.as_ref())
        .with_some("t", options.timeout)
}

/// 304 says that things already are as wished.
fn not_modified_is_done(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::Status { status: 304, .. }) => Ok(()),
        other => other,
    }
}
