//! Networks.

use axum::extract::{Path, Request, State};
use corten_wire::{NetworkCreateRequest, NetworkCreated};
use http::StatusCode;

use super::{Answer, Api};
use crate::http::{Params, empty, json, read_json};

pub(super) async fn list(State(api): Api, params: Params) -> Answer {
    Ok(json(StatusCode::OK, &api.networks.list(params.filters()?).await?))
}

pub(super) async fn inspect(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    Ok(json(
        StatusCode::OK,
        &api.networks.inspect(&id, params.text("scope")).await?,
    ))
}

/// `POST /networks/create`.
pub(super) async fn create(State(api): Api, request: Request) -> Answer {
    let wanted: NetworkCreateRequest = read_json(request).await?;
    let created = NetworkCreated {
        id: api.networks.create(wanted).await?,
        ..NetworkCreated::default()
    };
    Ok(json(StatusCode::CREATED, &created))
}

/// `DELETE /networks/{id}`.
pub(super) async fn remove(State(api): Api, Path(id): Path<String>) -> Answer {
    api.networks.remove(&id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
