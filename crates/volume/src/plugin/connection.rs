//! One call of a plugin: a POST with JSON there and JSON back.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Longest answer read, in bytes.
const MAX_ANSWER: usize = 16 << 20;
/// How long a plugin that is being started again is waited for.
const RETRY_FOR: Duration = Duration::from_secs(15);
/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The protocol's media type.
const MEDIA_TYPE: &str = "application/vnd.docker.plugins.v1.2+json";

/// Where a plugin listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// `host:port`, plain HTTP.
    Tcp(String),
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Nobody listens.
    Unreachable(String),
    /// The plugin has no such method.
    NoMethod(String),
    /// It refused, or answered nonsense, or not in time.
    Failed(String),
}

impl Fault {
    /// What to tell.
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Unreachable(text) | Self::NoMethod(text) | Self::Failed(text) => text,
        }
    }
}

impl Address {
    /// Calls a method and waits for its answer, `timeout` at most. With `retry` a plugin that does not listen is given a while.
    ///
    /// Blocking: not to be called from asynchronous code.
    pub(crate) fn call(
        &self,
        method: &str,
        body: &Value,
        timeout: Duration,
        retry: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::Failed(error.to_string()))?;
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let answered = runtime.block_on(async {
                tokio::time::timeout(timeout, self.ask(method, body))
                    .await
                    .unwrap_or_else(|_| {
                        let url = self.url(method);
                        tracing::warn!(url, ?timeout, "a plugin does not answer");
                        Err(Fault::Failed(format!(
                            "Post {url:?}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                        )))
                    })
            });
            match answered {
                Err(Fault::Unreachable(_)) if retry && begin.elapsed() + pause < RETRY_FOR.min(timeout) => {
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                answered => return answered,
            }
        }
    }

    async fn ask(&self, method: &str, body: &Value) -> Result<Map<String, Value>, Fault> {
        let url = self.url(method);
        match self {
            Self::Unix(path) => {
                let socket = UnixStream::connect(path).await.map_err(|error| {
                    let why = corten_types::system_words(&error);
                    let path = path.display();
                    Fault::Unreachable(format!("Post {url:?}: dial unix {path}: connect: {why}"))
                })?;
                exchange(socket, "localhost", &url, method, body).await
            }
            Self::Tcp(address) => {
                let socket = TcpStream::connect(address).await.map_err(|error| {
                    let why = corten_types::system_words(&error);
                    Fault::Unreachable(format!("Post {url:?}: dial tcp {address}: connect: {why}"))
                })?;
                exchange(socket, address, &url, method, body).await
            }
        }
    }

    /// The address as Docker's sentences write it.
    fn url(&self, method: &str) -> String {
        match self {
            Self::Unix(path) => {
                let path = path.display().to_string().replace('/', "%2F");
                format!("http://{path}/{method}")
            }
            Self::Tcp(address) => format!("http://{address}/{method}"),
        }
    }
}

async fn exchange(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    url: &str,
    method: &str,
    body: &Value,
) -> Result<Map<String, Value>, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::Failed(format!("Post {url:?}: {error}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket))
        .await
        .map_err(|error| broken(&error))?;
    let request = http::Request::post(format!("/{method}"))
        .header(http::header::HOST, host)
        .header(http::header::ACCEPT, MEDIA_TYPE)
        .header(http::header::CONTENT_TYPE, MEDIA_TYPE)
        .body(Full::new(Bytes::from(if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        })))
        .map_err(|error| broken(&error))?;
    let answer = async {
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| broken(&error))?;
        let status = answer.status();
        let text = Limited::new(answer.into_body(), MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| broken(&error))?
            .to_bytes();
        read_answer(method, status, &text)
    };
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answered = &mut answer => answered,
        // The connection may end as soon as the whole answer has come.
        _ = &mut connection => answer.await,
    }
}

fn read_answer(method: &str, status: http::StatusCode, text: &[u8]) -> Result<Map<String, Value>, Fault> {
    let parsed = serde_json::from_slice::<Value>(text);
    let said = |map: &Map<String, Value>| {
        let said = field(map, "Err").and_then(Value::as_str).unwrap_or_default();
        (!said.is_empty()).then(|| said.to_owned())
    };
    if status != http::StatusCode::OK {
        let own = parsed.ok().and_then(|value| said(value.as_object()?));
        let words = own.unwrap_or_else(|| String::from_utf8_lossy(text).trim().to_owned());
        let sentence = format!("{method}: {words}");
        return Err(if status == http::StatusCode::NOT_FOUND {
            Fault::NoMethod(sentence)
        } else {
            Fault::Failed(sentence)
        });
    }
    match parsed {
        Ok(Value::Object(map)) => match said(&map) {
            Some(words) => Err(Fault::Failed(words)),
            None => Ok(map),
        },
        // Some have nothing to say, and say it with an empty body.
        Err(error) if error.is_eof() && text.trim_ascii().is_empty() => Ok(Map::new()),
        Ok(_) => Err(Fault::Failed(format!(
            "{method}: the plugin's answer is no JSON object"
        ))),
        Err(error) => Err(Fault::Failed(format!(
            "{method}: the plugin's answer is no JSON: {error}"
        ))),
    }
}

/// A field of an answer, whatever the case of its name: Docker reads it so.
pub(crate) fn field<'v>(map: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let by_case = || {
        map.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    map.get(name).or_else(by_case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn answers_are_read_as_docker_does() {
        let read = |status, text: &str| read_answer("VolumeDriver.Mount", status, text.as_bytes());
        let mounted = read(StatusCode::OK, r#"{"mountpoint": "/m", "Err": ""}"#).unwrap();
        assert_eq!(field(&mounted, "Mountpoint").unwrap(), "/m");
        assert!(read(StatusCode::OK, " \n").unwrap().is_empty());
        for (status, text, sentence) in [
            (StatusCode::OK, r#"{"Err": "no disk"}"#, "no disk"),
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                r#"{"Err": "no disk"}"#,
                "VolumeDriver.Mount: no disk",
            ),
            (StatusCode::BAD_GATEWAY, "gone\n", "VolumeDriver.Mount: gone"),
        ] {
            assert_eq!(read(status, text).unwrap_err().sentence(), sentence);
        }
        assert!(matches!(read(StatusCode::NOT_FOUND, ""), Err(Fault::NoMethod(_))));
        assert!(matches!(read(StatusCode::OK, "[1]"), Err(Fault::Failed(_))));
        assert!(matches!(read(StatusCode::OK, "{"), Err(Fault::Failed(_))));
    }

    #[test]
    fn nobody_listening_is_said_in_dockers_words() {
        let address = Address::Unix("/nonexistent/p.sock".into());
        let fault = address
            .call("Plugin.Activate", &Value::Null, Duration::from_secs(5), false)
            .unwrap_err();
        assert_eq!(
            fault.sentence(),
            "Post \"http://%2Fnonexistent%2Fp.sock/Plugin.Activate\": dial unix /nonexistent/p.sock: connect: no such file or directory"
        );
    }
}
