//! Waiting for a container. The headers go out as soon as the backend watches: a client that waits for a container to
//! end starts it only then.

use axum::Extension;
use axum::extract::{Path, State};
use futures_util::stream as streams;

use super::{Answer, Api};
use crate::ApiError;
use crate::backend::WaitCondition;
use crate::connection::Link;
use crate::http::{Params, json_lines};

pub(super) async fn wait(
    State(api): Api,
    Extension(link): Extension<Link>,
    Path(id): Path<String>,
    params: Params,
) -> Answer {
    let condition = match params.text("condition") {
        None | Some("not-running") => WaitCondition::NotRunning,
        Some("next-exit") => WaitCondition::NextExit,
        Some("removed") => WaitCondition::Removed,
        Some(other) => return Err(ApiError::invalid(format!("invalid condition: {other:?}"))),
    };
    let end = api.containers.wait(&id, condition).await?;
    Ok(json_lines(streams::once(end), link.closing()))
}
