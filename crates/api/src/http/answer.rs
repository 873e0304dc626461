//! Answers: JSON with a final newline (Go's encoder writes one), streams, errors.

use std::io;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use corten_types::ErrorKind;
use corten_wire::{ErrorResponse, ProgressMessage};
use futures_util::{Stream, StreamExt, future, stream as streams};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::backend::{ByteStream, ProgressStream};
use crate::{ApiError, ApiResult};

/// Media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// An answer of `status` with `value` as its body.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match line(value, b"\n") {
        Ok(body) => with_body(status, JSON, Body::from(body)),
        Err(error) => error_response(&error),
    }
}

/// An answer with a list as its body, whose elements take about `size` bytes each: so much room is made at once.
pub(crate) fn json_list<T: Serialize>(list: &[T], size: usize) -> Response {
    let mut text = Vec::with_capacity(list.len().saturating_mul(size).saturating_add(size));
    match write_line(&mut text, &list, b"\n") {
        Ok(()) => with_body(StatusCode::OK, JSON, Body::from(text)),
        Err(error) => error_response(&error),
    }
}

/// An answer of `status` without body.
pub(crate) fn empty(status: StatusCode) -> Response {
    status.into_response()
}

/// The answer an error becomes.
pub(crate) fn error_response(error: &ApiError) -> Response {
    let status =
        StatusCode::from_u16(error.kind().http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::NOT_MODIFIED {
        return empty(status);
    }
    let mut response = json(
        status,
        &ErrorResponse {
            message: error.to_string(),
        },
    );
    response.extensions_mut().insert(Failure(error.clone()));
    response
}

/// What an answer tells, as an extension of it, for the log.
#[derive(Debug, Clone)]
struct Failure(ApiError);

/// Logs what became of a request, if it failed: what clients did wrong is nothing an operator must look at.
pub(crate) fn log_failure(method: &Method, path: &str, response: &Response) {
    let Some(Failure(error)) = response.extensions().get() else {
        return;
    };
    // Not by the status: an upload's failure is told within an answer that began well.
    if error.kind().http_status() >= 500 {
        tracing::error!("Handler for {method} {path} returned error: {error}");
    } else {
        tracing::debug!("Handler for {method} {path} returned error: {error}");
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        error_response(&self)
    }
}

/// An endless answer: it ends with `source`, with its client, or when the daemon shuts down.
pub(crate) fn stream(
    media_type: &'static str,
    source: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    closing: &CancellationToken,
) -> Response {
    let body = Body::from_stream(source.take_until(closing.clone().cancelled_owned()));
    with_body(StatusCode::OK, media_type, body)
}

/// An answer of bytes that come up by and by. If they break off, so does the connection.
pub(crate) fn bytes(media_type: &'static str, source: ByteStream) -> Response {
    with_body(StatusCode::OK, media_type, Body::from_stream(source))
}

/// An endless answer of one JSON value a line.
pub(crate) fn json_lines<T: Serialize>(
    source: impl Stream<Item = T> + Send + 'static,
    closing: &CancellationToken,
) -> Response {
    stream(
        JSON,
        source.map(|value| line(&value, b"\n").map_err(io::Error::other)),
        closing,
    )
}

/// Lines of progress. As long as there is none, an error can still become the status.
///
/// # Errors
/// The one the stream begins with.
pub(crate) async fn progress(mut source: ProgressStream) -> ApiResult<Response> {
    let first = source.next().await.transpose()?;
    // A failure is the last line even if the backend had more to say.
    let messages = streams::iter(first.map(Ok))
        .chain(source)
        .scan(false, |failed, message| {
            let go_on = !*failed;
            *failed = message.is_err();
            future::ready(go_on.then_some(message))
        });
    let lines = messages.map(|message| {
        let message = message.unwrap_or_else(|error| ProgressMessage::failed(error.to_string()));
        line(&message, b"\r\n").map_err(io::Error::other)
    });
    Ok(with_body(StatusCode::OK, JSON, Body::from_stream(lines)))
}

/// Progress that ends before it has begun.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn failed_progress(error: ApiError) -> ApiResult<Response> {
    let line = line(&ProgressMessage::failed(error.to_string()), b"\r\n")?;
    let mut response = with_body(StatusCode::OK, JSON, Body::from(line));
    response.extensions_mut().insert(Failure(error));
    Ok(response)
}

fn with_body(status: StatusCode, media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn line<T: Serialize>(value: &T, end: &[u8]) -> ApiResult<Bytes> {
    let mut text = Vec::with_capacity(128);
    write_line(&mut text, value, end)?;
    Ok(text.into())
}

fn write_line<T: Serialize>(text: &mut Vec<u8>, value: &T, end: &[u8]) -> ApiResult<()> {
    serde_json::to_writer(&mut *text, value)
        .map_err(|cause| ApiError::new(ErrorKind::System, format!("cannot encode the answer: {cause}")))?;
    text.extend_from_slice(end);
    Ok(())
}
