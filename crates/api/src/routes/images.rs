//! Images.

use axum::extract::{Path, Request, State};
use corten_types::ErrorKind;
use corten_wire::{ApiVersion, ImageInspect};
use http::{HeaderMap, StatusCode};

use super::{Answer, Api};
use crate::backend::{ListImages, PullOptions};
use crate::connection::page_not_found;
use crate::http::{Params, empty, json, progress, upload};
use crate::{ApiError, ApiResult};

/// First API version without `VirtualSize`.
const WITHOUT_VIRTUAL_SIZE: u16 = 44;
/// First API version whose images have a configuration of their own instead of a container's.
const OWN_CONFIG: u16 = 50;
/// First API version that leaves the classic builder's fields out where they are empty.
const WITHOUT_EMPTY_FIELDS: u16 = 52;

pub(super) async fn list(State(api): Api, params: Params) -> Answer {
    let query = ListImages {
        all: params.flag("all"),
        shared_size: params.flag("shared-size"),
        filters: params.filters()?,
    };
    let mut found = api.images.list(query).await?;
    for image in &mut found {
        image.virtual_size = if params.version().at_least(WITHOUT_VIRTUAL_SIZE) {
            0
        } else {
            image.size
        };
    }
    Ok(json(StatusCode::OK, &found))
}

/// `GET /images/{name}/json` and `GET /images/{name}/history`.
pub(super) async fn get(State(api): Api, Path(path): Path<String>, params: Params) -> Answer {
    one_platform_only(&params)?;
    match path.rsplit_once('/') {
        Some((name, "json")) => Ok(inspect(api.images.inspect(name).await?, params.version())),
        Some((name, "history")) => Ok(json(StatusCode::OK, &api.images.history(name).await?)),
        _ => Err(page_not_found()),
    }
}

/// `POST /images/{name}/tag`.
pub(super) async fn post(State(api): Api, Path(path): Path<String>, params: Params) -> Answer {
    match path.rsplit_once('/') {
        Some((name, "tag")) => {
            api.images
                .tag(name, params.text("repo").unwrap_or_default(), params.text("tag"))
                .await?;
            Ok(empty(StatusCode::CREATED))
        }
        Some((_, "push")) => Err(super::later::not_yet("pushing images")),
        _ => Err(page_not_found()),
    }
}

/// `DELETE /images/{name}`.
pub(super) async fn remove(State(api): Api, Path(name): Path<String>, params: Params) -> Answer {
    one_platform_only(&params)?;
    let removed = api
        .images
        .remove(&name, params.flag("force"), !params.flag("noprune"))
        .await?;
    Ok(json(StatusCode::OK, &removed))
}

pub(super) async fn load(State(api): Api, params: Params, request: Request) -> Answer {
    one_platform_only(&params)?;
    let quiet = params.flag_or("quiet", true);
    progress(api.images.load(upload(request), quiet).await?).await
}

pub(super) async fn pull(State(api): Api, params: Params, headers: HeaderMap) -> Answer {
    if params.text("fromSrc").is_some() {
        return Err(ApiError::new(
            ErrorKind::NotImplemented,
            "importing an image from an archive is not supported yet",
        ));
    }
    let auth = headers
        .get("x-registry-auth")
        .and_then(|value| value.to_str().ok());
    let options = PullOptions {
        image: params.owned("fromImage").unwrap_or_default(),
        tag: params.owned("tag"),
        platform: params.owned("platform"),
        auth: auth.filter(|text| !text.is_empty()).map(str::to_owned),
    };
    progress(api.images.pull(options).await?).await
}

/// Refuses to pick one platform out of an image for many: an image has one here.
fn one_platform_only(params: &Params) -> ApiResult<()> {
    if params.text("platform").is_none() && params.text("platforms").is_none() {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorKind::NotImplemented,
        "selecting a platform of an image is not supported yet",
    ))
}

/// The answer in the shape `version` has for it.
fn inspect(mut image: ImageInspect, version: ApiVersion) -> axum::response::Response {
    let keep_empty = !version.at_least(WITHOUT_EMPTY_FIELDS);
    for field in [
        &mut image.parent,
        &mut image.comment,
        &mut image.docker_version,
        &mut image.author,
    ] {
        *field = match field.take() {
            None if keep_empty => Some(String::new()),
            Some(text) if text.is_empty() && !keep_empty => None,
            other => other,
        };
    }
    if !version.at_least(WITHOUT_VIRTUAL_SIZE) {
        image.virtual_size = image.size;
    }
    if version.at_least(OWN_CONFIG) {
        json(StatusCode::OK, &image)
    } else {
        json(StatusCode::OK, &image.with_container_config())
    }
}
