//! The default bridge network: one bridge, one subnet, one nf_tables table, and the leases on them.
//!
//! An endpoint goes reserve → plumb → release. What it holds is freed in the opposite order of how it was taken: ports
//! first, then the veth pair, and its address only when nothing answers to it any more.

use crate::endpoint_name::{host_veth, is_our_veth};
use crate::firewall::Firewall;
use crate::host::Host;
use crate::ipam::AddressPool;
use crate::netlink::{
    Batch, Socket, Veth, add_address, add_default_route, create_veth, delete_link, forget_neighbour,
    ports_of, set_neighbour, set_port, set_up, settle,
};
use crate::netns::{disable_ipv6, finish, inside_new, loopback_up, open_socket};
use crate::ports::{PortTable, ephemeral_range};
use crate::reaper::Reaper;
use crate::{EndpointRequest, Ipv4Net, Lease, NetworkConfig, NetworkError};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Name of a container's interface.
const INTERFACE: &str = "eth0";

/// The default bridge network of one daemon. Calls may come from any thread of the network namespace it was opened in.
pub struct BridgeNetwork {
    inner: Arc<Inner>,
    reaper: Mutex<Reaper<Remains>>,
}

/// What [`BridgeNetwork::restore`] found.
#[derive(Debug, Default)]
pub struct Restored {
    /// Interfaces of no known endpoint that were deleted.
    pub deleted_veths: usize,
    /// Endpoints that could not be taken over in full, by id, and why. They go on working as far as they can.
    pub problems: Vec<(String, NetworkError)>,
}

struct Inner {
    host: Host,
    config: NetworkConfig,
    books: Mutex<Books>,
    firewall: Mutex<Firewall>,
    /// Routing sockets of this namespace that are not in use.
    sockets: Mutex<Vec<Socket>>,
}

/// Everything that is decided without asking the kernel, under one short lock.
struct Books {
    addresses: AddressPool,
    ports: PortTable,
    /// Ids of the endpoints whose lease is not released.
    endpoints: HashSet<String>,
}

/// What is left of a released endpoint.
struct Remains {
    veth: String,
    address: Ipv4Addr,
}

impl BridgeNetwork {
    /// Creates the bridge or adopts it, and puts the nf_tables table in place in one transaction. Ports published by
    /// an earlier daemon stay published until [`Self::restore`] has its say.
    ///
    /// A bridge that running containers are on keeps its address whatever [`NetworkConfig::bip`] says. What the
    /// configuration names of the other subnet is left out then, and told in the log.
    pub fn open(mut config: NetworkConfig) -> Result<Self, NetworkError> {
        config.check()?;
        let mut socket = open_socket()?;
        let host = Host::prepare(&config, &mut socket)?;
        if host.kept {
            config.keep_within(host.address);
        }
        for address in [
            config.fixed_cidr.map(|range| range.network().address()),
            config.default_gateway,
        ]
        .into_iter()
        .flatten()
        {
            if !host.address.contains(address) {
                return Err(NetworkError::AddressOutOfRange(address));
            }
        }
        let mut addresses = AddressPool::new(host.address, config.fixed_cidr);
        if let Some(gateway) = config
            .default_gateway
            .filter(|gateway| *gateway != host.address.address())
        {
            addresses.take(Some(gateway))?;
        }
        if !addresses.has_room() {
            return Err(NetworkError::SubnetTooSmall(host.address));
        }
        let firewall = Firewall::open(&config, host.address)?;
        let ephemeral =
            ephemeral_range().map_err(NetworkError::system("read net.ipv4.ip_local_port_range"))?;
        let inner = Arc::new(Inner {
            host,
            books: Mutex::new(Books {
                addresses,
                ports: PortTable::new(ephemeral, config.default_bind),
                endpoints: HashSet::new(),
            }),
            firewall: Mutex::new(firewall),
            sockets: Mutex::new(vec![socket]),
            config,
        });
        let reaper = Reaper::start({
            let inner = Arc::clone(&inner);
            move |remains| inner.bury(&remains)
        })
        .map_err(NetworkError::system("start a thread"))?;
        Ok(Self {
            inner,
            reaper: Mutex::new(reaper),
        })
    }

