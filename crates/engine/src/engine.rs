//! The engine: what it is made of, and what all verbs share.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use corten_image::Images;
use corten_metadata::{Batch, Durability, Store, Table};
use corten_network::Networks;
use corten_sandbox::Sandboxes;
use corten_snapshot::Snapshotter;
use corten_types::ContainerId;
use corten_volume::Volumes;

use crate::container::Container;
use crate::defaults::Defaults;
use crate::error::{Error, Result};
use crate::events::EventLog;
use crate::exec::Execs;
use crate::names_on_networks::Zones;
use crate::networks;
use crate::own_networks::OwnNetworks;
use crate::own_thread::on_own_thread;
use crate::prune::Pruning;
use crate::registry::Registry;
use crate::volume_claims::VolumeClaims;

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Directory of durable state; containers' files are in `containers/ID` below it.
    pub data_root: PathBuf,
    /// Cgroup below which containers get theirs, such as `/docker`.
    pub cgroup_parent: String,
    /// DNS servers for containers that bring none; empty copies the host's.
    pub dns: Vec<IpAddr>,
    /// Options of the resolver for containers that bring none; empty copies the host's.
    pub dns_options: Vec<String>,
    /// Search domains for containers that bring none; empty copies the host's.
    pub dns_search: Vec<String>,
    /// What `host-gateway` stands for; empty for the bridge's addresses.
    pub host_gateways: Vec<IpAddr>,
    /// Options that new networks get unless they say otherwise, by driver.
    pub network_options: BTreeMap<String, BTreeMap<String, String>>,
    /// What containers get that ask for nothing else, at first.
    pub defaults: Defaults,
}

/// The parts an engine works with.
pub struct Parts {
    /// Images.
    pub images: Arc<Images>,
    /// Writable layers.
    pub snapshots: Arc<dyn Snapshotter>,
    /// Durable records.
    pub metadata: Arc<Store>,
    /// The networks of this machine; the default bridge is not among them when the daemon runs without (`--bridge none`).
    pub networks: Arc<Networks>,
    /// Volumes.
    pub volumes: Arc<Volumes>,
    /// Running containers.
    pub sandboxes: Arc<Sandboxes>,
}

/// The engine. All verbs are methods on `Arc<Engine>`, each in a file of its own.
pub struct Engine {
    pub(crate) id: String,
    /// When this engine was opened: its built-in networks count as made then, as Docker's do.
    pub(crate) opened_at_ns: i64,
    pub(crate) config: EngineConfig,
    /// Identifiers of the networks that are always there, once they have been asked for.
    pub(crate) network_ids: OnceLock<[String; networks::COUNT]>,
    /// The defaults in force: those of the configuration until they are changed.
    defaults: RwLock<Arc<Defaults>>,
    pub(crate) images: Arc<Images>,
    pub(crate) snapshots: Arc<dyn Snapshotter>,
    pub(crate) metadata: Arc<Store>,
    pub(crate) networks: Arc<Networks>,
    pub(crate) own_networks: OwnNetworks,
    pub(crate) zones: Zones,
    pub(crate) volumes: Arc<Volumes>,
    pub(crate) volume_claims: Arc<VolumeClaims>,
    pub(crate) sandboxes: Arc<Sandboxes>,
    pub(crate) containers: Registry,
    pub(crate) execs: Execs,
    pub(crate) events: EventLog,
    pub(crate) cpus: usize,
    /// Which boot of the machine this is.
    pub(crate) boot_id: String,
    /// Set once nothing may be started any more.
    pub(crate) ending: AtomicBool,
    /// Which prunes run.
    pub(crate) pruning: Pruning,
    /// Held while a container's hosts file is changed: several that it is linked to may start at once.
    pub(crate) hosts_files: Mutex<()>,
}

