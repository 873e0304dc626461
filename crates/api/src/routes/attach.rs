//! Attaching to a container, and what it has in common with starting an exec: both end HTTP on their connection.

use axum::Extension;
use axum::extract::{Path, State};
use corten_wire::ApiVersion;
use http::HeaderMap;
use http::header::{UPGRADE, USER_AGENT};

use super::{Answer, Api};
use crate::backend::{AttachOptions, Attached};
use crate::connection::{Answered, DetachKeys, Hijack, Link, WebSocket};
use crate::http::Params;
use crate::{ApiError, ApiResult};

/// Python's client throws away what its HTTP library has read beyond the answer's head.
const READS_AHEAD: &[u8] = b"docker-sdk-python/";
/// First API version that tells multiplexed streams from raw ones by their media type.
const MULTIPLEXED_TYPE: u16 = 42;
/// First API version whose websockets send bytes instead of text.
const BINARY_FRAMES: u16 = 28;

pub(super) async fn attach(
    State(api): Api,
    Extension(link): Extension<Link>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let attached = api.containers.attach(&id, options(&params)?).await?;
    take_over(&link, attached, &headers, params.version()).await
}

/// The same over a websocket.
pub(super) async fn web_socket(
    State(api): Api,
    Extension(link): Extension<Link>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let options = options(&params)?;
    // A container that is not there is told before a client that is no websocket.
    api.containers.inspect(&id, false).await?;
    let socket = WebSocket::negotiate(&headers, params.version().at_least(BINARY_FRAMES))?;
    let attached = api.containers.attach(&id, options).await?;
    let detach_keys = detach_keys(&attached.detach_keys)?;
    link.take_over(Hijack {
        attached,
        detach_keys,
        answered: Answered::WebSocket(socket),
    })
    .await
}

fn options(params: &Params) -> ApiResult<AttachOptions> {
    let keys = params.text("detachKeys").unwrap_or_default();
    detach_keys(keys)?;
    Ok(AttachOptions {
        stdin: params.flag("stdin"),
        stdout: params.flag("stdout"),
        stderr: params.flag("stderr"),
        stream: params.flag("stream"),
        logs: params.flag("logs"),
        detach_keys: keys.to_owned(),
    })
}

fn detach_keys(text: &str) -> ApiResult<DetachKeys> {
    DetachKeys::parse(text).ok_or_else(|| ApiError::invalid(format!("Invalid detach keys ({text}) provided")))
}

/// Makes the connection the attached process's.
pub(super) async fn take_over(
    link: &Link,
    attached: Attached,
    headers: &HeaderMap,
    version: ApiVersion,
) -> Answer {
    let detach_keys = detach_keys(&attached.detach_keys)?;
    let upgrade = headers.contains_key(UPGRADE);
    let content_type = media_type(version, attached.tty);
    let reads_ahead = headers
        .get(USER_AGENT)
        .is_some_and(|agent| agent.as_bytes().starts_with(READS_AHEAD));
    link.take_over(Hijack {
        attached,
        detach_keys,
        answered: Answered::Stream {
            upgrade,
            reads_ahead,
            content_type,
        },
    })
    .await
}

/// The media type of output.
pub(super) fn media_type(version: ApiVersion, tty: bool) -> &'static str {
    if !tty && version.at_least(MULTIPLEXED_TYPE) {
        "application/vnd.docker.multiplexed-stream"
    } else {
        "application/vnd.docker.raw-stream"
    }
}
