//! The composition root: parts are opened in order, served, and closed in the opposite order.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use corten_api::IdleConnections;
use corten_content::Store as ContentStore;
use corten_engine::{Engine, EngineConfig, Parts};
use corten_image::Images;
use corten_metadata::Store;
use corten_network::{Networks, PlaneConfig};
use corten_sandbox::{SandboxConfig, Sandboxes};
use corten_snapshot::{Overlay, Snapshotter};
use corten_volume::{Volumes, VolumesConfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::adapters;
use crate::claim::Claim;
use crate::flags::Flags;
use crate::live::Shared;
use crate::logging::LogLevel;
use crate::pidfile::PidFile;
use crate::reload::Reload;
use crate::settings::Settings;
use crate::{listeners, logging, memory, metrics, open_files, service_manager, shim_path};

/// Where plugins have their sockets, and where else is said where they listen (Docker's directories).
const PLUGIN_SOCKETS: &str = "/run/docker/plugins";
const PLUGIN_SPECIFICATIONS: [&str; 2] = ["/etc/docker/plugins", "/usr/lib/docker/plugins"];

/// What keeps a daemon from running: a sentence for the one who started it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a daemon until it is told to end.
pub(crate) fn run(mut settings: Settings, flags: Flags, commit: &'static str) -> Result<(), Failure> {
    memory::use_few_arenas();
    open_files::raise(&mut settings.defaults.ulimits)?;
    let log_level = logging::start(settings.log_level, settings.live.debug, settings.log_format);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // What waits for a client is not among them, see `corten_engine::on_own_thread`.
        .max_blocking_threads(64)
        .thread_keep_alive(Duration::from_secs(2))
        .enable_all()
        .build()?
        .block_on(serve(settings, flags, log_level, commit))
}

async fn serve(
    settings: Settings,
    flags: Flags,
    log_level: LogLevel,
    commit: &'static str,
) -> Result<(), Failure> {
    // Told to end while starting is still told, and a reload must never end a daemon.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    make_dir(&settings.data_root, 0o710)?;
    make_dir(&settings.exec_root, 0o711)?;
    let _pidfile = PidFile::write(&settings.pidfile).await?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(score) = settings.oom_score {
        fs::write("/proc/self/oom_score_adj", score.to_string())
            .map_err(|error| format!("cannot set oom-score-adjust to {score}: {error}"))?;
    }
    let mut claims = vec![Claim::directory(&settings.data_root).await?];
    if settings.exec_root != settings.data_root {
        claims.push(Claim::directory(&settings.exec_root).await?);
    }
    if let Some(network) = &settings.network {
        claims.push(Claim::bridge(&network.bridge).await?);
    }
    claims.push(Claim::table(&settings.plane.table).await?);
    // Before anything is restored: who connects now waits, and a daemon that cannot be reached has touched nothing.
    let mut listeners = listeners::open(&settings).await?;
    let (engine, networks) = open(&settings).await?;
    if let Some(address) = &settings.metrics {
        metrics::serve(address, engine.clone())
            .await
            .map_err(|error| format!("failed to start metrics server: listen tcp {address}: {error}"))?;
    }
    let live = Shared::new(settings.live.clone());
    let reload = Reload {
        flags,
        live: live.clone(),
        engine: engine.clone(),
        log_level,
    };
    let (closing, closed) = watch::channel(false);
    let router = corten_api::router(adapters::backend(&engine, &settings, live.clone(), commit));
    let idle = IdleConnections::new(open_files::idle_connections());
    let mut servers = Vec::new();
    for listener in listeners.listeners.drain(..) {
        let mut closed = closed.clone();
        let closing = async move {
            // An error means that the sender is gone, which is the end as well.
            let _closing = closed.wait_for(|closing| *closing).await;
        };
        let serving = corten_api::serve(listener, router.clone(), idle.clone(), closing);
        servers.push(tokio::spawn(serving));
    }
    tracing::info!(
        pid = std::process::id(),
        "API listen on {}",
        listeners.names.join(", ")
    );
    service_manager::ready();

    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload.run(),
        }
    }
    tracing::info!("Daemon shutdown in progress");
    service_manager::stopping();
    tokio::spawn(async move {
        // Whoever asks a second time does not want to wait.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("told to end again: ending at once");
        std::process::exit(1);
    });
    let last = live.now();
    if !last.live_restore {
        engine.stop_all(last.shutdown_timeout).await;
    }
    closing.send_replace(true);
    for server in servers {
        server.await?;
    }
    engine.close().await?;
    // Running containers keep their network; an idle daemon leaves nothing on the machine.
    let idle = engine.running() == 0;
    tokio::task::spawn_blocking(move || networks.shutdown(idle)).await??;
    drop(claims);
    tracing::info!("Daemon shutdown complete");
    Ok(())
}

