//! What every request meets before and after its handler: the version in its path, the headers of every answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::response::Response;
use corten_wire::ApiVersion;
use http::header::{HeaderName, HeaderValue, SERVER};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::hijack::Link;
use super::readable_path::readable_path;
use super::request_body::with_body;
use crate::ApiError;
use crate::http::{error_response, log_failure};

/// The version the client speaks, as an extension of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientVersion(pub(crate) ApiVersion);

const SERVER_TEXT: &str = concat!("Corten/", env!("CARGO_PKG_VERSION"), " (linux)");
const API_VERSION_TEXT: &str = "1.53";

/// Headers of every answer, hijacked ones included: as written by hand, and as hyper takes them.
pub(super) static SERVER_HEADERS: [(&str, HeaderName, HeaderValue); 4] = [
    (
        "Api-Version",
        HeaderName::from_static("api-version"),
        HeaderValue::from_static(API_VERSION_TEXT),
    ),
    (
        "Docker-Experimental",
        HeaderName::from_static("docker-experimental"),
        HeaderValue::from_static("false"),
    ),
    (
        "Ostype",
        HeaderName::from_static("ostype"),
        HeaderValue::from_static("linux"),
    ),
    ("Server", SERVER, HeaderValue::from_static(SERVER_TEXT)),
];

/// The service of one connection.
pub(super) struct ConnectionService {
    router: TowerToHyperService<Router>,
    link: Link,
}

impl ConnectionService {
    pub(super) fn new(router: Router, link: Link) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            link,
        }
    }
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Some(turn) = self.link.turn() else {
            return Box::pin(std::future::pending());
        };
        let mut request = with_body(request, self.link.closing(), &turn);
        // Set before hyper reads on, see `Transport`.
        self.link
            .set_hijackable(may_end_http(request.method(), request.uri().path()));
        let link = self.link.clone();
        let asked = (request.method().clone(), request.uri().clone());
        let routed = match take_version(request.uri()) {
            Err(refused) => Err(refused),
            Ok((_, path)) if *request.method() == Method::HEAD && !has_head(path) => Err(page_not_found()),
            Ok((version, path)) => {
                let readable = readable_path(path);
                let path = readable.as_deref().unwrap_or(path);
                let joined = join_link(path);
                let wanted = joined.as_deref().unwrap_or(path);
                if wanted != request.uri().path() {
                    let stripped = with_path(request.uri(), wanted);
                    *request.uri_mut() = stripped;
                }
                request.extensions_mut().insert(ClientVersion(version));
                request.extensions_mut().insert(link.clone());
                Ok(self.router.call(request))
            }
        };
        Box::pin(async move {
            let response = match routed {
                Ok(answer) => answer.await?,
                Err(error) => error_response(&error),
            };
            log_failure(&asked.0, asked.1.path(), &response);
            link.set_hijackable(false);
            let mut response = match link.busy() {
                Some(busy) => response.map(|body| busy.with(body)),
                // Not while there is a turn.
                None => response,
            };
            drop(turn);
            let headers = response.headers_mut();
            for (_, name, value) in &SERVER_HEADERS {
                headers.insert(name, value.clone());
            }
            Ok(response)
        })
    }
}

/// The answer to paths, and methods on paths, that mean nothing.
pub(crate) fn page_not_found() -> ApiError {
    ApiError::not_found("page not found")
}

/// The paths that know HEAD.
fn has_head(path: &str) -> bool {
    path == "/_ping" || path.ends_with("/archive")
}

/// Whether the request may be one that takes the connection over. May say yes too often: that only delays noticing that
/// its client left.
fn may_end_http(method: &Method, path: &str) -> bool {
    match *method {
        Method::POST => path.ends_with("/attach") || path.ends_with("/start"),
        Method::GET => path.ends_with("/attach/ws"),
        _ => false,
    }
}

/// Splits `/v1.45/rest` into version and `/rest`; a path without version means the newest.
fn take_version(uri: &Uri) -> Result<(ApiVersion, &str), ApiError> {
    let path = uri.path();
    let Some((text, rest)) = path
        .strip_prefix("/v")
        .and_then(|after| after.find('/').map(|slash| after.split_at(slash)))
        .filter(|(text, _)| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    else {
        return Ok((ApiVersion::MAX, path));
    };
    let too_old = || {
        ApiError::invalid(format!(
            "client version {text} is too old. Minimum supported API version is {}, please upgrade your client to a \
             newer version",
            ApiVersion::MIN
        ))
    };
    match text.parse::<ApiVersion>() {
        Ok(version) if version > ApiVersion::MAX => Err(ApiError::invalid(format!(
            "client version {text} is too new. Maximum supported API version is {}",
            ApiVersion::MAX
        ))),
        Ok(version) if version >= ApiVersion::MIN => Ok((version, rest)),
        _ => Err(too_old()),
    }
}

/// Containers have further names, `PARENT/ALIAS`, by which others link to them: makes `/containers/web/db/json` one name and
/// what is asked of it.
fn join_link(path: &str) -> Option<String> {
    let names = path.strip_prefix("/containers/")?;
    let parts: Vec<&str> = names.trim_start_matches('/').split('/').collect();
    match parts[..] {
        [_, "attach", "ws"] => None,
        [parent, alias, verb] => Some(format!("/containers/{parent}%2F{alias}/{verb}")),
        [parent, alias, "attach", "ws"] => Some(format!("/containers/{parent}%2F{alias}/attach/ws")),
        _ => None,
    }
}

fn with_path(uri: &Uri, path: &str) -> Uri {
    let stripped = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    // The end of a valid path, from a slash on, is a valid path.
    stripped.map(Uri::from).unwrap_or_else(|_| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_taken_off_paths() {
        let split = |text: &str| {
            let uri: Uri = text.parse().unwrap();
            take_version(&uri).map(|(version, path)| (version.to_string(), path.to_owned()))
        };
        assert_eq!(
            split("/v1.40/info?x=/v1").unwrap(),
            ("1.40".into(), "/info".into())
        );
        assert_eq!(split("/info").unwrap(), ("1.53".into(), "/info".into()));
        assert_eq!(
            split("/volumes/v1").unwrap(),
            ("1.53".into(), "/volumes/v1".into())
        );
        assert_eq!(
            split("/v1.10/info").unwrap_err().to_string(),
            "client version 1.10 is too old. Minimum supported API version is 1.24, please upgrade your client to a \
             newer version"
        );
        assert_eq!(
            split("/v1.99/info").unwrap_err().to_string(),
            "client version 1.99 is too new. Maximum supported API version is 1.53"
        );
        assert!(split("/v1/info").is_err());
        assert_eq!(ApiVersion::MAX.to_string(), API_VERSION_TEXT);
    }

    #[test]
    fn names_of_links_are_one_name() {
        assert_eq!(
            join_link("/containers/web/db/json").unwrap(),
            "/containers/web%2Fdb/json"
        );
        assert_eq!(
            join_link("/containers/web/db/attach/ws").unwrap(),
            "/containers/web%2Fdb/attach/ws"
        );
        for other in [
            "/containers/web/attach/ws",
            "/containers/web/json",
            "/containers/json",
            "/images/a/b/json",
        ] {
            assert_eq!(join_link(other), None, "{other}");
        }
    }

    #[test]
    fn queries_survive_the_stripping() {
        let uri: Uri = "/v1.40/containers/json?all=1".parse().unwrap();
        assert_eq!(
            with_path(&uri, "/containers/json").to_string(),
            "/containers/json?all=1"
        );
    }
}
