//! Disk usage and the prunes.

use axum::extract::State;
use http::StatusCode;

use super::{Answer, Api};
use crate::ApiError;
use crate::backend::DiskUsageQuery;
use crate::http::{Params, json};

/// First API version with sums and without lists, and the only one that answers in both forms.
const USAGE_BY_KIND: u16 = 52;
/// First API version whose report can be limited to kinds of objects.
const USAGE_OF_TYPES: u16 = 42;
/// First API version in which volumes with names are pruned on demand only.
const NAMED_VOLUMES_STAY: u16 = 42;

pub(super) async fn disk_usage(State(api): Api, params: Params) -> Answer {
    let version = params.version();
    let by_kind = version.at_least(USAGE_BY_KIND);
    let mut query = DiskUsageQuery {
        containers: false,
        images: false,
        volumes: false,
        build_cache: false,
        // Clients that send `verbose` know the new form.
        legacy: !by_kind || (!version.at_least(USAGE_BY_KIND + 1) && params.text("verbose").is_none()),
        summaries: by_kind,
        verbose: params.flag("verbose"),
    };
    let types: Vec<&str> = if version.at_least(USAGE_OF_TYPES) {
        params.all("type").collect()
    } else {
        Vec::new()
    };
    for kind in &types {
        match *kind {
            "container" => query.containers = true,
            "image" => query.images = true,
            "volume" => query.volumes = true,
            "build-cache" => query.build_cache = true,
            other => return Err(ApiError::invalid(format!("unknown object type: {other}"))),
        }
    }
    if types.is_empty() {
        (query.containers, query.images, query.volumes, query.build_cache) = (true, true, true, true);
    }
    Ok(json(StatusCode::OK, &api.housekeeping.disk_usage(query).await?))
}

pub(super) async fn prune_containers(State(api): Api, params: Params) -> Answer {
    let pruned = api.housekeeping.prune_containers(params.filters()?).await?;
    Ok(json(StatusCode::OK, &pruned))
}

pub(super) async fn prune_images(State(api): Api, params: Params) -> Answer {
    let pruned = api.housekeeping.prune_images(params.filters()?).await?;
    Ok(json(StatusCode::OK, &pruned))
}

pub(super) async fn prune_volumes(State(api): Api, params: Params) -> Answer {
    let mut filters = params.filters()?;
    if !params.version().at_least(NAMED_VOLUMES_STAY) {
        filters.insert("all", "true");
    }
    let pruned = api.housekeeping.prune_volumes(filters).await?;
    Ok(json(StatusCode::OK, &pruned))
}

pub(super) async fn prune_networks(State(api): Api, params: Params) -> Answer {
    let pruned = api.housekeeping.prune_networks(params.filters()?).await?;
    Ok(json(StatusCode::OK, &pruned))
}

pub(super) async fn prune_build_cache(State(api): Api, params: Params) -> Answer {
    let pruned = api
        .housekeeping
        .prune_build_cache(params.flag("all"), params.filters()?)
        .await?;
    Ok(json(StatusCode::OK, &pruned))
}
