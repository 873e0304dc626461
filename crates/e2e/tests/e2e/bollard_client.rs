//! Rust's `bollard`, as programs use it: its own types read what the engine answers.

use std::io::Read;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CommitContainerOptionsBuilder, CreateContainerOptionsBuilder,
    DownloadFromContainerOptionsBuilder, EventsOptionsBuilder, ImportImageOptionsBuilder,
    InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder, PruneContainersOptions,
    RemoveContainerOptionsBuilder, RemoveImageOptions, StatsOptionsBuilder, UploadToContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use bytes::Bytes;
use corten_testkit::{Engine, fixtures};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;

use crate::{BB, corten_only};

/// An engine that has the busybox image, loaded by bollard, and a client that has agreed on a version.
async fn connected() -> (Engine, Docker) {
    let engine = Engine::start();
    let socket = engine.socket().display().to_string();
    let docker = Docker::connect_with_unix(&socket, 60, API_DEFAULT_VERSION).unwrap();
    let docker = docker.negotiate_version().await.unwrap();
    let archive = Bytes::from(std::fs::read(fixtures::busybox()).unwrap());
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let said: Vec<_> = docker
        .import_image(options, body_full(archive), None)
        .try_collect()
        .await
        .unwrap();
    assert!(format!("{said:?}").contains(BB), "{said:?}");
    (engine, docker)
}

