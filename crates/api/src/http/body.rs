//! Request bodies.

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use corten_wire::go_json;
use futures_util::TryStreamExt;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::backend::ByteStream;
use crate::{ApiError, ApiResult};

/// Largest JSON body read into memory. Docker has no limit; the largest request in practice is a container's creation,
/// whose command and environment the kernel limits to 6 MiB.
const LIMIT: usize = 16 << 20;

/// Reads a JSON body. No body at all is the zero value; otherwise it must say that it is JSON.
///
/// # Errors
/// In dockerd's words, when it does not or is not.
pub(crate) async fn read_json<T: DeserializeOwned + Default>(request: Request) -> ApiResult<T> {
    require_json(request.headers())?;
    if !has_body(request.headers()) {
        return Ok(T::default());
    }
    go_json::from_slice(&read_bytes(request.into_body()).await?).map_err(ApiError::from)
}

/// Makes sure that a body, if there is one, says that it is JSON.
///
/// # Errors
/// When it says something else, or nothing.
pub(crate) fn require_json(headers: &HeaderMap) -> ApiResult<()> {
    let given = headers
        .get(CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or("?"))
        .unwrap_or_default();
    if given.is_empty() && !has_body(headers) {
        return Ok(());
    }
    let media_type = given.split(';').next().unwrap_or_default().trim();
    if media_type.is_empty() {
        return Err(ApiError::invalid(format!(
            "malformed Content-Type header ({given}): mime: no media type"
        )));
    }
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::invalid(format!(
            "unsupported Content-Type header ({given}): must be 'application/json'"
        )));
    }
    Ok(())
}

/// Reads a whole body.
///
/// # Errors
/// When it is too long or breaks off.
pub(crate) async fn read_bytes(mut body: Body) -> ApiResult<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|cause| ApiError::invalid(format!("cannot read the request body: {cause}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > LIMIT {
            return Err(ApiError::invalid("http: request body too large"));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// A body read as it comes, such as an archive.
pub(crate) fn upload(request: Request) -> ByteStream {
    Box::pin(TryStreamExt::map_err(
        request.into_body().into_data_stream(),
        std::io::Error::other,
    ))
}

/// Whether the request announces a body that is not empty.
pub(crate) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length.as_bytes() != b"0")
}

impl From<go_json::Error> for ApiError {
    fn from(error: go_json::Error) -> Self {
        Self::invalid(match error {
            go_json::Error::Empty => "invalid JSON: got EOF while reading request body".to_owned(),
            go_json::Error::Trailing => error.to_string(),
            other => format!("invalid JSON: {other}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn complaint(pairs: &[(http::HeaderName, &'static str)]) -> Option<String> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        require_json(&headers).err().map(|error| error.to_string())
    }

    #[test]
    fn content_types_are_required_of_bodies() {
        assert_eq!(complaint(&[]), None);
        assert_eq!(complaint(&[(CONTENT_LENGTH, "0")]), None);
        assert_eq!(
            complaint(&[
                (CONTENT_LENGTH, "2"),
                (CONTENT_TYPE, "application/json; charset=utf-8")
            ]),
            None
        );
        assert_eq!(
            complaint(&[(CONTENT_LENGTH, "2")]).unwrap(),
            "malformed Content-Type header (): mime: no media type"
        );
        assert_eq!(
            complaint(&[(CONTENT_TYPE, "text/plain")]).unwrap(),
            "unsupported Content-Type header (text/plain): must be 'application/json'"
        );
    }
}
