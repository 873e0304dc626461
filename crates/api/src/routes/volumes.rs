//! Volumes.

use axum::extract::{Path, Request, State};
use corten_wire::VolumeCreateRequest;
use http::StatusCode;

use super::{Answer, Api};
use crate::http::{Params, bytes, empty, json, read_json, upload};

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

/// `PUT /volumes/{name}`.
pub(super) async fn update(State(api): Api, Path(name): Path<String>) -> Answer {
    api.volumes.update(&name).await?;
    Ok(empty(StatusCode::OK))
}

/// `GET /volumes/{name}/archive`.
pub(super) async fn export(State(api): Api, Path(name): Path<String>) -> Answer {
    Ok(bytes("application/x-tar", api.volumes.export(&name).await?))
}

/// `PUT /volumes/{name}/archive`.
pub(super) async fn import(State(api): Api, Path(name): Path<String>, request: Request) -> Answer {
    api.volumes.import(&name, upload(request)).await?;
    Ok(empty(StatusCode::OK))
}

pub(super) async fn remove(State(api): Api, Path(name): Path<String>, params: Params) -> Answer {
    api.volumes.remove(&name, params.flag("force")).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
