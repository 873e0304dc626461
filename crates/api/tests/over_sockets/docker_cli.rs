//! The real `docker` command line against the API. Passes without saying much where there is no such program.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::server::Server;

/// Runs `docker ARGS` with `input`; `None` when the program is not installed.
async fn docker(server: &Server, args: &[&str], input: &str) -> Option<Output> {
    let program = Path::new("/usr/local/bin/docker");
    if !program.exists() {
        return None;
    }
    let mut child = Command::new(program)
        .arg("-H")
        .arg(format!("unix://{}", server.socket.display()))
        .args(args)
        .env("DOCKER_CONFIG", server.socket.parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    Some(
        timeout(Duration::from_secs(60), child.wait_with_output())
            .await
            .expect("docker ends")
            .unwrap(),
    )
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn tables_are_filled() {
    let server = Server::start();
    let Some(version) = docker(&server, &["version"], "").await else {
        return;
    };
    assert!(text(&version.stdout).contains("29.3.1+fake"), "{version:?}");
    let ps = docker(&server, &["ps", "--no-trunc"], "").await.unwrap();
    assert!(
        text(&ps.stdout).contains("c0ffee00c0ffee") && text(&ps.stdout).contains("Up 2 seconds"),
        "{ps:?}"
    );
    let info = docker(&server, &["info"], "").await.unwrap();
    assert!(
        info.status.success() && text(&info.stdout).contains("Name: fakehost"),
        "{info:?}"
    );
    let images = docker(&server, &["images"], "").await.unwrap();
    assert!(text(&images.stdout).contains("a/b"), "{images:?}");
}

#[tokio::test]
async fn streams_reach_both_ends() {
    let server = Server::start();
    let Some(exec) = docker(&server, &["exec", "-i", "c", "echo"], "typed").await else {
        return;
    };
    assert_eq!(text(&exec.stdout), "hello TYPED bye");
    assert_eq!(text(&exec.stderr), "there ");
    assert_eq!(exec.status.code(), Some(7));
    let logs = docker(&server, &["logs", "c"], "").await.unwrap();
    assert_eq!((text(&logs.stdout), text(&logs.stderr)), ("out\n", "err\n"));
    let missing = docker(&server, &["start", "x"], "").await.unwrap();
    assert!(
        text(&missing.stderr).contains("Error response from daemon: No such container: x"),
        "{missing:?}"
    );
}