async fn open(settings: &Settings) -> Result<(Arc<Engine>, Arc<Networks>), Failure> {
    settings.defaults.check()?;
    let root = settings.data_root.clone();
    make_dir(&root.join("containers"), 0o710)?;
    let metadata = Arc::new(Store::open(&root)?);
    let content = ContentStore::open(&root.join("content"))?;
    let snapshots: Arc<dyn Snapshotter> = Arc::new(Overlay::open(&root.join("overlay"))?);
    let images = Arc::new(Images::open(
        content,
        snapshots.clone(),
        metadata.clone(),
        corten_engine::boot_id()?,
    )?);
    let volumes = Arc::new(Volumes::open(&VolumesConfig {
        root: root.join("volumes"),
        holds: settings.exec_root.join("volumes"),
        plugin_sockets: settings
            .plugin_dir
            .clone()
            .unwrap_or_else(|| PLUGIN_SOCKETS.into()),
        plugin_specifications: match &settings.plugin_dir {
            Some(dir) => vec![dir.clone()],
            None => PLUGIN_SPECIFICATIONS.map(Into::into).into(),
        },
    })?);
    let (events, received) = mpsc::unbounded_channel();
    let shim = shim_path::find(settings.shim.as_deref())?;
    let sandboxes = Sandboxes::open(
        &SandboxConfig {
            exec_root: settings.exec_root.clone(),
            shim,
        },
        events,
    )?;
    sandboxes.check_cgroup(&settings.cgroup_parent)?;
    // Last of all, for who cannot start shall leave nothing on the machine.
    let networks = Arc::new(Networks::open(PlaneConfig {
        seed: corten_engine::identity(&metadata)?,
        ..settings.plane.clone()
    })?);
    if let Some(bridge) = &settings.network {
        // Their networks come back later, but have their subnets already.
        let recorded = corten_engine::recorded_subnets(&metadata)?;
        let spec = networks.default_spec("", bridge, &recorded).and_then(|spec| {
            networks.create(&spec)?;
            Ok(spec)
        });
        spec.map_err(|error| {
            format!(
                "Error initializing network controller: error creating default \"bridge\" network: {error}"
            )
        })?;
    }
    let engine = Engine::new(
        EngineConfig {
            data_root: root,
            cgroup_parent: settings.cgroup_parent.clone(),
            dns: settings.dns.clone(),
            dns_options: settings.dns_options.clone(),
            dns_search: settings.dns_search.clone(),
            host_gateways: settings.host_gateways.clone(),
            network_options: settings.network_options.clone(),
            defaults: settings.defaults.clone(),
        },
        Parts {
            images,
            snapshots,
            metadata,
            networks: networks.clone(),
            volumes,
            sandboxes: Arc::new(sandboxes),
        },
    )?;
    engine.restore().await?;
    tokio::spawn(engine.clone().follow_sandboxes(received));
    Ok((engine, networks))
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| format!("cannot create {}: {error}", path.display()).into())
}
