//! Which path means which call. Paths are listed without the version, which is gone before a request comes here.

mod archive;
mod attach;
mod containers;
mod exec;
mod housekeeping;
mod images;
mod later;
mod logs;
mod networks;
mod operate;
mod system;
mod volumes;
mod wait;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{delete, get, post};

use crate::ApiResult;
use crate::backend::Backend;
use crate::connection::page_not_found;

/// What handlers get at.
type Api = axum::extract::State<Shared>;
/// The backend of all handlers.
type Shared = Arc<Backend>;
/// What handlers return.
type Answer = ApiResult<Response>;

/// The Engine API over `backend`.
pub fn router(backend: Backend) -> Router {
    Router::new()
        .route("/_ping", get(system::ping).head(system::ping_head))
        .route("/version", get(system::version))
        .route("/info", get(system::info))
        .route("/events", get(system::events))
        .route("/containers/create", post(containers::create))
        .route("/containers/json", get(containers::list))
        .route("/containers/{id}", delete(containers::remove))
        .route("/containers/{id}/json", get(containers::inspect))
        .route("/containers/prune", post(housekeeping::prune_containers))
        .route("/containers/{id}/pause", post(operate::pause))
        .route("/containers/{id}/unpause", post(operate::unpause))
        .route("/containers/{id}/update", post(operate::update))
        .route("/containers/{id}/top", get(operate::top))
        .route("/containers/{id}/stats", get(operate::stats))
        // The name of a link has a slash.
        .route("/containers/{id}/{link}", delete(containers::remove_link))
        .route("/containers/{id}/start", post(containers::start))
        .route("/containers/{id}/stop", post(containers::stop))
        .route("/containers/{id}/restart", post(containers::restart))
        .route("/containers/{id}/kill", post(containers::kill))
        .route("/containers/{id}/rename", post(containers::rename))
        .route("/containers/{id}/resize", post(containers::resize))
        .route("/containers/{id}/wait", post(wait::wait))
        .route("/containers/{id}/logs", get(logs::logs))
        .route(
            "/containers/{id}/archive",
            get(archive::get).head(archive::stat).put(archive::put),
        )
        .route("/containers/{id}/changes", get(archive::changes))
        .route("/containers/{id}/export", get(archive::export))
        .route("/containers/{id}/attach", post(attach::attach))
        .route("/containers/{id}/attach/ws", get(attach::web_socket))
        .route("/containers/{id}/exec", post(exec::create))
        .route("/exec/{id}/json", get(exec::inspect))
        .route("/exec/{id}/start", post(exec::start))
        .route("/exec/{id}/resize", post(exec::resize))
        .route("/system/df", get(housekeeping::disk_usage))
        .route("/build/prune", post(housekeeping::prune_build_cache))
        .route("/images/prune", post(housekeeping::prune_images))
        .route("/images/json", get(images::list))
        .route("/images/load", post(images::load))
        .route("/images/create", post(images::create))
        .route("/images/get", get(images::save))
        .route("/commit", post(images::commit))
        // Image names contain slashes, so what follows them is told apart by the handlers.
        .route(
            "/images/{*name}",
            get(images::get).post(images::post).delete(images::remove),
        )
        .route("/volumes", get(volumes::list))
        .route("/volumes/prune", post(housekeeping::prune_volumes))
        .route("/volumes/create", post(volumes::create))
        .route(
            "/volumes/{name}",
            get(volumes::inspect).put(volumes::update).delete(volumes::remove),
        )
        .route(
            "/volumes/{name}/archive",
            get(volumes::export).put(volumes::import),
        )
        .route("/networks", get(networks::list))
        .route("/networks/", get(networks::list))
        // Names of networks may have slashes. One may be called "create", too.
        .route(
            "/networks/{*name}",
            get(networks::inspect)
                .post(networks::post)
                .delete(networks::remove),
        )
        .merge(later::router())
        // Docker answers a wrong method like a wrong path.
        .method_not_allowed_fallback(unknown)
        .fallback(unknown)
        .with_state(Arc::new(backend))
}

/// A path, or a method on one, that means nothing. `OPTIONS` is answered everywhere, as dockerd does.
async fn unknown(method: http::Method) -> Answer {
    if method == http::Method::OPTIONS {
        Ok(crate::http::empty(http::StatusCode::OK))
    } else {
        Err(page_not_found())
    }
}
