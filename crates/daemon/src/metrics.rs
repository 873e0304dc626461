//! `--metrics-addr`: numbers about the engine for Prometheus, under dockerd's names.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use corten_api::AcceptFailures;
use corten_engine::Engine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longest request that is read, in bytes.
const LIMIT: usize = 8192;
/// A request and its answer must be through by then.
const DEADLINE: Duration = Duration::from_secs(30);

/// Serves `/metrics` at an address until the runtime ends.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) async fn serve(address: &str, engine: Arc<Engine>) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!("metrics API listening on {}", listener.local_addr()?);
    tokio::spawn(async move {
        let mut failures = AcceptFailures::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(timeout(DEADLINE, answer(stream, engine.clone())))),
                Err(cause) => failures.pause(&cause).await,
            }
        }
    });
    Ok(())
}

async fn answer(mut stream: TcpStream, engine: Arc<Engine>) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LIMIT {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, text) = if request.starts_with(b"GET /metrics ") {
        ("200 OK", metrics(&engine))
    } else {
        ("404 Not Found", "404 page not found\n".to_owned())
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn metrics(engine: &Engine) -> String {
    let counts = engine.counts();
    let mut text = String::new();
    let mut add = |name: &str, help: &str, lines: &[(&str, String)]| {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "# HELP engine_daemon_{name} {help}\n# TYPE engine_daemon_{name} gauge"
        );
        for (labels, value) in lines {
            let _ = writeln!(text, "engine_daemon_{name}{labels} {value}");
        }
    };
    add(
        "container_states_containers",
        "The count of containers in various states",
        &[
            ("{state=\"paused\"}", counts.paused.to_string()),
            ("{state=\"running\"}", counts.running.to_string()),
            (
                "{state=\"stopped\"}",
                (counts.containers - counts.running - counts.paused).to_string(),
            ),
        ],
    );
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    add(
        "engine_cpus_cpus",
        "The number of cpus that the host system of the engine has",
        &[("", cpus.to_string())],
    );
    let memory = rustix::system::sysinfo();
    add(
        "engine_memory_bytes",
        "The number of bytes of memory that the host system of the engine has",
        &[(
            "",
            memory
                .totalram
                .saturating_mul(u64::from(memory.mem_unit))
                .to_string(),
        )],
    );
    add(
        "events_subscribers_total",
        "The number of current subscribers to events",
        &[("", engine.events().listeners().to_string())],
    );
    add(
        "images_images",
        "The number of images",
        &[("", counts.images.to_string())],
    );
    text
}
