//! All networks of one daemon on this machine: one nf_tables table, the links networks are made of, and the leases on them.
//!
//! A network goes choose_pools → create → remove; an endpoint reserve → plumb or connect → disconnect → release. What an
//! endpoint holds is freed in the opposite order of how it was taken: ports first, then the interface, and its addresses
//! only when nothing answers to them any more.

mod default_bridge;
mod endpoints;
mod lifecycle;
mod live;
mod restore;
mod vanish;

pub use restore::Restored;

use crate::disguise::Disguise;
use crate::driver::Made;
use crate::firewall::Firewall;
use crate::ipam::{Addresses, Pools, unique_local};
use crate::netlink::{Batch, Protocol, Socket, delete_link, forget_connections, forget_neighbour};
use crate::netns::open_socket;
use crate::nft::{FirewallFamilies, Policy};
use crate::ports::{PortTable, ephemeral_range};
use crate::reaper::Reaper;
use crate::watch::{Watch, Watcher};
use crate::{Driver, GatewayMode, HostFirewall, NetworkError, NetworkSpec, PlaneConfig, Pool, Proto, host};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// All networks of one daemon. Calls may come from any thread of the network namespace it was opened in.
pub struct Networks {
    inner: Arc<Inner>,
    reaper: Mutex<Reaper<Remains>>,
    /// None where there is no table, or no longer.
    watch: Mutex<Option<Watch>>,
}

struct Inner {
    config: PlaneConfig,
    pools: Pools,
    networks: RwLock<HashMap<String, Slot>>,
    ports: Mutex<PortTable>,
    firewall: Mutex<Firewall>,
    /// Routes that published ports are reached by from this machine's loopback.
    disguise: Disguise,
    /// Routing sockets of this namespace that are not in use.
    sockets: Mutex<Vec<Socket>>,
}

/// Routing sockets kept for the next verbs; a verb needs one, and few run at once.
const IDLE_SOCKETS: usize = 8;

/// A network, or the promise of one.
enum Slot {
    /// Its subnets are chosen.
    Claimed(Vec<Pool>),
    /// It is there.
    Ready(Arc<Network>),
}

/// A network that is there.
struct Network {
    spec: NetworkSpec,
    link: Made,
    state: Mutex<State>,
}

/// What changes about a network, under one short lock.
struct State {
    addresses: Addresses,
    /// Ids of the endpoints whose lease is not released.
    endpoints: HashSet<String>,
    /// Addresses of released endpoints whose interfaces are on their way out.
    leaving: HashSet<IpAddr>,
    /// Nothing may join any more.
    removed: bool,
}

/// What is left of a released endpoint.
struct Remains {
    network: Arc<Network>,
    veth: Option<String>,
    addresses: Vec<IpAddr>,
    /// Ports of the host that datagrams came in by.
    datagrams: HashSet<u16>,
}

impl Networks {
    /// Puts the nf_tables tables in place in one transaction. Networks and ports of an earlier daemon keep their rules until
    /// [`Self::restore`] has its say.
    ///
    /// # Errors
    /// When the kernel refuses, or the table's name is none.
    pub fn open(config: PlaneConfig) -> Result<Self, NetworkError> {
        config.check()?;
        let families = FirewallFamilies {
            ipv4: config.iptables,
            ipv6: config.ip6tables,
        };
        let mut socket = open_socket()?;
        let disguise = Disguise::put_on(&config.table, families, &mut socket)?;
        if config.host_firewall == HostFirewall::Obey && families.ipv4 {
            host::accept_on_loopback()?;
        }
        let policy = Policy {
            families,
            host_firewall: config.host_firewall,
            mark: config.mark,
            loopback4: disguise.ipv4,
            loopback6: disguise.ipv6,
            redelivers: true,
        };
        let firewall = Firewall::open(&config, policy)?;
        let ephemeral =
            ephemeral_range().map_err(NetworkError::system("read net.ipv4.ip_local_port_range"))?;
        let inner = Arc::new(Inner {
            pools: Pools::new(&config.pools, unique_local(&config.seed)),
            config,
            networks: RwLock::default(),
            ports: Mutex::new(PortTable::new(ephemeral)),
            firewall: Mutex::new(firewall),
            disguise,
            sockets: Mutex::new(vec![socket]),
        });
        let reaper = Reaper::start({
            let inner = Arc::clone(&inner);
            move |remains: Remains| inner.bury(&remains)
        })
        .map_err(NetworkError::system("start a thread"))?;
        let watch = inner.watch()?;
        Ok(Self {
            inner,
            reaper: Mutex::new(reaper),
            watch: Mutex::new(watch),
        })
    }

