//! Request bodies.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use corten_wire::go_json;
use futures_util::TryStreamExt;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::backend::ByteStream;
use crate::{ApiError, ApiResult};

/// Largest JSON body read into memory. Docker has no limit; the largest request in practice is a container's creation,
/// whose command and environment the kernel limits to 6 MiB.
const LIMIT: usize = 16 << 20;
/// Bodies up to this size are read without waiting for others.
const SMALL: usize = 64 << 10;
/// How many larger ones are in memory at once, so that many slow clients do not fill it.
static LARGE_ONES: Semaphore = Semaphore::const_new(4);
/// How long one may take to come: others wait for the larger ones, and who sends none of what it announced holds on to a
/// connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// A body in memory.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    /// Kept until it has been made sense of.
    _place: Option<SemaphorePermit<'static>>,
}

/// Reads a JSON body. No body at all is the zero value; otherwise it must say that it is JSON.
///
/// # Errors
/// In dockerd's words, when it does not or is not.
pub(crate) async fn read_json<T: DeserializeOwned + Default>(request: Request) -> ApiResult<T> {
    require_json(request.headers())?;
    if !has_body(request.headers()) {
        return Ok(T::default());
    }
    let body = read_whole(request.into_body()).await?;
    go_json::from_slice(&body.bytes).map_err(ApiError::from)
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
/// When it is too long, too slow or breaks off.
pub(crate) async fn read_whole(body: Body) -> ApiResult<Whole> {
    read(body, &LARGE_ONES, PATIENCE).await
}

async fn read(mut body: Body, places: &'static Semaphore, patience: Duration) -> ApiResult<Whole> {
    let mut whole = BytesMut::new();
    let late = |_| ApiError::invalid("cannot read the request body: it did not come in time");
    let small = fill(&mut whole, &mut body, SMALL);
    if timeout(patience, small).await.map_err(late)?? {
        return Ok(Whole {
            bytes: whole.freeze(),
            _place: None,
        });
    }
    // Fails only when closed, which it never is.
    let place = places.acquire().await.ok();
    let large = fill(&mut whole, &mut body, LIMIT);
    if !timeout(patience, large).await.map_err(late)?? {
        return Err(ApiError::invalid("http: request body too large"));
    }
    Ok(Whole {
        bytes: whole.freeze(),
        _place: place,
    })
}

/// Reads on until the end, which it tells, or beyond `limit` bytes.
async fn fill(whole: &mut BytesMut, body: &mut Body, limit: usize) -> ApiResult<bool> {
    while whole.len() <= limit {
        let Some(frame) = body.frame().await else {
            return Ok(true);
        };
        let frame =
            frame.map_err(|cause| ApiError::invalid(format!("cannot read the request body: {cause}")))?;
        if let Ok(data) = frame.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Ok(false)
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
    use std::io;

    use futures_util::{StreamExt, stream as streams};
    use http::HeaderValue;
    use tokio::sync::oneshot;

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
    /// A body of so many bytes, of which the last comes when `rest` says so.
    fn slow(size: usize, rest: oneshot::Receiver<()>) -> Body {
        let first = streams::once(async move { Ok::<_, io::Error>(Bytes::from(vec![b' '; size - 1])) });
        let last = streams::once(async move {
            rest.await.map_err(io::Error::other)?;
            Ok(Bytes::from_static(b" "))
        });
        Body::from_stream(first.chain(last))
    }

    #[tokio::test]
    async fn few_large_bodies_are_in_memory_at_once() {
        static PLACES: Semaphore = Semaphore::const_new(1);
        let (go_on, rest) = oneshot::channel();
        let first = tokio::spawn(read(slow(SMALL + 9, rest), &PLACES, PATIENCE));
        while PLACES.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let (now, ready) = oneshot::channel();
        now.send(()).unwrap();
        assert!(
            read(slow(SMALL, ready), &PLACES, PATIENCE).await.is_ok(),
            "small ones do not wait"
        );
        let (now, ready) = oneshot::channel();
        now.send(()).unwrap();
        let second = tokio::spawn(read(slow(SMALL + 9, ready), &PLACES, PATIENCE));
        // All there is to do on this one thread is done.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished());
        go_on.send(()).unwrap();
        let first = first.await.unwrap().unwrap();
        assert_eq!(first.bytes.len(), SMALL + 9);
        drop(first);
        assert!(second.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn bodies_that_do_not_end_make_room() {
        static PLACES: Semaphore = Semaphore::const_new(1);
        let (_go_on, rest) = oneshot::channel();
        let soon = Duration::from_millis(5);
        assert!(read(slow(SMALL + 9, rest), &PLACES, soon).await.is_err());
        let (_go_on, rest) = oneshot::channel();
        assert!(read(slow(9, rest), &PLACES, soon).await.is_err());
        assert_eq!(PLACES.available_permits(), 1);
        let (now, ready) = oneshot::channel();
        now.send(()).unwrap();
        let long = read(slow(LIMIT + 1, ready), &PLACES, PATIENCE)
            .await
            .err()
            .unwrap();
        assert_eq!(long.to_string(), "http: request body too large");
    }
}
