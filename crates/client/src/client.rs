//! The client: sends calls, reuses connections, agrees on an API version.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use corten_wire::{ApiVersion, ErrorResponse, go_json};
use http::header::HeaderName;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::Payload;
use crate::connect::{self, Duplex, Sender};
use crate::query::Target;
use crate::raw_stream::{RawStream, content_type};
use crate::{Address, Error, Hijacked, JsonStream, Tls};

const USER_AGENT: &str = concat!("Corten-Client/", env!("CARGO_PKG_VERSION"), " (linux)");

/// A client of one engine. Cheap to clone; clones share connections.
///
/// Requests go out at once at [`ApiVersion::MAX`]; only an engine that answers that this is too new costs a second
/// request, after which its version is used.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// Sent with every request.
    headers: Arc<HeaderMap>,
}

struct Shared {
    address: Address,
    tls: Option<Tls>,
    /// Connections whose last answer has been read to its end.
    idle: Mutex<Vec<Sender>>,
    version: Mutex<Version>,
}

#[derive(Clone, Copy)]
struct Version {
    current: ApiVersion,
    /// Set by the user: never negotiated.
    fixed: bool,
}

/// One request, before it is bound to a version and a connection.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) payload: Payload,
}

impl Client {
    /// A client of the engine at `address`. Nothing is sent yet.
    pub fn new(address: Address) -> Self {
        Self::with(address, None, None)
    }

    /// A client that speaks TLS if `address` is TCP, and `version` and no other if one is given (as `DOCKER_API_VERSION`
    /// asks for).
    pub fn with(address: Address, tls: Option<Tls>, version: Option<ApiVersion>) -> Self {
        let version = Version {
            current: version.unwrap_or(ApiVersion::MAX),
            fixed: version.is_some(),
        };
        Self {
            shared: Arc::new(Shared {
                address,
                tls,
                idle: Mutex::default(),
                version: Mutex::new(version),
            }),
            headers: Arc::default(),
        }
    }

    /// This client, sending these headers with every request.
    ///
    /// # Errors
    /// [`Error::Request`] when one cannot be a header.
    pub fn with_headers<'a>(
        mut self,
        headers: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self, Error> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(http::Error::from)?;
            all.insert(name, value.parse().map_err(http::Error::from)?);
        }
        self.headers = Arc::new(all);
        Ok(self)
    }

    /// A connection to the engine as it is: nothing is sent over it but what its holder sends.
    ///
    /// # Errors
    /// [`Error::Connect`] or [`Error::Permission`].
    pub async fn dial(&self) -> Result<Box<dyn Duplex>, Error> {
        connect::dial(&self.shared.address, self.shared.tls.as_ref()).await
    }

    /// Opens a connection ahead of the first call, which then uses it.
    ///
    /// # Errors
    /// [`Error::Connect`] or [`Error::Permission`].
    pub async fn connect(&self) -> Result<(), Error> {
        let sender = connect::open(&self.shared.address, self.shared.tls.as_ref()).await?;
        lock(&self.shared.idle).push(sender);
        Ok(())
    }

    /// Where the engine is.
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// The API version spoken, as far as it is known: it goes down when the engine says that it is too new.
    pub fn api_version(&self) -> ApiVersion {
        lock(&self.shared.version).current
    }

    /// Sends a call and reads a JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let text = self.bytes(call).await?;
        Ok(go_json::from_slice(&text)?)
    }

    /// Sends a call whose answer is of no interest beyond its success.
    pub(crate) async fn done(&self, call: Call) -> Result<(), Error> {
        self.bytes(call).await.map(drop)
    }

    /// Sends a call and reads its whole answer. The connection is used again.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Bytes, Error> {
        let (response, sender) = self.send(call).await?;
        let text = response.into_body().collect().await?.to_bytes();
        lock(&self.shared.idle).push(sender);
        Ok(text)
    }

    /// Sends a call whose answer is read as it comes. The connection is closed at its end.
    pub(crate) async fn raw(&self, call: Call) -> Result<RawStream, Error> {
        let (response, _) = self.send(call).await?;
        Ok(RawStream::new(response))
    }

    /// As [`Self::raw`], for a sequence of JSON documents.
    pub(crate) async fn json_stream<T: DeserializeOwned>(&self, call: Call) -> Result<JsonStream<T>, Error> {
        self.raw(call).await.map(JsonStream::new)
    }

    /// Sends a call that takes over its connection.
    pub(crate) async fn hijack(&self, call: Call) -> Result<Hijacked, Error> {
        let (response, _) = self.transmit(call, true).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Protocol(format!(
                "unable to upgrade to tcp, received {}",
                response.status().as_u16()
            )));
        }
        let content_type = content_type(&response);
        Ok(Hijacked::new(hyper::upgrade::on(response).await?, &content_type))
    }

    async fn send(&self, call: Call) -> Result<(Response<Incoming>, Sender), Error> {
        self.transmit(call, false).await
    }

    async fn transmit(&self, call: Call, upgrade: bool) -> Result<(Response<Incoming>, Sender), Error> {
        let mut call = call;
        call.target.check()?;
        loop {
            let spoken = *lock(&self.shared.version);
            let again = call.payload.again();
            let request = self.request(&call.method, &call.target, call.payload, spoken.current, upgrade)?;
            let (response, sender) = self.exchange(request).await?;
            let status = response.status();
            if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok((response, sender));
            }
            let text = response.into_body().collect().await?.to_bytes();
            lock(&self.shared.idle).push(sender);
            let error = failure(status, &text);
            let Some(payload) = again.filter(|_| status == StatusCode::BAD_REQUEST && !spoken.fixed) else {
                return Err(error);
            };
            match newest_supported(&error).filter(|version| *version < spoken.current) {
                Some(version) => lock(&self.shared.version).current = version,
                None => return Err(error),
            }
            call.payload = payload;
        }
    }

    fn request(
        &self,
        method: &Method,
        target: &Target,
        payload: Payload,
        version: ApiVersion,
        upgrade: bool,
    ) -> Result<Request<crate::body::Body>, Error> {
        let host = match &self.shared.address {
            Address::Unix(_) | Address::Ssh(_) => "api.moby.localhost",
            Address::Tcp(authority) => authority,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/v{version}{}", target.as_str()))
            .header(header::HOST, host)
            .header(header::USER_AGENT, USER_AGENT);
        for (name, value) in self
            .headers
            .iter()
            .filter(|(name, _)| *name != header::USER_AGENT)
        {
            request = request.header(name, value);
        }
        if let Some(kind) = payload.content_type() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if upgrade {
            request = request
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "tcp");
        }
        Ok(request.body(payload.into_body())?)
    }

    /// Sends a request over an idle connection, or a new one when there is none or it turns out to be closed.
    async fn exchange(
        &self,
        request: Request<crate::body::Body>,
    ) -> Result<(Response<Incoming>, Sender), Error> {
        let mut request = request;
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let unanswered = |source| Error::Unanswered {
            call: self.shared.address.call(&method, &uri, self.shared.tls.is_some()),
            source,
        };
        loop {
            let idle = lock(&self.shared.idle).pop();
            let Some(mut sender) = idle else { break };
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                // The engine closed the connection before it took the request, which thus can be sent again.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(unanswered(error.into_error())),
                },
            }
        }
        let mut sender = connect::open(&self.shared.address, self.shared.tls.as_ref()).await?;
        let response = sender.send_request(request).await.map_err(unanswered)?;
        Ok((response, sender))
    }
}

