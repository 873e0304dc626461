//! Running containers held, limited and looked at: pause, update, top, stats.

use axum::Extension;
use axum::extract::{Path, Request, State};
use corten_wire::ContainerUpdateRequest;
use http::StatusCode;

use super::{Answer, Api};
use crate::ApiError;
use crate::backend::StatsOptions;
use crate::connection::Link;
use crate::http::{Params, empty, json, json_lines, read_json};

/// First API version that updates the limit of processes.
const UPDATE_OF_PIDS: u16 = 40;
/// First API version without kernel memory.
const NO_KERNEL_MEMORY: u16 = 42;

pub(super) async fn pause(State(api): Api, Path(id): Path<String>) -> Answer {
    api.containers.pause(&id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn unpause(State(api): Api, Path(id): Path<String>) -> Answer {
    api.containers.unpause(&id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn update(
    State(api): Api,
    Path(id): Path<String>,
    params: Params,
    request: Request,
) -> Answer {
    let mut wanted: ContainerUpdateRequest = read_json(request).await?;
    let version = params.version();
    if !version.at_least(UPDATE_OF_PIDS) {
        wanted.pids_limit = None;
    }
    if version.at_least(NO_KERNEL_MEMORY) {
        wanted.kernel_memory = 0;
    }
    Ok(json(StatusCode::OK, &api.containers.update(&id, wanted).await?))
}

pub(super) async fn top(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    let arguments = params.text("ps_args").unwrap_or_default();
    Ok(json(StatusCode::OK, &api.containers.top(&id, arguments).await?))
}

pub(super) async fn stats(
    State(api): Api,
    Path(id): Path<String>,
    Extension(link): Extension<Link>,
    params: Params,
) -> Answer {
    let options = StatsOptions {
        stream: params.flag_or("stream", true),
        one_shot: params.flag_or("one-shot", false),
    };
    if options.stream && options.one_shot {
        return Err(ApiError::invalid("cannot have stream=true and one-shot=true"));
    }
    let samples = api.containers.stats(&id, options).await?;
    Ok(json_lines(samples, link.closing()))
}
