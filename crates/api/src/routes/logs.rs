//! A container's log, multiplexed unless the container has a terminal.

use axum::Extension;
use axum::extract::{Path, State};
use bytes::BytesMut;
use futures_util::TryStreamExt;

use super::attach::media_type;
use super::{Answer, Api};
use crate::ApiError;
use crate::backend::{LogOptions, Logs};
use crate::connection::{FRAME_HEADER, Link, frame};
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
        // bollard says 0 for none, and dockerd takes it so.
        until: params
            .time("until")?
            .filter(|_| params.text("until") != Some("0")),
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
    let Logs { tty, lines } = api.containers.logs(&id, options).await?;
    // A frame for each line, as clients that read frame by frame expect; many of them in one piece of memory.
    let output = lines.map_ok(move |lines| {
        let mut sent = BytesMut::with_capacity(lines.iter().map(|(_, line)| line.len() + FRAME_HEADER).sum());
        for (source, line) in lines {
            if tty {
                sent.extend_from_slice(&line);
            } else {
                frame(source, line, &mut sent);
            }
        }
        sent.freeze()
    });
    Ok(stream(media_type(params.version(), tty), output, link.closing()))
}