impl Call {
    pub(crate) fn get(target: Target) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn post(target: Target) -> Self {
        Self::new(Method::POST, target)
    }

    pub(crate) fn head(target: Target) -> Self {
        Self::new(Method::HEAD, target)
    }

    pub(crate) fn put(target: Target) -> Self {
        Self::new(Method::PUT, target)
    }

    pub(crate) fn delete(target: Target) -> Self {
        Self::new(Method::DELETE, target)
    }

    pub(crate) fn with_json<T: Serialize>(mut self, body: &T) -> Result<Self, Error> {
        self.payload = Payload::Json(serde_json::to_vec(body)?.into());
        Ok(self)
    }

    pub(crate) fn with_upload(mut self, upload: crate::Upload) -> Self {
        self.payload = Payload::Upload(upload);
        self
    }

    fn new(method: Method, target: Target) -> Self {
        Self {
            method,
            target,
            payload: Payload::None,
        }
    }
}

/// The error an answer that is no success stands for.
fn failure(status: StatusCode, text: &[u8]) -> Error {
    let message = match go_json::from_slice::<ErrorResponse>(text) {
        Ok(answer) if !answer.message.is_empty() => answer.message.trim().to_owned(),
        _ => {
            let text = String::from_utf8_lossy(text);
            let text = text.trim();
            if text.is_empty() {
                status.canonical_reason().unwrap_or("no reason given").to_owned()
            } else {
                text.to_owned()
            }
        }
    };
    Error::Status {
        status: status.as_u16(),
        message,
    }
}

/// The version named by `client version 1.53 is too new. Maximum supported API version is 1.41`.
fn newest_supported(error: &Error) -> Option<ApiVersion> {
    let Error::Status { message, .. } = error else {
        return None;
    };
    let (_, version) = message.split_once("is too new. Maximum supported API version is ")?;
    version.trim_end_matches('.').trim().parse().ok()
}

/// Locks; a panic elsewhere cannot have left these plain values half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_error_bodies() {
        let say = |text: &str| failure(StatusCode::NOT_FOUND, text.as_bytes()).to_string();
        assert_eq!(
            say(r#"{"message":"No such container: x"}"#),
            "Error response from daemon: No such container: x"
        );
        assert_eq!(say("plain\n"), "Error response from daemon: plain");
        assert_eq!(say(""), "Error response from daemon: Not Found");
    }

    #[test]
    fn finds_the_version_in_the_complaint() {
        let error = failure(
            StatusCode::BAD_REQUEST,
            br#"{"message":"client version 1.53 is too new. Maximum supported API version is 1.41"}"#,
        );
        assert_eq!(newest_supported(&error), Some(ApiVersion::new(1, 41)));
    }
}
