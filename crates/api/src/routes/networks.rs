//! Networks.

use axum::extract::{Path, State};
use http::StatusCode;

use super::{Answer, Api};
use crate::http::{Params, json};

pub(super) async fn list(State(api): Api, params: Params) -> Answer {
    Ok(json(StatusCode::OK, &api.networks.list(params.filters()?).await?))
}

pub(super) async fn inspect(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    Ok(json(
        StatusCode::OK,
        &api.networks.inspect(&id, params.text("scope")).await?,
    ))
}
