//! A container's log, multiplexed unless the container has a terminal.

use axum::Extension;
use axum::extract::{Path, State};
use futures_util::TryStreamExt;

use super::attach::media_type;
use super::{Answer, Api};
use crate::ApiError;
use crate::backend::{LogOptions, Logs};
use crate::connection::{Link, frame};
use crate::http::{Params, stream};

pub(super) async fn logs(
    State(api): Api,
    Extension(link): Extension<Link>,
    Path(id): Path<String>,
    params: Params,
) -> Answer {
    let options = LogOptions {
        stdout: params.flag("stdout"),
        stderr: params.flag("stderr"),
        follow: params.flag("follow"),
        since: params.time("since")?,
        until: params.time("until")?,
        timestamps: params.flag("timestamps"),
        // Docker takes everything that is no number (`all` above all), and every negative number, for "all".
        tail: params.text("tail").and_then(|tail| tail.parse().ok()),
        details: params.flag("details"),
    };
    if !(options.stdout || options.stderr) {
        return Err(ApiError::invalid(
            "Bad parameters: you must choose at least one stream",
        ));
    }
    let Logs { tty, output } = api.containers.logs(&id, options).await?;
    let output = output.map_ok(move |(source, bytes)| if tty { bytes } else { frame(source, bytes) });
    Ok(stream(media_type(params.version(), tty), output, link.closing()))
}
