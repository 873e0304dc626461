//! Attaching to a container, and what it has in common with starting an exec: both end HTTP on their connection.

use axum::Extension;
use axum::extract::{Path, State};
use corten_wire::ApiVersion;
use http::HeaderMap;
use http::header::UPGRADE;

use super::{Answer, Api};
use crate::ApiError;
use crate::backend::{AttachOptions, Attached};
use crate::connection::{DetachKeys, Hijack, Link};
use crate::http::Params;

/// First API version that tells multiplexed streams from raw ones by their media type.
const MULTIPLEXED_TYPE: u16 = 42;

pub(super) async fn attach(
    State(api): Api,
    Extension(link): Extension<Link>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let keys = params.text("detachKeys").unwrap_or_default();
    if DetachKeys::parse(keys).is_none() {
        return Err(ApiError::invalid(format!(
            "Invalid detach keys ({keys}) provided"
        )));
    }
    let options = AttachOptions {
        stdin: params.flag("stdin"),
        stdout: params.flag("stdout"),
        stderr: params.flag("stderr"),
        stream: params.flag("stream"),
        logs: params.flag("logs"),
        detach_keys: keys.to_owned(),
    };
    let attached = api.containers.attach(&id, options).await?;
    take_over(&link, attached, &headers, params.version()).await
}

/// Makes the connection the attached process's.
pub(super) async fn take_over(
    link: &Link,
    attached: Attached,
    headers: &HeaderMap,
    version: ApiVersion,
) -> Answer {
    let Some(detach_keys) = DetachKeys::parse(&attached.detach_keys) else {
        return Err(ApiError::invalid(format!(
            "Invalid detach keys ({}) provided",
            attached.detach_keys
        )));
    };
    let upgrade = headers.contains_key(UPGRADE);
    let content_type = media_type(version, attached.tty);
    link.take_over(Hijack {
        attached,
        detach_keys,
        upgrade,
        content_type,
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
