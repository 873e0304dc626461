//! An answer's body read as bytes while it arrives, such as a log.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::Error;

/// An answer's body, piece by piece.
pub struct RawStream {
    body: Incoming,
    content_type: String,
    headers: http::HeaderMap,
}

impl RawStream {
    pub(crate) fn new(response: http::Response<Incoming>) -> Self {
        let content_type = content_type(&response);
        let (parts, body) = response.into_parts();
        Self {
            body,
            content_type,
            headers: parts.headers,
        }
    }

    /// `Content-Type` of the answer, empty when it has none.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks before the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// The `Content-Type` of an answer, empty when it has none.
pub(crate) fn content_type<B>(response: &http::Response<B>) -> String {
    response
        .headers()
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}
