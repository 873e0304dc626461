//! A container's files: looking at them, copying them out and in, what changed, the whole of them.

use axum::Extension;
use axum::extract::{Path, Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corten_types::ErrorKind;
use corten_wire::ContainerPathStat;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Answer, Api};
use crate::backend::PutArchive;
use crate::connection::Link;
use crate::http::{Params, bytes, empty, json, upload};
use crate::{ApiError, ApiResult};

/// Media type of archives.
const TAR: &str = "application/x-tar";
const PATH_STAT: HeaderName = HeaderName::from_static("x-docker-container-path-stat");

/// `HEAD /containers/{id}/archive`.
pub(super) async fn stat(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    let stat = api.containers.stat_path(&id, path(&params)?).await?;
    let mut response = empty(StatusCode::OK);
    response.headers_mut().insert(PATH_STAT, header(&stat)?);
    Ok(response)
}

/// `GET /containers/{id}/archive`.
pub(super) async fn get(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    let (stat, archive) = api.containers.get_archive(&id, path(&params)?).await?;
    let mut response = bytes(TAR, archive);
    response.headers_mut().insert(PATH_STAT, header(&stat)?);
    Ok(response)
}

/// `PUT /containers/{id}/archive`.
pub(super) async fn put(
    State(api): Api,
    Path(id): Path<String>,
    Extension(link): Extension<Link>,
    params: Params,
    request: Request,
) -> Answer {
    let options = PutArchive {
        keep_kinds: params.flag("noOverwriteDirNonDir"),
        own: params.flag("copyUIDGID"),
    };
    let put = api
        .containers
        .put_archive(&id, path(&params)?, options, upload(request));
    link.while_there(put).await?;
    Ok(empty(StatusCode::OK))
}

/// `GET /containers/{id}/changes`.
pub(super) async fn changes(State(api): Api, Path(id): Path<String>) -> Answer {
    Ok(json(StatusCode::OK, &api.containers.changes(&id).await?))
}

/// `GET /containers/{id}/export`.
pub(super) async fn export(State(api): Api, Path(id): Path<String>) -> Answer {
    Ok(bytes(
        "application/octet-stream",
        api.containers.export(&id).await?,
    ))
}

fn path(params: &Params) -> ApiResult<&str> {
    let missing = || ApiError::invalid("bad parameter: path cannot be empty");
    params.text("path").ok_or_else(missing)
}

fn header(stat: &ContainerPathStat) -> ApiResult<HeaderValue> {
    let failed =
        |error: String| ApiError::new(ErrorKind::System, format!("cannot encode the answer: {error}"));
    let text = serde_json::to_vec(stat).map_err(|error| failed(error.to_string()))?;
    HeaderValue::from_str(&STANDARD.encode(text)).map_err(|error| failed(error.to_string()))
}
