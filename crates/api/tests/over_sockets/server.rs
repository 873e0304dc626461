//! The API over a socket of its own, and a client that shows every byte.

use corten_api::{IdleConnections, Listener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::fake::Fake;

/// A server over a socket of its own.
pub struct Server {
    pub fake: Arc<Fake>,
    pub socket: PathBuf,
    stop: Arc<Notify>,
    task: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(IdleConnections::new(1000))
    }

    pub fn start_with(idle: IdleConnections) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("api.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let fake = Arc::new(Fake::default());
        let stop = Arc::new(Notify::new());
        let (router, told) = (corten_api::router(fake.backend()), stop.clone());
        let task = tokio::spawn(async move {
            let told = async move { told.notified().await };
            corten_api::serve(Listener::Unix(listener, |_| Ok(0)), router, idle, told).await;
        });
        Self {
            fake,
            socket,
            stop,
            task,
            _dir: dir,
        }
    }

    pub async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.socket).await.unwrap()
    }

    /// Sends `request` as it is on a connection of its own, closes that half if `half_close`, and returns everything that
    /// comes back until the server closes.
    pub async fn raw(&self, request: &str, half_close: bool) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        if half_close {
            stream.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
            .await
            .expect("the server closes in time")
            .unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// One request without body; status line's code and body.
    pub async fn ask(&self, method: &str, path: &str) -> (u16, String) {
        self.send(method, path, "", "").await
    }

    /// One request; `headers` as lines ended by CR LF.
    pub async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let answer = self
            .raw(
                &format!(
                    "{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{headers}{length}\r\n{body}"
                ),
                false,
            )
            .await;
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// Stops it and says how long that took.
    pub async fn stop(self) -> Duration {
        let begin = Instant::now();
        self.stop.notify_one();
        self.task.await.unwrap();
        begin.elapsed()
    }
}
