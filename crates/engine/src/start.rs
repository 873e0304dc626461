//! `start`: the way from a record to a running program.
//!
//! The shim makes the container's init while the network is being made; both are waited for together, clients that
//! attached before are connected, and only then does the program run. Nothing is written to disk on this way: what a restarted
//! daemon must know is noted in the run-time state.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use corten_network::{Lease, NameServer};
use corten_sandbox::{Created, Order, RootMount, Sandbox};

use crate::clock::now_ns;
use crate::container::{Container, WaitingClient};
use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::network_mode::NetworkMode;
use crate::places::split;
use crate::record::{LastRun, RunMark, RunNote};
use crate::restart_policy::Backoff;
use crate::volumes::missing_source;
use crate::{log_options, network_files, options, rewire};

/// Why a container is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A user, or the daemon at its start, wants it to run: what its restart policy counted begins anew.
    Request,
    /// Its restart policy, after the end of the run that began at `after_ns`.
    Policy {
        /// Nanoseconds since the Unix epoch.
        after_ns: i64,
    },
}

impl Engine {
    /// Starts a container.
    ///
    /// # Errors
    /// When it runs already ([`Error::NotModified`]), is being removed, the daemon is ending, or it cannot be run; nothing is left running then.
    pub async fn start(self: &Arc<Self>, name: &str) -> Result<()> {
        let container = self.containers.find(name)?;
        self.start_container(container, Cause::Request).await
    }

    pub(crate) async fn start_container(
        self: &Arc<Self>,
        container: Arc<Container>,
        cause: Cause,
    ) -> Result<()> {
        let engine = self.clone();
        to_its_end(async move {
            let _files = container.files.lock().await;
            let _operation = container.operation.lock().await;
            if engine.ending.load(Ordering::Acquire) {
                return Err(Error::ShuttingDown);
            }
            begin(&container, cause)?;
            let outcome = engine.run(&container).await;
            match outcome {
                Ok(()) => Ok(()),
                Err(error) => {
                    engine.start_failed(&container, &error).await;
                    Err(error)
                }
            }
        })
        .await
    }

    async fn run(self: &Arc<Self>, container: &Arc<Container>) -> Result<()> {
        self.mount_volumes(container).await?;
        let started = self.run_mounted(container).await;
        if started.is_err() {
            self.unmount_volumes(container.id()).await;
        }
        started
    }

    async fn run_mounted(self: &Arc<Self>, container: &Arc<Container>) -> Result<()> {
        let record = container.state().record.clone();
        // Who is on no network is alone, but for the host's namespace, which is not left with the network of that name.
        let network = match record.left && record.host_config.network_mode != "host" {
            true => NetworkMode::None,
            false => NetworkMode::of(&record, self)?,
        };
        let leases = self.take_places(&record, &network).await?;
        let started = self.run_with(container, &record, &network, &leases).await;
        if started.is_err() {
            for lease in &leases {
                self.leave_names(lease);
                self.networks.release(lease);
            }
        }
        started
    }

