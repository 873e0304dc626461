//! Paths of Docker's API behind which nothing is yet: they say so, in Docker's own words where it has some.

use axum::Router;
use axum::extract::Path;
use axum::routing::{MethodRouter, any, delete, get, post};
use corten_types::ErrorKind;
use http::StatusCode;
use serde_json::json;

use super::{Answer, Shared};
use crate::ApiError;
use crate::http::json as answer;

const NO_MANAGER: &str = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this \
                          node to swarm and try again.";
const NO_SWARM: &str = "This node is not part of a swarm";

/// An error that says that `what` is not there.
pub(super) fn not_yet(what: &str) -> ApiError {
    ApiError::new(
        ErrorKind::NotImplemented,
        format!("{what} is not supported by Corten yet"),
    )
}

fn refuse(what: &'static str) -> impl Fn() -> std::future::Ready<Answer> + Clone + Send + 'static {
    move || std::future::ready(Err(not_yet(what)))
}

fn unavailable(sentence: &'static str) -> MethodRouter<Shared> {
    any(move || std::future::ready(Answer::Err(ApiError::new(ErrorKind::Unavailable, sentence))))
}

/// The paths.
pub(super) fn router() -> Router<Shared> {
    let mut router = Router::new()
        .route("/build", post(refuse("building images")))
        .route("/build/cancel", post(refuse("building images")))
        .route("/session", post(refuse("building images")))
        .route("/auth", post(refuse("logging in to a registry")))
        .route("/images/search", get(refuse("searching registries")))
        .route(
            "/distribution/{*name}",
            get(refuse("asking a registry about an image")),
        )
        .route(
            "/plugins",
            get(|| async { Answer::Ok(answer(StatusCode::OK, &json!([]))) }),
        )
        .route("/plugins/privileges", get(refuse("installing plugins")))
        .route("/plugins/pull", post(refuse("installing plugins")))
        .route("/plugins/create", post(refuse("creating plugins")))
        .route("/plugins/{name}", delete(no_plugin))
        .route("/plugins/{name}/json", get(no_plugin))
        .route("/plugins/{name}/enable", post(no_plugin))
        .route("/plugins/{name}/disable", post(no_plugin))
        .route("/plugins/{name}/upgrade", post(no_plugin))
        .route("/plugins/{name}/push", post(no_plugin))
        .route("/plugins/{name}/set", post(no_plugin))
        .route("/swarm/init", post(refuse("swarm mode")))
        .route("/swarm/join", post(refuse("swarm mode")))
        .route("/swarm", get(unavailable_answer))
        .route("/swarm/update", unavailable(NO_MANAGER))
        .route("/swarm/unlockkey", unavailable(NO_MANAGER))
        .route("/swarm/leave", unavailable(NO_SWARM))
        .route("/swarm/unlock", unavailable(NO_SWARM));
    for resource in ["nodes", "services", "tasks", "secrets", "configs"] {
        router = router
            .route(&format!("/{resource}"), unavailable(NO_MANAGER))
            .route(&format!("/{resource}/{{*rest}}"), unavailable(NO_MANAGER));
    }
    router
}

async fn unavailable_answer() -> Answer {
    Err(ApiError::new(ErrorKind::Unavailable, NO_MANAGER))
}

async fn no_plugin(Path(name): Path<String>) -> Answer {
    Err(ApiError::not_found(format!("plugin \"{name}\" not found")))
}
