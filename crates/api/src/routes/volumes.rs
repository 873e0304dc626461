//! Volumes.

use axum::extract::{Path, Request, State};
use corten_wire::VolumeCreateRequest;
use http::StatusCode;

use super::{Answer, Api};
use crate::http::{Params, empty, json, read_json};

pub(super) async fn list(State(api): Api, params: Params) -> Answer {
    Ok(json(StatusCode::OK, &api.volumes.list(params.filters()?).await?))
}

pub(super) async fn inspect(State(api): Api, Path(name): Path<String>) -> Answer {
    Ok(json(StatusCode::OK, &api.volumes.inspect(&name).await?))
}

pub(super) async fn create(State(api): Api, request: Request) -> Answer {
    let wanted: VolumeCreateRequest = read_json(request).await?;
    Ok(json(StatusCode::CREATED, &api.volumes.create(wanted).await?))
}

pub(super) async fn remove(State(api): Api, Path(name): Path<String>, params: Params) -> Answer {
    api.volumes.remove(&name, params.flag("force")).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
