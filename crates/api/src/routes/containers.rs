//! Containers: everything that is one question and one answer.

use axum::extract::{Path, Request, State};
use corten_wire::{ContainerConfig, ContainerCreateRequest};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use super::{Answer, Api};
use crate::backend::{CreateOptions, ListContainers, RemoveContainer, StopOptions};
use crate::http::{Params, empty, json, json_list, read_whole, require_json};
use crate::{ApiError, ApiResult};

/// First API version without kernel memory.
const NO_KERNEL_MEMORY: u16 = 42;
/// First API version whose containers may be on several networks from the beginning.
const SEVERAL_NETWORKS: u16 = 44;
/// First API version whose list tells of health.
const LIST_WITH_HEALTH: u16 = 52;

pub(super) async fn create(State(api): Api, params: Params, request: Request) -> Answer {
    require_json(request.headers())?;
    let mut wanted = ContainerCreateRequest::from_json(&read_whole(request.into_body()).await?.bytes)?;
    if let Some(host) = wanted
        .host_config
        .as_mut()
        .filter(|_| params.version().at_least(NO_KERNEL_MEMORY))
    {
        host.kernel_memory = 0;
    }
    if wanted.config == ContainerConfig::default() {
        return Err(ApiError::invalid(
            "config cannot be empty in order to create a container",
        ));
    }
    if !params.version().at_least(SEVERAL_NETWORKS) {
        refuse_several_networks(&wanted)?;
    }
    let options = CreateOptions {
        name: params.owned("name"),
        platform: params.owned("platform"),
        version: params.version(),
    };
    Ok(json(
        StatusCode::CREATED,
        &api.containers.create(options, wanted).await?,
    ))
}

fn refuse_several_networks(wanted: &ContainerCreateRequest) -> ApiResult<()> {
    let networks = wanted.networking_config.as_ref();
    let networks = networks.and_then(|networks| networks.endpoints_config.as_ref());
    let names: Vec<&str> = networks
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    match names.len() {
        0 | 1 => Ok(()),
        _ => Err(ApiError::invalid(format!(
            "Container cannot be connected to network endpoints: {}",
            names.join(", ")
        ))),
    }
}

/// What a container takes in a list, in bytes, and some more.
const ROW_SIZE: usize = 1024;

pub(super) async fn list(State(api): Api, params: Params) -> Answer {
    let query = ListContainers {
        all: params.flag("all"),
        limit: params.number("limit")?.unwrap_or(0),
        size: params.flag("size"),
        filters: params.filters()?,
    };
    let mut found = api.containers.list(query).await?;
    if !params.version().at_least(LIST_WITH_HEALTH) {
        for container in &mut found {
            container.health = None;
        }
    }
    Ok(json_list(&found, ROW_SIZE))
}

pub(super) async fn inspect(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    Ok(json(
        StatusCode::OK,
        &api.containers.inspect(&id, params.flag("size")).await?,
    ))
}

pub(super) async fn start(
    State(api): Api,
    Path(id): Path<String>,
    params: Params,
    request: Request,
) -> Answer {
    if params.text("checkpoint").is_some() {
        return Err(ApiError::invalid(
            "checkpoint is only supported in experimental mode",
        ));
    }
    // Ancient clients sent a host configuration here; `{}` is what somewhat less ancient ones send.
    let headers = request.headers();
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.unwrap_or(0) > 2 || headers.contains_key(TRANSFER_ENCODING) {
        return Err(ApiError::invalid(
            "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
        ));
    }
    api.containers.start(&id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn stop(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    api.containers.stop(&id, stop_options(&params)?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn restart(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    api.containers.restart(&id, stop_options(&params)?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn kill(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    api.containers.kill(&id, params.owned("signal")).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn rename(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    api.containers
        .rename(&id, params.text("name").unwrap_or_default())
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn remove(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    let options = RemoveContainer {
        force: params.flag("force"),
        volumes: params.flag("v"),
        link: params.flag("link"),
    };
    api.containers.remove(&id, options).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE /containers/web/db`: the container under the name another one links to it by.
pub(super) async fn remove_link(
    State(api): Api,
    Path((id, link)): Path<(String, String)>,
    params: Params,
) -> Answer {
    remove(State(api), Path(format!("{id}/{link}")), params).await
}

pub(super) async fn resize(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    let (height, width) = terminal_size(&params)?;
    api.containers.resize(&id, height, width).await?;
    Ok(empty(StatusCode::OK))
}

/// The parameters `h` and `w`, both required.
pub(super) fn terminal_size(params: &Params) -> ApiResult<(u16, u16)> {
    let side = |name: &str, meaning: &str| {
        let text = params.text(name).unwrap_or_default();
        text.parse::<u16>()
            .map_err(|_| ApiError::invalid(format!("invalid resize {meaning} {text:?}")))
    };
    Ok((side("h", "height")?, side("w", "width")?))
}

fn stop_options(params: &Params) -> ApiResult<StopOptions> {
    Ok(StopOptions {
        signal: params.owned("signal"),
        timeout: params.number("t")?,
    })
}
