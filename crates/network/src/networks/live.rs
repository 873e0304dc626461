//! Endpoints made real: interfaces in namespaces, routes, published ports.

use super::{Network, Networks, delete, lock};
use crate::netlink::{Batch, Socket, delete_default_route, link_by_name, set_default_route, set_port};
use crate::netns::{finish, inside, inside_new};
use crate::wire::{self, Endpoint, Wires};
use crate::{Lease, NetworkError, host};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::sync::Arc;
use std::thread;

impl Networks {
    /// Makes endpoints real: a new network namespace, connected to all their networks, whose descriptor is returned; then
    /// their ports are published. Default routes lead where the leases say. Without leases, the namespace has nothing but a
    /// loopback interface.
    ///
    /// # Errors
    /// When the kernel refuses. Nothing of it is left then, but the leases stay reserved.
    pub fn plumb(&self, leases: &[Lease]) -> Result<OwnedFd, NetworkError> {
        let networks = self.networks_of(leases)?;
        let endpoints = endpoints(leases, &networks);
        let mut socket = self.inner.socket()?;
        let (wired, published) = thread::scope(|scope| {
            let wiring = inside_new(scope, |netns, inside| {
                let mut wires = Wires {
                    inside,
                    outside: &mut socket,
                };
                wires.connect(&endpoints, netns.as_fd(), true)?;
                Ok(netns)
            })?;
            // Meanwhile, for the two have nothing to do with each other.
            let published = self.publish_all(leases, &networks);
            Ok::<_, NetworkError>((finish(wiring), published))
        })?;
        let result = match (wired, published) {
            (Ok(netns), Ok(())) => Ok(netns),
            (wired, published) => {
                leases.iter().for_each(|lease| self.undo(lease, &mut socket));
                wired.and_then(|netns| published.map(|()| netns))
            }
        };
        self.inner.give_back(socket);
        result
    }

    /// Makes one more endpoint real in a namespace that has others or none, and publishes its ports. Default routes are
    /// left as they are: see [`Self::reroute`].
    ///
    /// # Errors
    /// When the kernel refuses. Nothing of it is left then, but the lease stays reserved.
    pub fn connect(&self, lease: &Lease, netns: BorrowedFd<'_>) -> Result<(), NetworkError> {
        let leases = std::slice::from_ref(lease);
        let networks = self.networks_of(leases)?;
        let endpoints = endpoints(leases, &networks);
        let mut socket = self.inner.socket()?;
        let (wired, published) = thread::scope(|scope| {
            let wiring = inside(scope, netns, |inside| {
                let mut wires = Wires {
                    inside,
                    outside: &mut socket,
                };
                wires.connect(&endpoints, netns, false)
            })?;
            let published = self.publish_all(leases, &networks);
            Ok::<_, NetworkError>((finish(wiring), published))
        })?;
        // An interface that could not be made is not to be looked for: another one may have its name.
        let made = wired.is_ok();
        let result = wired.and(published);
        if result.is_err() {
            self.undo(lease, &mut socket);
            if made
                && lease.host_veth.is_none()
                && let Err(error) = unplug(lease, netns)
            {
                tracing::warn!(interface = lease.interface, %error, "cannot delete interface");
            }
        }
        self.inner.give_back(socket);
        result
    }

