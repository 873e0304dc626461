//! Networks.

use axum::extract::{Path, Request, State};
use corten_wire::{NetworkConnectRequest, NetworkCreateRequest, NetworkCreated, NetworkDisconnectRequest};
use http::StatusCode;

use super::{Answer, Api};
use crate::backend::Backend;
use crate::connection::page_not_found;
use crate::http::{Params, empty, json, read_json};

pub(super) async fn list(State(api): Api, params: Params) -> Answer {
    Ok(json(StatusCode::OK, &api.networks.list(params.filters()?).await?))
}

/// `GET /networks/{name}`.
pub(super) async fn inspect(State(api): Api, Path(name): Path<String>, params: Params) -> Answer {
    Ok(json(
        StatusCode::OK,
        &api.networks.inspect(&name, params.text("scope")).await?,
    ))
}

/// `POST /networks/create`, `POST /networks/prune`, `POST /networks/{name}/connect` and `POST /networks/{name}/disconnect`.
pub(super) async fn post(
    State(api): Api,
    Path(path): Path<String>,
    params: Params,
    request: Request,
) -> Answer {
    match path.rsplit_once('/') {
        None if path == "create" => create(&api, request).await,
        None if path == "prune" => super::housekeeping::prune_networks(State(api), params).await,
        Some((name, "connect")) if !name.is_empty() => {
            let wanted: NetworkConnectRequest = read_json(request).await?;
            api.networks.connect(name, wanted).await?;
            Ok(empty(StatusCode::OK))
        }
        Some((name, "disconnect")) if !name.is_empty() => {
            let wanted: NetworkDisconnectRequest = read_json(request).await?;
            api.networks.disconnect(name, wanted).await?;
            Ok(empty(StatusCode::OK))
        }
        _ => Err(page_not_found()),
    }
}

async fn create(api: &Backend, request: Request) -> Answer {
    let wanted: NetworkCreateRequest = read_json(request).await?;
    let created = NetworkCreated {
        id: api.networks.create(wanted).await?,
        ..NetworkCreated::default()
    };
    Ok(json(StatusCode::CREATED, &created))
}

/// `DELETE /networks/{name}`.
pub(super) async fn remove(State(api): Api, Path(name): Path<String>) -> Answer {
    api.networks.remove(&name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