    /// What the operator decided.
    pub fn config(&self) -> &PlaneConfig {
        &self.inner.config
    }

    /// The network of this id, if it is there; the empty id stands for the default bridge, as in older leases.
    pub fn spec(&self, id: &str) -> Option<NetworkSpec> {
        Some(self.inner.network(id).ok()?.spec.clone())
    }

    /// The default bridge, if there is one.
    pub fn default_bridge(&self) -> Option<NetworkSpec> {
        self.spec("")
    }

    /// Waits until all released interfaces are gone. With `remove`, deletes the table and all links made for networks,
    /// too; otherwise containers go on as they are.
    ///
    /// # Errors
    /// The first refusal of the kernel; whatever else can go is gone nevertheless.
    pub fn shutdown(&self, remove: bool) -> Result<(), NetworkError> {
        lock(&self.reaper).finish();
        if !remove {
            return Ok(());
        }
        // Or it would make the table anew.
        drop(lock(&self.watch).take());
        let mut result = lock(&self.inner.firewall).delete();
        let mut socket = self.inner.socket()?;
        result = result.and(self.inner.disguise.take_off(&mut socket));
        for network in self.inner.all() {
            result = result.and(network.link.unmake(&mut socket));
        }
        self.inner.give_back(socket);
        result
    }
}

impl Network {
    /// Whether published ports mean anything here.
    fn publishes(&self) -> bool {
        self.spec.bridge().is_some() && !self.spec.internal
    }

    /// Whether published ports of a family are open at containers' own addresses instead of at the host's.
    fn routes(&self, ipv6: bool) -> bool {
        let bridge = self.spec.bridge();
        bridge.is_some_and(|bridge| bridge.gateway_mode(ipv6) == GatewayMode::Routed)
    }

    /// Number of the bridge.
    fn bridge_index(&self) -> Option<u32> {
        matches!(self.spec.driver, Driver::Bridge(_)).then_some(self.link.index)
    }
}

impl Inner {
    /// Makes the tables anew whenever somebody else has changed them, and looks at others' chains when those change.
    fn watch(self: &Arc<Self>) -> Result<Option<Watch>, NetworkError> {
        let firewall = lock(&self.firewall);
        if !firewall.is_on() {
            return Ok(None);
        }
        let own = firewall.number()?;
        drop(firewall);
        let watch = Watch::start(&self.config.table, own, Warden(Arc::clone(self)))?;
        // What happened before it began to listen.
        lock(&self.firewall).look()?;
        Ok(Some(watch))
    }

    fn network(&self, id: &str) -> Result<Arc<Network>, NetworkError> {
        let networks = self.networks.read().unwrap_or_else(PoisonError::into_inner);
        let found = match networks.get(id) {
            Some(Slot::Ready(network)) => Some(network),
            None if id.is_empty() => networks.values().find_map(|slot| match slot {
                Slot::Ready(network) if network.spec.is_default() => Some(network),
                _ => None,
            }),
            _ => None,
        };
        found
            .cloned()
            .ok_or_else(|| NetworkError::NoNetwork(id.to_owned()))
    }

    /// All networks that are there.
    fn all(&self) -> Vec<Arc<Network>> {
        let networks = self.networks.read().unwrap_or_else(PoisonError::into_inner);
        let ready = networks.values().filter_map(|slot| match slot {
            Slot::Ready(network) => Some(Arc::clone(network)),
            Slot::Claimed(_) => None,
        });
        ready.collect()
    }