    /// Takes an endpoint's interface out of a running container's namespace, with the routes that led by it; its ports are
    /// withdrawn. The lease is still to be released.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn disconnect(&self, lease: &Lease, netns: BorrowedFd<'_>) -> Result<(), NetworkError> {
        match &lease.host_veth {
            Some(veth) if self.inner.vanish(veth)? => {}
            // Somebody has given it another name.
            _ => unplug(lease, netns)?,
        }
        // Not before, lest a container that stays has its ports withdrawn.
        lock(&self.inner.firewall).withdraw(&lease.endpoint_id)
    }

    /// Whether an endpoint's interface is there.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn is_connected(&self, lease: &Lease, netns: BorrowedFd<'_>) -> Result<bool, NetworkError> {
        let Some(veth) = &lease.host_veth else {
            return thread::scope(|scope| {
                finish(inside(scope, netns, |mut socket| {
                    Ok(link_by_name(&mut socket, &lease.interface)?.is_some())
                })?)
            });
        };
        let mut socket = self.inner.socket()?;
        let is_there = link_by_name(&mut socket, veth)?.is_some();
        self.inner.give_back(socket);
        Ok(is_there)
    }

    /// Makes the default routes of a running container's namespace lead where its leases say: of each family by the first
    /// one that says so and can, or nowhere. What a container has done to its interfaces is no error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn reroute(&self, netns: BorrowedFd<'_>, leases: &[Lease]) -> Result<(), NetworkError> {
        let networks = self.networks_of(leases)?;
        let endpoints = endpoints(leases, &networks);
        thread::scope(|scope| {
            let rerouted = inside(scope, netns, |mut socket| {
                for ipv6 in [false, true] {
                    lead(&mut socket, &endpoints, ipv6)?;
                }
                Ok(())
            })?;
            finish(rerouted)
        })
    }

    /// Lets a container's own frames come back to it by the bridge, which published ports need, or no longer.
    pub(super) fn set_hairpin(&self, lease: &Lease, network: &Network) -> Result<(), NetworkError> {
        let (Some(veth), Some(bridge)) = (&lease.host_veth, network.spec.bridge()) else {
            return Ok(());
        };
        let mut socket = self.inner.socket()?;
        let mut batch = Batch::new();
        let has_ipv6 = host::has_ipv6(network.spec.mtu.unwrap_or(wire::DEFAULT_MTU));
        set_port(&mut batch, veth, !lease.ports.is_empty(), !bridge.icc, has_ipv6);
        socket.request(&mut batch)?;
        self.inner.give_back(socket);
        Ok(())
    }

    fn networks_of(&self, leases: &[Lease]) -> Result<Vec<Arc<Network>>, NetworkError> {
        leases
            .iter()
            .map(|lease| self.inner.network(&lease.network_id))
            .collect()
    }

    fn publish_all(&self, leases: &[Lease], networks: &[Arc<Network>]) -> Result<(), NetworkError> {
        for (lease, network) in leases.iter().zip(networks) {
            if !lease.ports.is_empty() {
                self.inner.announce(lease, network, &lease.ports)?;
            }
        }
        Ok(())
    }

    /// After an error: what may be there of an endpoint goes.
    fn undo(&self, lease: &Lease, socket: &mut Socket) {
        if let Err(error) = lock(&self.inner.firewall).withdraw(&lease.endpoint_id) {
            tracing::warn!(endpoint = lease.endpoint_id, %error, "cannot withdraw ports");
        }
        if let Some(veth) = &lease.host_veth
            && let Err(error) = delete(socket, veth)
        {
            tracing::warn!(veth, %error, "cannot delete interface");
        }
    }
}

/// Makes the default route of a family lead by the first of the endpoints that it can lead by.
fn lead(socket: &mut Socket, endpoints: &[Endpoint<'_>], ipv6: bool) -> Result<(), NetworkError> {
    let ways = endpoints.iter().filter_map(|e| Some((e, e.default_route(ipv6)?)));
    for (endpoint, via) in ways {
        let link = match socket.index_of(&endpoint.lease.interface) {
            // Deleted inside.
            Err(error) if error.errno() == Errno::NODEV => continue,
            link => link?,
        };
        let mut batch = Batch::new();
        set_default_route(&mut batch, link, via);
        match socket.request(&mut batch) {
            Ok(()) => return Ok(()),
            Err(error) if leads_nowhere(error.errno()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut batch = Batch::new();
    delete_default_route(&mut batch, ipv6);
    match socket.request(&mut batch) {
        // There was none, or there is no IPv6 at all.
        Err(error)
            if !matches!(error.errno(), Errno::SRCH | Errno::NOENT) && !leads_nowhere(error.errno()) =>
        {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

/// Whether the kernel refuses a route for what was done to the interface inside: it is down or has lost its address, or there is no
/// IPv6 there.
fn leads_nowhere(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NETUNREACH
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::NODEV
            | Errno::INVAL
            | Errno::ACCESS
            | Errno::PERM
            | Errno::OPNOTSUPP
            | Errno::AFNOSUPPORT
    )
}

fn endpoints<'a>(leases: &'a [Lease], networks: &'a [Arc<Network>]) -> Vec<Endpoint<'a>> {
    let pairs = leases.iter().zip(networks);
    pairs
        .map(|(lease, network)| Endpoint {
            lease,
            spec: &network.spec,
            link: &network.link,
        })
        .collect()
}

/// Deletes an interface in a container's namespace, if it is there.
fn unplug(lease: &Lease, netns: BorrowedFd<'_>) -> Result<(), NetworkError> {
    thread::scope(|scope| {
        finish(inside(scope, netns, |mut socket| {
            wire::unplug(&mut socket, lease)
        })?)
    })
}