    /// Takes over the endpoints of an earlier daemon, before any new one is reserved: their addresses and host ports
    /// are held again, exactly their ports are published, and interfaces of ours that belong to none are deleted.
    ///
    /// # Errors
    /// Only when the kernel fails; what stands in the way of a single endpoint is reported in the result.
    pub fn restore(&self, leases: &[Lease]) -> Result<Restored, NetworkError> {
        let mut restored = Restored::default();
        let mut books = lock(&self.inner.books);
        for lease in leases {
            if !books.endpoints.insert(lease.endpoint_id.clone()) {
                continue;
            }
            let mut problem = |error| restored.problems.push((lease.endpoint_id.clone(), error));
            if let Err(error) = books.addresses.take(Some(lease.address)) {
                problem(error);
            }
            for binding in &lease.ports {
                if let Err(error) = books.ports.restore(binding, lease.address) {
                    problem(error);
                }
            }
        }
        drop(books);
        lock(&self.inner.firewall).restore(leases)?;

        let known: HashSet<&str> = leases.iter().map(|lease| lease.host_veth.as_str()).collect();
        let mut socket = self.inner.socket()?;
        for port in ports_of(&mut socket, self.inner.host.index)? {
            if port.kind == "veth" && is_our_veth(&port.name) && !known.contains(port.name.as_str()) {
                delete(&mut socket, &port.name)?;
                restored.deleted_veths += 1;
            }
        }
        self.inner.give_back(socket);
        Ok(restored)
    }

    /// Reserves an address, a hardware address, names, and the host ports asked for; all or nothing.
    ///
    /// Nothing is visible on the network yet, but the host ports are held by sockets.
    pub fn reserve(&self, request: &EndpointRequest) -> Result<Lease, NetworkError> {
        if !request.ports.is_empty() && !lock(&self.inner.firewall).is_on() {
            return Err(NetworkError::NoFirewall);
        }
        let endpoint_id = random_id()?;
        let mut books = lock(&self.inner.books);
        let address = books.addresses.take(request.ip)?;
        let ports = match books.ports.reserve(&request.ports, address) {
            Ok(ports) => ports,
            Err(error) => {
                books.addresses.free(address);
                return Err(error);
            }
        };
        books.endpoints.insert(endpoint_id.clone());
        drop(books);
        Ok(Lease {
            host_veth: host_veth(&endpoint_id),
            endpoint_id,
            container_id: request.container_id.clone(),
            container_name: request.container_name.clone(),
            address,
            prefix_len: self.inner.host.address.prefix_len(),
            gateway: self.gateway(),
            mac: request
                .mac
                .unwrap_or_else(|| self.inner.host.mac.for_address(address)),
            ports,
        })
    }

    /// Makes the endpoint real: a new network namespace, with `eth0` connected to the bridge, whose descriptor is
    /// returned; then its ports are published. On an error nothing of that is left, but the lease stays reserved.
    pub fn plumb(&self, lease: &Lease) -> Result<OwnedFd, NetworkError> {
        let inner = &*self.inner;
        let mut socket = inner.socket()?;
        let (wired, published) = thread::scope(|scope| {
            let wiring = inside_new(scope, |netns, inside| {
                inner.wire(lease, netns, inside, &mut socket)
            })?;
            // Meanwhile, for the two have nothing to do with each other.
            let published = lock(&inner.firewall).publish(lease);
            Ok::<_, NetworkError>((finish(wiring), published))
        })?;
        let result = match (wired, published) {
            (Ok(netns), Ok(())) => Ok(netns),
            (wired, published) => {
                if let Err(error) = lock(&inner.firewall).withdraw(lease) {
                    tracing::warn!(endpoint = lease.endpoint_id, %error, "cannot withdraw ports");
                }
                if let Err(error) = delete(&mut socket, &lease.host_veth) {
                    tracing::warn!(veth = lease.host_veth, %error, "cannot delete interface");
                }
                wired.and_then(|netns| published.map(|()| netns))
            }
        };
        inner.give_back(socket);
        result
    }

    /// Gives everything back: the ports at once, interface and address as soon as the kernel has let go of them.
    /// Does nothing for a lease that is not held (any more).
    pub fn release(&self, lease: &Lease) {
        let mut books = lock(&self.inner.books);
        if !books.endpoints.remove(&lease.endpoint_id) {
            return;
        }
        drop(books);
        if let Err(error) = lock(&self.inner.firewall).withdraw(lease) {
            tracing::warn!(endpoint = lease.endpoint_id, %error, "cannot withdraw ports");
        }
        let mut books = lock(&self.inner.books);
        lease
            .ports
            .iter()
            .for_each(|binding| books.ports.release(binding));
        drop(books);
        let remains = Remains {
            veth: lease.host_veth.clone(),
            address: lease.address,
        };
        let queued = lock(&self.reaper).push(remains);
        if let Err(remains) = queued {
            self.inner.bury(&remains); // after shutdown
        }
    }