/// Makes a container that runs a script.
async fn create(docker: &Docker, name: &str, script: &str) {
    let body = ContainerCreateBody {
        image: Some(BB.to_owned()),
        cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]),
        env: Some(vec!["X=1".to_owned()]),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        host_config: Some(HostConfig {
            memory: Some(64 << 20),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    let made = docker.create_container(Some(options), body).await.unwrap();
    assert!(made.id.len() == 64 && made.warnings.is_empty(), "{made:?}");
}

/// Everything said on standard output and standard error.
async fn heard<E: std::fmt::Debug>(output: impl Stream<Item = Result<LogOutput, E>>) -> (String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    let mut output = std::pin::pin!(output);
    while let Some(piece) = output.next().await {
        match piece.unwrap() {
            LogOutput::StdErr { message } => err += &String::from_utf8_lossy(&message),
            LogOutput::StdOut { message } => out += &String::from_utf8_lossy(&message),
            other => panic!("{other:?}"),
        }
    }
    (out, err)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_lives_under_bollard() {
    corten_only!();
    let (_engine, docker) = connected().await;
    assert_eq!(docker.ping().await.unwrap(), "OK");
    let version = docker.version().await.unwrap();
    assert_eq!(version.os.as_deref(), Some("linux"));
    assert_eq!(docker.info().await.unwrap().containers, Some(0));

    create(&docker, "box", "read line; echo out $line; echo err >&2; exit 7").await;
    let options = AttachContainerOptionsBuilder::new()
        .stream(true)
        .stdin(true)
        .stdout(true)
        .stderr(true)
        .build();
    let mut attached = docker.attach_container("box", Some(options)).await.unwrap();
    docker.start_container("box", None).await.unwrap();
    let stats = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
    let stats: Vec<_> = docker.stats("box", Some(stats)).try_collect().await.unwrap();
    let memory = stats[0].memory_stats.as_ref().unwrap();
    assert_eq!(memory.limit, Some(64 << 20));
    attached.input.write_all(b"hello\n").await.unwrap();
    attached.input.flush().await.unwrap();
    let expected = ("out hello\n".to_owned(), "err\n".to_owned());
    assert_eq!(heard(attached.output).await, expected);
    let options = WaitContainerOptionsBuilder::new()
        .condition("not-running")
        .build();
    let waited: Vec<_> = docker.wait_container("box", Some(options)).collect().await;
    // bollard makes an error of every code but 0.
    assert!(
        matches!(
            &waited[..],
            [Err(bollard::errors::Error::DockerContainerWaitError {
                code: 7,
                ..
            })]
        ),
        "{waited:?}"
    );
    let seen = docker
        .inspect_container("box", None::<InspectContainerOptions>)
        .await
        .unwrap();
    let state = seen.state.unwrap();
    assert_eq!((state.exit_code, state.running), (Some(7), Some(false)));
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    assert_eq!(heard(docker.logs("box", Some(options))).await, expected);

    let options = CommitContainerOptionsBuilder::new()
        .container("box")
        .repo("test/made")
        .tag("1")
        .build();
    let made = docker
        .commit_container(options, ContainerConfig::default())
        .await
        .unwrap();
    assert_eq!(
        docker.inspect_image("test/made:1").await.unwrap().id,
        Some(made.id)
    );
    docker
        .remove_image("test/made:1", None::<RemoveImageOptions>, None)
        .await
        .unwrap();
    let pruned = docker
        .prune_containers(None::<PruneContainersOptions>)
        .await
        .unwrap();
    assert_eq!(pruned.containers_deleted.unwrap().len(), 1);
    let options = ListContainersOptionsBuilder::new().all(true).build();
    assert!(docker.list_containers(Some(options)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_files_go_in_and_out() {
    corten_only!();
    let (_engine, docker) = connected().await;
    create(&docker, "box", "trap 'exit 0' TERM; while :; do sleep 0.1; done").await;
    docker.start_container("box", None).await.unwrap();
    let exec = CreateExecOptions {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(vec!["sh", "-c", "echo $X$Y; echo bad >&2; exit 5"]),
        env: Some(vec!["Y=2"]),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec("box", exec).await.unwrap().id;
    let StartExecResults::Attached { output, .. } = docker.start_exec(&exec, None).await.unwrap() else {
        panic!("it was to be attached")
    };
    assert_eq!(heard(output).await, ("12\n".to_owned(), "bad\n".to_owned()));
    assert_eq!(docker.inspect_exec(&exec).await.unwrap().exit_code, Some(5));

    let layer = fixtures::Layer::default()
        .file("file", 0o640, b"from bollard")
        .finish();
    let options = UploadToContainerOptionsBuilder::new().path("/tmp").build();
    let sent = docker.upload_to_container("box", Some(options), body_full(layer.clone().into()));
    sent.await.unwrap();
    let options = DownloadFromContainerOptionsBuilder::new()
        .path("/tmp/file")
        .build();
    let archive: Vec<Bytes> = docker
        .download_from_container("box", Some(options))
        .try_collect()
        .await
        .unwrap();
    let archive = archive.concat();
    assert!(archive.windows(12).any(|part| part == b"from bollard"));
    let refused = UploadToContainerOptionsBuilder::new().path("/nope").build();
    let refused = docker
        .upload_to_container("box", Some(refused), body_full(layer.into()))
        .await;
    let error = refused.unwrap_err().to_string();
    assert!(
        error.contains("Could not find the file /nope in container box"),
        "{error}"
    );

    let missing = docker
        .inspect_container("nope", None::<InspectContainerOptions>)
        .await;
    assert!(
        matches!(
            missing,
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
        ),
        "{missing:?}"
    );
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container("box", Some(options)).await.unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let until = (now + Duration::from_secs(1)).as_secs().to_string();
    let options = EventsOptionsBuilder::new().since("0").until(&until).build();
    let events: Vec<_> = docker.events(Some(options)).try_collect().await.unwrap();
    let actions: Vec<String> = events.into_iter().filter_map(|event| event.action).collect();
    for wanted in [
        "load",
        "create",
        "start",
        "exec_create: sh -c echo $X$Y; echo bad >&2; exit 5",
        "kill",
        "die",
        "destroy",
    ] {
        assert!(
            actions.iter().any(|action| action == wanted),
            "{wanted} in {actions:?}"
        );
    }
    let mut saved = Vec::new();
    let mut image = std::pin::pin!(docker.export_image(BB));
    while let Some(piece) = image.next().await {
        piece.unwrap().as_ref().read_to_end(&mut saved).unwrap();
    }
    assert!(saved.len() > 1 << 20);
}