    async fn run_with(
        self: &Arc<Self>,
        container: &Arc<Container>,
        record: &crate::record::ContainerRecord,
        network: &NetworkMode,
        leases: &[Lease],
    ) -> Result<()> {
        if let Some(request) = record.host_config.device_requests.iter().flatten().next() {
            let sets: Vec<String> = request
                .capabilities
                .iter()
                .flatten()
                .map(|set| format!("[{}]", set.join(" ")))
                .collect();
            return Err(Error::Failed(format!(
                "could not select device driver {:?} with capabilities: [{}]",
                request.driver,
                sets.join(" ")
            )));
        }
        let dir = self.container_dir(&record.id);
        network_files::write(self, record, network, leases, &dir)?;
        for mount in record.mounts.iter().filter(|m| m.point.r#type == "bind") {
            let source = std::path::Path::new(&mount.point.source);
            if !source.exists() {
                if !mount.create_source {
                    return Err(missing_source(&mount.point.source));
                }
                std::fs::create_dir_all(source).map_err(Error::system(format!(
                    "error while creating mount source path '{}'",
                    mount.point.source
                )))?;
            }
        }
        let parts = record.mounts.iter().filter(|mount| mount.is_volume());
        for mount in parts.filter(|mount| !mount.subpath.is_empty()) {
            // It is opened again by the init, for which it may have become another one. This is for the sentence.
            corten_sandbox::open_subpath(std::path::Path::new(&mount.point.source), &mount.subpath)?;
        }
        let init = options::init(self, record, &crate::links::environment(self, record)?)?;
        let spec = corten_sandbox::spec::build(
            &options::sandbox(self, container, network, leases.first())?,
            &init,
        )
        .map_err(corten_sandbox::Error::from)?;
        let order = Order {
            id: record.id.clone(),
            spec,
            root: RootMount::Overlay(options::overlay(
                self.snapshots.rootfs(record.id.as_str(), &record.chain)?,
                record.host_config.auto_remove,
            )),
            seccomp: options::seccomp(self, record)?,
            network: match network {
                _ if !leases.is_empty() => corten_sandbox::NetworkMode::Prepared,
                NetworkMode::Bridge | NetworkMode::Own(_) | NetworkMode::Container(_) => {
                    corten_sandbox::NetworkMode::Prepared
                }
                NetworkMode::None => corten_sandbox::NetworkMode::Isolated,
                NetworkMode::Host => corten_sandbox::NetworkMode::Host,
            },
            stdio: options::stdio(record),
            log: log_options::target(record, &dir)?,
            init: options::init_program(self, record),
            groups: init.group_names.clone(),
        };
        let (created, netns) =
            tokio::join!(self.sandboxes.create(&order), self.plumb(record, network, leases));
        let created = created?;
        let named = match netns {
            Ok(netns) => match self.serve_names(record, leases, netns.as_ref()).await {
                Ok(server) => Ok((netns, server)),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let (netns, names) = match named {
            Ok(named) => named,
            Err(error) => {
                created.abort().await;
                return Err(error);
            }
        };
        let started_at_ns = now_ns();
        let (lease, further) = split(record, leases);
        self.sandboxes.note(
            &record.id,
            &RunNote {
                started_at_ns,
                lease: lease.clone(),
                further: further.clone(),
                boot_id: Some(self.boot_id.clone()),
                restart_count: record.restart_count,
                unsettled: false,
                making: None,
            },
        )?;
        connect_waiting_clients(container, &created).await?;
        // The state changes before the exit event can: the exit handler waits for the operation lock.
        let sandbox = created
            .proceed(
                netns,
                names.as_ref().map(|names| (names.udp.as_fd(), names.tcp.as_fd())),
            )
            .await?;
        let late = {
            let mut state = container.state();
            state.sandbox = Some(sandbox.clone());
            state.lease = lease;
            state.further = further;
            state.record.last_run = Some(LastRun::begun(started_at_ns, state.record.last_run.as_ref()));
            state.advance(Phase::Running);
            std::mem::take(&mut state.waiting_clients)
        };
        container.announce_running();
        self.mark_run(
            &record.id,
            &RunMark {
                started_at_ns,
                restart_count: record.restart_count,
            },
        );
        self.begin_probes(container);
        self.publish_network("connect", record);
        self.publish_mounts(container);
        self.publish(container, "start", &[]);
        for lease in leases {
            self.tell_linked(record, lease);
        }
        connect_late_clients(&sandbox, late).await;
        Ok(())
    }

    /// The network namespace the init shall enter, if it is not simply a new or the host's one.
    async fn plumb(
        self: &Arc<Self>,
        record: &crate::record::ContainerRecord,
        network: &NetworkMode,
        leases: &[Lease],
    ) -> Result<Option<OwnedFd>> {
        if let NetworkMode::Container(other) = network {
            // Said of one that has ended before, in Docker's words.
            options::running_pid(other)?;
            return Ok(Some(rewire::namespace(other).await?));
        }
        if leases.is_empty() {
            return Ok(None);
        }
        let leases = self.in_gateway_order(record, leases);
        let networks = self.networks.clone();
        blocking("set up the network", move || Ok(Some(networks.plumb(&leases)?))).await
    }

    /// On networks of users: writes down what the container's shim shall answer, and makes the sockets it will be asked on.
    pub(crate) async fn serve_names(
        &self,
        record: &crate::record::ContainerRecord,
        leases: &[Lease],
        netns: Option<&OwnedFd>,
    ) -> Result<Option<NameServer>> {
        let Some(netns) = netns.filter(|_| leases.iter().any(|lease| self.own_of(lease).is_some())) else {
            return Ok(None);
        };
        let settings = network_files::resolver(self, record, leases)?;
        self.sandboxes.write_resolver(&record.id, &settings.to_string())?;
        for lease in leases {
            if let Some(own) = self.own_of(lease) {
                self.join_names(&own, record, lease);
            }
        }
        let netns = netns
            .try_clone()
            .map_err(Error::system("cannot keep a network namespace"))?;
        blocking("open a name server", move || {
            Ok(Some(NameServer::open(netns.as_fd())?))
        })
        .await
    }

    async fn start_failed(self: &Arc<Self>, container: &Arc<Container>, error: &Error) {
        let exit_code = exit_code(error);
        let auto_remove = {
            let mut state = container.state();
            // A restart policy does not try again what cannot be started at all.
            let back_to = match state.before_start {
                Phase::Created => Phase::Created,
                _ => Phase::Exited,
            };
            state.advance(back_to);
            state.waiting_clients.clear();
            let run = state.record.last_run.get_or_insert_default();
            run.error = error.to_string();
            run.exit_code = exit_code;
            state.record.host_config.auto_remove
        };
        container.announce_end(exit_code, false);
        if auto_remove {
            if let Err(error) = self.remove_locked(container, true).await {
                tracing::warn!(%error, "cannot remove a container that could not be started");
            }
        } else if let Err(error) = self.store(container).await {
            tracing::warn!(%error, "cannot record a failed start");
        }
    }
}

/// Moves on to `Starting`, if a start for this cause is in order.
fn begin(container: &Container, cause: Cause) -> Result<()> {
    let mut state = container.state();
    let already = || Err(Error::NotModified("container already started".to_owned()));
    match (state.phase, cause) {
        (Phase::Created | Phase::Exited, Cause::Request) => {
            state.record.restart_count = 0;
            state.record.manually_stopped = false;
            state.backoff = Backoff::default();
            state.no_restart = false;
        }
        (Phase::Restarting, Cause::Policy { after_ns }) => {
            let this_one = state
                .record
                .last_run
                .as_ref()
                .is_some_and(|run| run.started_at_ns == after_ns);
            if state.no_restart || !this_one {
                return already();
            }
        }
        (Phase::Running, Cause::Request) if state.paused => {
            return Err(Error::Conflict(
                "cannot start a paused container, try unpause instead".to_owned(),
            ));
        }
        (Phase::Removing | Phase::Dead, Cause::Request) => {
            return Err(Error::Conflict(
                "container is marked for removal and cannot be started".to_owned(),
            ));
        }
        _ => return already(),
    }
    state.advance(Phase::Starting);
    Ok(())
}

/// The exit code a failed start is recorded with, as the command line reports it.
fn exit_code(error: &Error) -> i64 {
    let text = error.to_string();
    if text.contains("executable file not found") || text.contains("no such file or directory") {
        127
    } else if text.contains("permission denied") || text.contains("is a directory") {
        126
    } else {
        128
    }
}

/// Clients that attached to a container that did not run yet get their streams before its program runs.
async fn connect_waiting_clients(container: &Container, created: &Created) -> Result<()> {
    let clients = std::mem::take(&mut container.state().waiting_clients);
    for client in clients {
        let streams = created.attach(client.stdin, client.stdout, client.stderr).await?;
        // A client that has gone away drops its streams, which detaches them.
        let _still_there = client.streams.send(streams);
    }
    Ok(())
}

/// Clients that attached while the program was being started are served as if they had come just after.
async fn connect_late_clients(sandbox: &Sandbox, clients: Vec<WaitingClient>) {
    for client in clients {
        match sandbox.attach(client.stdin, client.stdout, client.stderr).await {
            Ok(streams) => drop(client.streams.send(streams)),
            // It has ended already; the dropped sender tells the client.
            Err(error) => tracing::debug!(%error, "a client came too late"),
        }
    }
}
