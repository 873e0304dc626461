//! Images.

use axum::Extension;
use axum::extract::{Path, Request, State};
use corten_types::ErrorKind;
use corten_wire::{ApiVersion, ContainerConfig, IdResponse, ImageInspect, Platform};
use http::StatusCode;

use super::{Answer, Api};
use crate::backend::{CommitOptions, ImportOptions, ListImages, PullOptions};
use crate::connection::{Link, page_not_found};
use crate::http::{Params, bytes, empty, failed_progress, has_body, json, progress, read_json, upload};
use crate::{ApiError, ApiResult};

/// This machine's architecture in Go's words.
const HOST_ARCHITECTURE: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => std::env::consts::ARCH,
};
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

/// `GET /images/{name}/json`, `GET /images/{name}/history` and `GET /images/{name}/get`.
pub(super) async fn get(State(api): Api, Path(path): Path<String>, params: Params) -> Answer {
    if let Some((name, "get")) = path.rsplit_once('/') {
        return saved(&api, &params, vec![name.to_owned()]).await;
    }
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

/// `GET /images/get`.
pub(super) async fn save(State(api): Api, params: Params) -> Answer {
    saved(&api, &params, params.list("names")).await
}

async fn saved(api: &crate::backend::Backend, params: &Params, names: Vec<String>) -> Answer {
    if names.is_empty() {
        return Err(ApiError::invalid("no images specified"));
    }
    let archive = api.images.save(names, architecture(params)?).await?;
    Ok(bytes("application/x-tar", archive))
}

/// `POST /commit`.
pub(super) async fn commit(State(api): Api, params: Params, request: Request) -> Answer {
    let config: Option<ContainerConfig> = match has_body(request.headers()) {
        true => read_json(request).await?,
        false => None,
    };
    let options = CommitOptions {
        container: params.owned("container").unwrap_or_default(),
        repository: params.owned("repo").unwrap_or_default(),
        tag: params.owned("tag").unwrap_or_default(),
        author: params.owned("author").unwrap_or_default(),
        comment: params.owned("comment").unwrap_or_default(),
        changes: params.list("changes"),
        pause: params.flag_or("pause", true),
        config: config.filter(|config| *config != ContainerConfig::default()),
    };
    let id = api.images.commit(options).await?;
    Ok(json(StatusCode::CREATED, &IdResponse { id }))
}

/// `POST /images/load`: what is wrong with an archive is told as the last line of the progress, as dockerd does.
pub(super) async fn load(
    State(api): Api,
    Extension(link): Extension<Link>,
    params: Params,
    request: Request,
) -> Answer {
    if let Some(other) = architecture(&params)?.filter(|wanted| wanted != HOST_ARCHITECTURE) {
        return Err(ApiError::not_found(format!(
            "requested platform (linux/{other}) is not the host's: only images for linux/{HOST_ARCHITECTURE} are loaded"
        )));
    }
    let quiet = params.flag_or("quiet", true);
    match link.while_there(api.images.load(upload(request), quiet)).await {
        Ok(loaded) => progress(loaded).await,
        Err(error) => failed_progress(error),
    }
}

/// `POST /images/create`: pulls an image, or makes one of an archive.
pub(super) async fn create(
    State(api): Api,
    Extension(link): Extension<Link>,
    params: Params,
    request: Request,
) -> Answer {
    if let Some(source) = params
        .owned("fromSrc")
        .filter(|_| params.text("fromImage").is_none())
    {
        let options = ImportOptions {
            source,
            repository: params.owned("repo").unwrap_or_default(),
            tag: params.owned("tag").unwrap_or_default(),
            message: params.owned("message").unwrap_or_default(),
            changes: params.list("changes"),
            platform: params.owned("platform"),
        };
        let import = api.images.import(options, upload(request));
        return progress(link.while_there(import).await?).await;
    }
    let headers = request.headers();
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

/// The architecture of the platform asked for, JSON as `{"os":"linux","architecture":"amd64"}`; all systems but Linux are
/// refused.
fn architecture(params: &Params) -> ApiResult<Option<String>> {
    let Some(text) = params.text("platform") else {
        return Ok(None);
    };
    let platform: Platform = serde_json::from_str(text)
        .map_err(|error| ApiError::invalid(format!("failed to parse platform: {error}")))?;
    if !matches!(platform.os.as_str(), "" | "linux") {
        return Err(ApiError::not_found(format!("no image for {} here", platform.os)));
    }
    Ok(Some(platform.architecture).filter(|name| !name.is_empty()))
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
    image.virtual_size = if version.at_least(WITHOUT_VIRTUAL_SIZE) {
        0
    } else {
        image.size
    };
    if version.at_least(OWN_CONFIG) {
        json(StatusCode::OK, &image)
    } else {
        json(StatusCode::OK, &image.with_container_config())
    }
}