    /// The network's subnet.
    pub fn subnet(&self) -> Ipv4Net {
        self.inner.host.address.network()
    }

    /// Address of the bridge.
    pub fn address(&self) -> Ipv4Addr {
        self.inner.host.address.address()
    }

    /// Where containers' default routes point.
    pub fn gateway(&self) -> Ipv4Addr {
        self.inner.config.default_gateway.unwrap_or(self.address())
    }

    /// What the operator decided.
    pub fn config(&self) -> &NetworkConfig {
        &self.inner.config
    }

    /// Name of the bridge.
    pub fn bridge(&self) -> &str {
        &self.inner.host.bridge
    }

    /// Bytes a packet may have on this network.
    pub fn mtu(&self) -> u32 {
        self.inner.config.mtu
    }

    /// Waits until all released interfaces are gone. With `remove`, deletes table and bridge, too; otherwise
    /// containers go on as they are.
    pub fn shutdown(&self, remove: bool) -> Result<(), NetworkError> {
        lock(&self.reaper).finish();
        if !remove {
            return Ok(());
        }
        let table = lock(&self.inner.firewall).delete();
        let mut socket = self.inner.socket()?;
        delete(&mut socket, &self.inner.host.bridge)?;
        table
    }
}

impl Inner {
    /// On a thread inside the endpoint's namespace, with a socket there and one outside.
    fn wire(
        &self,
        lease: &Lease,
        netns: OwnedFd,
        mut inside: Socket,
        outside: &mut Socket,
    ) -> Result<OwnedFd, NetworkError> {
        let mut batch = Batch::new();
        create_veth(
            &mut batch,
            &Veth {
                host: &lease.host_veth,
                peer: INTERFACE,
                mac: lease.mac,
                bridge: self.host.index,
                mtu: self.config.mtu,
                netns: netns.as_fd(),
            },
        );
        // A frame goes back where it came from only if bridge-nf-call-iptables translates it on the bridge itself.
        set_port(
            &mut batch,
            &lease.host_veth,
            !lease.ports.is_empty(),
            !self.config.icc,
        );
        outside.request(&mut batch)?;

        let link = inside.index_of(INTERFACE)?;
        disable_ipv6(INTERFACE)?;
        let mut batch = Batch::new();
        loopback_up(&mut batch);
        if let Some(address) = Ipv4Net::new(lease.address, lease.prefix_len) {
            add_address(&mut batch, link, address);
        }
        set_up(&mut batch, "bring container interface up", link);
        add_default_route(&mut batch, link, lease.gateway);
        if lease.gateway == self.host.address.address() {
            set_neighbour(&mut batch, link, lease.gateway, self.host.mac);
        }
        inside.request(&mut batch)?;

        // The first packets must neither be dropped nor wait for ARP, which floods all other containers. And whatever
        // the host remembers of an earlier owner of the address is overwritten.
        let mut batch = Batch::new();
        settle(&mut batch, &lease.host_veth);
        settle(&mut batch, &self.host.bridge);
        set_neighbour(&mut batch, self.host.index, lease.address, lease.mac);
        outside.request(&mut batch)?;
        Ok(netns)
    }

    /// Deletes what is left of an endpoint, then lets others have its address.
    fn bury(&self, remains: &Remains) {
        let result = self.socket().and_then(|mut socket| {
            delete(&mut socket, &remains.veth)?;
            let mut batch = Batch::new();
            forget_neighbour(&mut batch, self.host.index, remains.address);
            match socket.request(&mut batch) {
                Err(error) if error.errno() != Errno::NOENT => return Err(error.into()),
                _ => {}
            }
            self.give_back(socket);
            Ok(())
        });
        match result {
            Ok(()) => lock(&self.books).addresses.free(remains.address),
            // The address stays taken: something may still answer to it.
            Err(error) => tracing::warn!(veth = remains.veth, %error, "cannot delete interface"),
        }
    }

    fn socket(&self) -> Result<Socket, NetworkError> {
        let idle = lock(&self.sockets).pop();
        idle.map_or_else(open_socket, Ok)
    }

    fn give_back(&self, socket: Socket) {
        lock(&self.sockets).push(socket);
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

fn random_id() -> Result<String, NetworkError> {
    let mut bytes = [0; 32];
    crate::host::random(&mut bytes)?;
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
    fn a_network_may_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<BridgeNetwork>();
    }
}