    /// Deletes what is left of an endpoint, then lets others have its addresses.
    fn bury(&self, remains: &Remains) {
        let result = self.socket().and_then(|mut socket| {
            if let Some(veth) = &remains.veth {
                delete(&mut socket, veth)?;
            }
            for address in &remains.addresses {
                let Some(bridge) = remains.network.bridge_index() else {
                    break;
                };
                let mut batch = Batch::new();
                forget_neighbour(&mut batch, bridge, *address);
                match socket.request(&mut batch) {
                    // Nobody talked to it, or the bridge has gone, too.
                    Err(error) if !matches!(error.errno(), Errno::NOENT | Errno::NODEV | Errno::INVAL) => {
                        return Err(error.into());
                    }
                    _ => {}
                }
            }
            self.give_back(socket);
            Ok(())
        });
        self.forget_datagrams(&remains.datagrams);
        let mut state = lock(&remains.network.state);
        state
            .leaving
            .retain(|address| !remains.addresses.contains(address));
        match result {
            Ok(()) => {
                remains
                    .addresses
                    .iter()
                    .for_each(|address| state.addresses.free(*address));
            }
            // The addresses stay taken: something may still answer to them.
            Err(error) => tracing::warn!(veth = remains.veth, %error, "cannot delete interface"),
        }
    }

    /// Makes the kernel look anew where datagrams to these ports go.
    fn forget_datagrams(&self, ports: &HashSet<u16>) {
        if ports.is_empty() {
            return;
        }
        let forgotten = Socket::open(Protocol::Conntrack)
            .map_err(NetworkError::system("open a netlink socket"))
            .and_then(|mut socket| Ok(forget_connections(&mut socket, Proto::Udp.number(), ports)?));
        if let Err(error) = forgotten {
            tracing::warn!(%error, "cannot forget connections of published ports");
        }
    }

    fn socket(&self) -> Result<Socket, NetworkError> {
        let idle = lock(&self.sockets).pop();
        idle.map_or_else(open_socket, Ok)
    }

    /// Keeps a socket for the next one, unless there are enough: as many as were ever used at once would stay open.
    fn give_back(&self, socket: Socket) {
        let mut idle = lock(&self.sockets);
        if idle.len() < IDLE_SOCKETS {
            idle.push(socket);
        }
    }
}

/// Keeps the firewall as it is to be.
struct Warden(Arc<Inner>);

impl Watcher for Warden {
    fn ours_changed(&mut self) {
        tracing::warn!(
            table = self.0.config.table,
            "somebody changed our nf_tables tables: making them anew"
        );
        if let Err(error) = lock(&self.0.firewall).rebuild() {
            tracing::error!(%error, "cannot make the nf_tables tables anew");
        }
    }

    fn theirs_changed(&mut self) -> bool {
        let looked = lock(&self.0.firewall).look();
        match looked {
            Ok(looked) => looked.changed > 0,
            Err(error) => {
                tracing::error!(%error, "cannot look at the host's forward chains");
                false
            }
        }
    }
}

/// Deletes a link, if it is there: a veth goes with its peer's namespace, too.
fn delete(socket: &mut Socket, name: &str) -> Result<(), NetworkError> {
    let mut batch = Batch::new();
    delete_link(&mut batch, name);
    match socket.request(&mut batch) {
        Err(error) if error.errno() != Errno::NODEV => Err(error.into()),
        _ => Ok(()),
    }
}

/// Sixty-four hexadecimal digits that nobody else has.
fn random_id() -> Result<String, NetworkError> {
    use std::fmt::Write;
    let mut bytes = [0; 32];
    host::random(&mut bytes)?;
    Ok(bytes.iter().fold(String::with_capacity(64), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    }))
}

/// A panic elsewhere leaves these structures whole: every change to them is complete before anything can fail.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_may_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Networks>();
    }
}
