//! The engine as a whole: ping, version, info, events.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, PRAGMA};
use http::{HeaderValue, StatusCode};

use super::{Answer, Api};
use crate::ApiError;
use crate::backend::EventsQuery;
use crate::connection::Link;
use crate::http::{Params, json, json_lines};

/// First API version whose events no longer repeat action, identifier and image at the top.
const EVENTS_WITHOUT_LEGACY_FIELDS: u16 = 52;

/// First API version that tells of the firewall.
const WITH_FIREWALL: u16 = 49;
/// First API version that no longer tells whether bridged packets are filtered.
const WITHOUT_BRIDGE_FILTERS: u16 = 50;

/// The answer to pings. No `Builder-Version`: clients take its absence for "no builder to speak of".
pub(super) async fn ping() -> Response {
    let headers = [
        (
            CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-store, must-revalidate"),
        ),
        (PRAGMA, HeaderValue::from_static("no-cache")),
        (
            HeaderName::from_static("swarm"),
            HeaderValue::from_static("inactive"),
        ),
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
    ];
    (headers, "OK").into_response()
}

pub(super) async fn ping_head() -> Response {
    let mut response = ping().await.map(|_| axum::body::Body::empty());
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

pub(super) async fn version(State(api): Api) -> Answer {
    Ok(json(StatusCode::OK, &api.system.version().await?))
}

pub(super) async fn info(State(api): Api, params: Params) -> Answer {
    let mut info = api.system.info().await?;
    if !params.version().at_least(WITH_FIREWALL) {
        info.firewall_backend = None;
    }
    if !params.version().at_least(WITHOUT_BRIDGE_FILTERS) {
        // Always false since Docker no longer asks for them.
        info.bridge_nf_iptables = Some(false);
        info.bridge_nf_ip6tables = Some(false);
    }
    Ok(json(StatusCode::OK, &info))
}

pub(super) async fn events(State(api): Api, Extension(link): Extension<Link>, params: Params) -> Answer {
    let query = EventsQuery {
        since: params.time("since")?,
        until: params.time("until")?,
        filters: params.filters()?,
    };
    if let (Some(since), Some(until)) = (query.since, query.until)
        && since > until
    {
        let (since, until) = (
            params.text("since").unwrap_or_default(),
            params.text("until").unwrap_or_default(),
        );
        return Err(ApiError::invalid(format!(
            "`since` time ({since}) cannot be after `until` time ({until})"
        )));
    }
    let legacy = !params.version().at_least(EVENTS_WITHOUT_LEGACY_FIELDS);
    let events = api.system.events(query).await?;
    let events = events.map(move |event| if legacy { event.with_legacy_fields() } else { event });
    Ok(json_lines(events, link.closing()))
}