impl Engine {
    /// An engine without containers; [`Engine::restore`] brings back those of its records.
    ///
    /// # Errors
    /// When the engine's identity can be neither read nor written.
    pub fn new(config: EngineConfig, parts: Parts) -> Result<Arc<Self>> {
        let mount_point = config.data_root.join("rootfs");
        std::fs::create_dir_all(&mount_point)
            .map_err(Error::system(format!("cannot create {}", mount_point.display())))?;
        let Parts {
            images,
            snapshots,
            metadata,
            networks,
            volumes,
            sandboxes,
        } = parts;
        Ok(Arc::new(Self {
            id: crate::system::identity(&metadata)?,
            opened_at_ns: crate::clock::now_ns(),
            network_ids: OnceLock::new(),
            defaults: RwLock::new(Arc::new(config.defaults.clone())),
            config,
            images,
            snapshots,
            metadata,
            networks,
            own_networks: OwnNetworks::default(),
            zones: Zones::default(),
            volumes,
            volume_claims: Arc::default(),
            sandboxes,
            containers: Registry::default(),
            execs: Execs::default(),
            events: EventLog::default(),
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            boot_id: crate::boot::boot_id()?,
            ending: AtomicBool::new(false),
            pruning: Pruning::default(),
            hosts_files: Mutex::default(),
        }))
    }

    /// The engine's events.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// What containers get that ask for nothing else, now.
    pub fn defaults(&self) -> Arc<Defaults> {
        self.defaults
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes what containers created from now on get.
    ///
    /// # Errors
    /// When they make no sense; those in force stay then.
    pub fn set_defaults(&self, defaults: Defaults) -> Result<()> {
        defaults.check()?;
        *self.defaults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(defaults);
        Ok(())
    }

    /// Directory of a container's own files.
    pub(crate) fn container_dir(&self, id: &ContainerId) -> PathBuf {
        self.config.data_root.join("containers").join(id.as_str())
    }

    /// Where every container's init mounts its root filesystem, in a mount namespace of its own: one directory serves all.
    pub(crate) fn mount_point(&self) -> PathBuf {
        self.config.data_root.join("rootfs")
    }

    /// The cgroup of a container's present run, or else of its next one.
    pub(crate) fn cgroup_of(&self, container: &Container) -> String {
        let state = container.state();
        let running = state.sandbox.as_ref().and_then(|sandbox| sandbox.cgroup());
        running.map_or_else(
            || self.cgroup_path(&state.record.host_config.cgroup_parent, container.id()),
            str::to_owned,
        )
    }

    /// The cgroup a container gets when it is started.
    pub(crate) fn cgroup_path(&self, parent: &str, id: &ContainerId) -> String {
        format!("{}/{id}", self.cgroup_parent(parent).trim_end_matches('/'))
    }

    /// The cgroup a container's own is made in: the one it asks for, or everybody's.
    pub(crate) fn cgroup_parent(&self, parent: &str) -> String {
        crate::mounts::clean_path(if parent.is_empty() {
            &self.config.cgroup_parent
        } else {
            parent
        })
    }

    /// Publishes a container event with Docker's attributes: labels, image, name, and `more`.
    pub(crate) fn publish(&self, container: &Container, action: &str, more: &[(&str, String)]) {
        let attributes = {
            let state = container.state();
            let mut attributes = crate::record::labels(&state.record.config);
            attributes.insert("image".to_owned(), state.record.image_name.clone());
            attributes.insert("name".to_owned(), state.record.name.clone());
            attributes.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            attributes
        };
        self.events
            .publish("container", action, container.id().as_str(), attributes);
    }

    /// Writes a container's record, durably.
    pub(crate) async fn store(self: &Arc<Self>, container: &Container) -> Result<()> {
        let record = container.state().record.clone();
        let engine = self.clone();
        blocking("store a container's record", move || {
            let mut batch = Batch::new();
            batch.put(Table::Containers, record.id.as_str(), &record)?;
            Ok(engine.metadata.commit(batch, Durability::Durable)?)
        })
        .await
    }
}

/// Runs a change of state to its end, even when whoever asked for it goes away meanwhile.
pub(crate) async fn to_its_end<T, F>(change: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    tokio::spawn(change)
        .await
        .unwrap_or_else(|error| Err(lost_task("finish the request")(error)))
}

/// Runs blocking work off the async threads.
pub(crate) async fn blocking<T, F>(what: &'static str, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(lost_task(what)(error)))
}

/// The same for work that waits for a client, see [`on_own_thread`].
pub(crate) async fn transfer<T, F>(what: &'static str, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    on_own_thread(work)
        .await
        .unwrap_or_else(|error| Err(Error::system(format!("cannot {what}"))(error)))
}

fn lost_task(what: &str) -> impl FnOnce(tokio::task::JoinError) -> Error + '_ {
    move |error| Error::System {
        what: format!("cannot {what}"),
        source: std::io::Error::other(error),
    }
}
