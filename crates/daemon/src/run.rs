//! The composition root: parts are opened in order, served, and closed in the opposite order.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use corten_content::Store as ContentStore;
use corten_engine::{Engine, EngineConfig, Parts};
use corten_image::Images;
use corten_metadata::Store;
use corten_network::BridgeNetwork;
use corten_sandbox::{SandboxConfig, Sandboxes};
use corten_snapshot::{Overlay, Snapshotter};
use corten_volume::Volumes;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::adapters;
use crate::claim::Claim;
use crate::pidfile::PidFile;
use crate::settings::Settings;
use crate::sockets::{DOCKER_SOCKET, Socket};
use crate::{memory, shim_path};

/// What keeps a daemon from running: a sentence for the one who started it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a daemon until it is told to end.
pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    memory::use_few_arenas();
    start_log(&settings)?;
    if settings.validate {
        println!("configuration OK");
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(64)
        .thread_keep_alive(Duration::from_secs(2))
        .enable_all()
        .build()?
        .block_on(serve(settings))
}

fn start_log(settings: &Settings) -> Result<(), Failure> {
    let level = if settings.debug {
        "debug"
    } else {
        &settings.log_level
    };
    if !["trace", "debug", "info", "warn", "error"].contains(&level) {
        return Err(format!("invalid logging level: {level}").into());
    }
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
    Ok(())
}

async fn serve(settings: Settings) -> Result<(), Failure> {
    // Told to end while starting is still told.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    make_dir(&settings.data_root, 0o710)?;
    make_dir(&settings.exec_root, 0o711)?;
    let _pidfile = PidFile::write(&settings.pidfile)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let mut claims = vec![Claim::directory(&settings.data_root).await?];
    if settings.exec_root != settings.data_root {
        claims.push(Claim::directory(&settings.exec_root).await?);
    }
    if let Some(network) = &settings.network {
        claims.push(Claim::bridge(&network.bridge).await?);
    }
    // Before anything is restored: who connects now waits, and a daemon that cannot be reached has touched nothing.
    let sockets = listen(&settings)?;
    let (engine, bridge) = open(&settings).await?;
    let (closing, closed) = watch::channel(false);
    let router = corten_api::router(adapters::backend(&engine, &settings));
    let mut servers = Vec::new();
    for socket in &sockets {
        let listener = UnixListener::from_std(socket.listener.try_clone()?)?;
        let mut closed = closed.clone();
        let closing = async move {
            // An error means that the sender is gone, which is the end as well.
            let _closing = closed.wait_for(|closing| *closing).await;
        };
        servers.push(tokio::spawn(corten_api::serve(listener, router.clone(), closing)));
    }
    tracing::info!(pid = std::process::id(), "API listen on {}", names(&sockets));

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("ending");
    if !settings.live_restore {
        engine.stop_all(settings.shutdown_timeout).await;
    }
    closing.send_replace(true);
    for server in servers {
        server.await?;
    }
    engine.close()?;
    if let Some(bridge) = bridge {
        // Running containers keep their network; an idle daemon leaves nothing on the machine.
        let idle = engine.running() == 0;
        tokio::task::spawn_blocking(move || bridge.shutdown(idle)).await??;
    }
    drop(claims);
    Ok(())
}

async fn open(settings: &Settings) -> Result<(Arc<Engine>, Option<Arc<BridgeNetwork>>), Failure> {
    let root = settings.data_root.clone();
    make_dir(&root.join("containers"), 0o710)?;
    let metadata = Arc::new(Store::open(&root)?);
    let content = ContentStore::open(&root.join("content"))?;
    let snapshots: Arc<dyn Snapshotter> = Arc::new(Overlay::open(&root.join("overlay"))?);
    let images = Arc::new(Images::open(content, snapshots.clone(), metadata.clone())?);
    let volumes = Arc::new(Volumes::open(&root.join("volumes"))?);
    let bridge = settings
        .network
        .clone()
        .map(BridgeNetwork::open)
        .transpose()?
        .map(Arc::new);
    let (events, received) = mpsc::unbounded_channel();
    let shim = shim_path::find(settings.shim.as_deref())?;
    let sandboxes = Sandboxes::open(
        &SandboxConfig {
            exec_root: settings.exec_root.clone(),
            shim,
        },
        events,
    )?;
    let engine = Engine::new(
        EngineConfig {
            data_root: root,
            cgroup_parent: settings.cgroup_parent.clone(),
            log_options: settings.log_options.clone(),
            dns: settings.dns.clone(),
        },
        Parts {
            images,
            snapshots,
            metadata,
            bridge: bridge.clone(),
            volumes,
            sandboxes: Arc::new(sandboxes),
        },
    )?;
    engine.restore().await?;
    tokio::spawn(engine.clone().follow_sandboxes(received));
    Ok((engine, bridge))
}

fn listen(settings: &Settings) -> Result<Vec<Socket>, Failure> {
    let mut sockets = Vec::new();
    for path in &settings.hosts {
        let socket = Socket::listen(path, &settings.group)
            .map_err(|error| format!("can't create unix socket {}: {error}", path.display()))?;
        sockets.push(socket);
    }
    if settings.docker_socket {
        match Socket::listen(Path::new(DOCKER_SOCKET), &settings.group) {
            Ok(socket) => sockets.push(socket),
            Err(error) => tracing::info!(%error, "not listening on {DOCKER_SOCKET}"),
        }
    }
    Ok(sockets)
}

fn names(sockets: &[Socket]) -> String {
    sockets.iter().map(Socket::name).collect::<Vec<_>>().join(", ")
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| format!("cannot create {}: {error}", path.display()).into())
}
