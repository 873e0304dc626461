//! Networks of a container that runs: one more, one less, and what follows from that.
//!
//! The record is what counts. A change is made in this order: the note says that one is under way and what is being made, the
//! kernel makes it, the record is stored, the note holds the outcome. A daemon killed in between leaves a note that says so; the
//! next one makes what the record says, see [`Engine::settle_networks`].

use std::fs::File;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use corten_network::{HostPort, Lease, PortBinding, PortRequest};

use crate::container::Container;
use crate::engine::{Engine, blocking};
use crate::error::{Error, Result};
use crate::gateways::{self, Share};
use crate::hosts_file::{with_lines, without_lines};
use crate::network_files;
use crate::ports;
use crate::record::{ContainerRecord, EndpointWish};
use crate::unsettled::Outlook;

impl Engine {
    /// Puts a running container into the place that `wish` asks for; `record` is what it shall be then. Nothing of it is
    /// left when that fails.
    pub(crate) async fn join(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        wish: &EndpointWish,
    ) -> Result<()> {
        let netns = namespace(container).await?;
        let was_own = self.is_on_own(&leases(container));
        let lease = self.plug(container, record, wish, &netns).await?;
        let ordered = self.in_gateway_order(record, &leases(container));
        let mut shares = self.shares_of(&ordered).into_iter().zip(&ordered);
        // One more place by which nothing leads out changes no routes.
        let leads =
            shares.any(|(share, place)| place.endpoint_id == lease.endpoint_id && share != Share::Nothing);
        let followed = match leads {
            true => self.follow(container, record, &netns, was_own).await,
            false => self.adjust(container, record, &netns, was_own).await,
        };
        if let Err(error) = followed {
            let before = container.state().record.clone();
            if let Err(error) = self.part(container, &before, &lease).await {
                tracing::warn!(%error, id = %container.id(), "cannot undo a connection to a network");
            }
            return Err(error);
        }
        Ok(())
    }

    /// Takes a running container out of a place; `record` is what it shall be then.
    pub(crate) async fn part(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        lease: &Lease,
    ) -> Result<()> {
        let netns = namespace(container).await?;
        let (gone, left): (Vec<_>, Vec<_>) = leases(container)
            .into_iter()
            .partition(|held| held.endpoint_id == lease.endpoint_id);
        let was_own = self.is_on_own(&gone) || self.is_on_own(&left);
        // Before its interface goes, so that there is always a way out; and for some time after, the kernel changes no routes.
        self.lead_anyhow(record, &netns, &left).await;
        if let Err(error) = self.unplug(container, record, lease, &netns).await {
            let present = container.state().record.clone();
            self.lead_anyhow(&present, &netns, &leases(container)).await;
            return Err(error);
        }
        // Nobody has to stay for a port that cannot be had elsewhere.
        let moved = self.move_ports(container, record, lease.ports.clone()).await;
        if let Err(error) = moved {
            tracing::warn!(%error, id = %record.id, "a container has left a network, and a port of it is published no more");
        }
        self.tell_names(container, record, &netns, was_own).await
    }

    /// Makes the interface of one more place. It is noted before: of an interface that only the container has, a daemon that comes
    /// after a kill would not know otherwise, and give its address to another.
    pub(crate) async fn plug(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        wish: &EndpointWish,
        netns: &OwnedFd,
    ) -> Result<Lease> {
        let lease = self.take_place(record, wish, &leases(container)).await?;
        {
            let mut state = container.state();
            match wish.network.is_empty() || wish == &record.endpoint {
                true => state.lease = Some(lease.clone()),
                false => state.further.push(lease.clone()),
            }
        }
        let made = match self.note_places(container, Outlook::Making(&lease.endpoint_id)) {
            Ok(()) => {
                let (networks, place, inside) = (self.networks.clone(), lease.clone(), duplicate(netns)?);
                let connect = move || Ok(networks.connect(&place, inside.as_fd())?);
                blocking("connect to a network", connect).await
            }
            unnoted => unnoted,
        };
        if let Err(error) = made {
            self.give_up(container, &lease);
            return Err(error);
        }
        let lines = network_files::own_lines(record, &lease);
        self.rewrite_hosts(&record.id, |text| with_lines(text.to_vec(), &lines));
        if self.own_of(&lease).is_none() {
            self.write_links(record);
            self.tell_linked(record, &lease);
        }
        if let Err(error) = self.note_places(container, Outlook::Changing) {
            tracing::warn!(%error, id = %container.id(), "cannot note a place of a container");
        }
        Ok(lease)
    }

    /// Takes away the interface of a place, as far as it is there, and gives the place up.
    pub(crate) async fn unplug(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        lease: &Lease,
        netns: &OwnedFd,
    ) -> Result<()> {
        let (networks, place, inside) = (self.networks.clone(), lease.clone(), duplicate(netns)?);
        blocking("disconnect from a network", move || {
            Ok(networks.disconnect(&place, inside.as_fd())?)
        })
        .await?;
        self.give_up(container, lease);
        let lines = network_files::own_lines(record, lease);
        self.rewrite_hosts(&record.id, |text| without_lines(text, &lines));
        if self.own_of(lease).is_none() {
            // What it is to be has none of them any more.
            let present = container.state().record.clone();
            self.erase_links(&present);
        }
        Ok(())
    }

    /// A place of a running container is free again; not before the note says so, for another container may have it next.
    fn give_up(&self, container: &Arc<Container>, lease: &Lease) {
        container.state().forget_lease(&lease.endpoint_id);
        if let Err(error) = self.note_places(container, Outlook::Changing) {
            tracing::warn!(%error, id = %container.id(), "cannot note that a place of a container is free");
        }
        self.leave_names(lease);
        self.networks.release(lease);
    }

    /// Whether one of the places is on a network of a user's.
    pub(crate) fn is_on_own(&self, leases: &[Lease]) -> bool {
        leases.iter().any(|lease| self.own_of(lease).is_some())
    }

    /// What follows from other places than until now; `was_own` tells whether one was on a network of a user's.
    pub(crate) async fn follow(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        netns: &OwnedFd,
        was_own: bool,
    ) -> Result<()> {
        self.lead(record, netns, &leases(container)).await?;
        self.adjust(container, record, netns, was_own).await
    }

    /// The same but for routes.
    async fn adjust(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        netns: &OwnedFd,
        was_own: bool,
    ) -> Result<()> {
        self.move_ports(container, record, Vec::new()).await?;
        self.tell_names(container, record, netns, was_own).await
    }

    /// Leads default routes by these places.
    async fn lead(&self, record: &ContainerRecord, netns: &OwnedFd, places: &[Lease]) -> Result<()> {
        let ordered = self.in_gateway_order(record, places);
        let (networks, inside) = (self.networks.clone(), duplicate(netns)?);
        blocking("lead routes by other networks", move || {
            Ok(networks.reroute(inside.as_fd(), &ordered)?)
        })
        .await
    }

    /// The same where it must not stand in the way.
    async fn lead_anyhow(&self, record: &ContainerRecord, netns: &OwnedFd, places: &[Lease]) {
        if let Err(error) = self.lead(record, netns, places).await {
            tracing::warn!(%error, id = %record.id, "cannot lead a container's routes by other networks");
        }
    }

    /// Writes down which names there are for the container, and for others because of it.
    async fn tell_names(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        netns: &OwnedFd,
        was_own: bool,
    ) -> Result<()> {
        let ordered = self.in_gateway_order(record, &leases(container));
        let now_own = self.is_on_own(&ordered);
        if now_own && was_own {
            let settings = network_files::resolver(self, record, &ordered)?;
            self.sandboxes.write_resolver(&record.id, &settings.to_string())?;
            for lease in &ordered {
                if let Some(own) = self.own_of(lease) {
                    self.join_names(&own, record, lease);
                }
            }
        } else if now_own && let Some(server) = self.serve_names(record, &ordered, Some(netns)).await? {
            let sandbox = container.state().sandbox.clone();
            if let Some(sandbox) = sandbox {
                sandbox.resolve(server.udp.as_fd(), server.tcp.as_fd()).await?;
            }
        }
        match was_own == now_own {
            true => Ok(()),
            false => network_files::ask_others(self, record, now_own),
        }
    }

    /// Publishes ports where the gateways are by now, under the numbers they have; `homeless` are those of a place that is gone.
    async fn move_ports(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        homeless: Vec<PortBinding>,
    ) -> Result<()> {
        let ordered = &self.in_gateway_order(record, &leases(container))[..];
        let shares = self.shares_of(ordered);
        let has_ports = |share: &Share, lease: &Lease| (*share == Share::All) != lease.ports.is_empty();
        if shares.contains(&Share::All)
            && shares
                .iter()
                .zip(ordered)
                .all(|(share, lease)| has_ports(share, lease))
        {
            return Ok(());
        }
        let mut bound: Vec<PortBinding> = ordered.iter().flat_map(|lease| lease.ports.clone()).collect();
        bound.extend(homeless);
        let mut requests = gateways::alike(&ports::requests(&record.config, &record.host_config)?, &bound);
        // A network without IPv6 must not be one that a container cannot be left on.
        requests.retain(|request| match request.host_ip {
            None => true,
            Some(host) => ordered.iter().zip(&shares).any(|(lease, share)| {
                share.has(host)
                    && match host {
                        IpAddr::V4(_) => lease.address.is_some(),
                        IpAddr::V6(_) => lease.address6.is_some(),
                    }
            }),
        });
        if requests.is_empty() {
            return Ok(());
        }
        self.publish_ports(container, record, ordered, &requests, &[])
            .await
    }

    /// Publishes these ports, and no others, where the gateways are: each family at its own. Of what is published, `gone` serves none of
    /// them. All is as before when that fails.
    pub(crate) async fn publish_ports(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        ordered: &[Lease],
        requests: &[PortRequest],
        gone: &[PortBinding],
    ) -> Result<()> {
        let shares = self.shares_of(ordered);
        let mut changed: Vec<&Lease> = Vec::new();
        let mut published = Ok(());
        // What is another place's now must be free before that one asks for it.
        for (lease, share) in ordered.iter().zip(&shares) {
            let kept: Vec<PortBinding> = lease
                .ports
                .iter()
                .filter(|binding| share.has(binding.host_ip) && !gone.contains(binding))
                .copied()
                .collect();
            if published.is_ok() && kept.len() < lease.ports.len() {
                changed.push(lease);
                published = self.publish_at(container, record, lease, exactly(&kept)).await;
            }
        }
        for (lease, share) in ordered.iter().zip(&shares) {
            let wanted = share.of(requests, self.default_bind(&lease.network_id));
            if published.is_ok() && *share != Share::Nothing {
                changed.push(lease);
                let lease = present(container, lease);
                let given: Vec<PortBinding> = leases(container)
                    .into_iter()
                    .flat_map(|lease| lease.ports)
                    .collect();
                let alike = gateways::alike(&wanted, &given);
                published = self.publish_at(container, record, &lease, alike.clone()).await;
                // The other family's number is somebody else's in this one.
                if matches!(published, Err(Error::Ports { .. })) && alike != wanted {
                    published = self.publish_at(container, record, &lease, wanted).await;
                }
            }
        }
        if published.is_err() {
            for before in changed.into_iter().rev() {
                let now = present(container, before);
                if now.ports != before.ports {
                    self.publish_at(container, record, &now, exactly(&before.ports))
                        .await?;
                }
            }
        }
        published
    }

    /// Publishes exactly these ports at a place.
    pub(crate) async fn publish_at(
        &self,
        container: &Arc<Container>,
        record: &ContainerRecord,
        lease: &Lease,
        requests: Vec<PortRequest>,
    ) -> Result<()> {
        let (networks, lease) = (self.networks.clone(), lease.clone());
        let (name, endpoint) = (record.name.clone(), record.id.to_string());
        let changed = blocking("publish ports", move || {
            networks
                .republish(&lease, &requests)
                .map_err(|source| Error::Ports {
                    name,
                    endpoint,
                    source: Box::new(source),
                })
        });
        let changed = changed.await?;
        container.state().replace_lease(changed);
        Ok(())
    }
}

pub(crate) fn leases(container: &Container) -> Vec<Lease> {
    container.state().leases().cloned().collect()
}

/// The network namespace of a running container.
pub(crate) async fn namespace(container: &Container) -> Result<OwnedFd> {
    let not_running = || Error::NotRunning(container.id().clone());
    let sandbox = container.state().sandbox.clone().ok_or_else(not_running)?;
    let path = format!("/proc/{}/ns/net", sandbox.pid());
    let file = match File::open(&path) {
        // A process that is ending has none any more.
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_running()),
        opened => opened.map_err(Error::system(format!("cannot open {path}")))?,
    };
    // It was the container's if the container still has that process: otherwise the number may be another's by now.
    match sandbox.has_ended().await {
        true => Err(not_running()),
        false => Ok(file.into()),
    }
}

pub(crate) fn duplicate(netns: &OwnedFd) -> Result<OwnedFd> {
    netns
        .try_clone()
        .map_err(Error::system("cannot keep a network namespace"))
}

/// A place as it is now.
fn present(container: &Container, lease: &Lease) -> Lease {
    let state = container.state();
    let mut held = state.leases();
    let found = held.find(|held| held.endpoint_id == lease.endpoint_id);
    found.unwrap_or(lease).clone()
}

/// Requests for these bindings and no others, whichever families their place has.
fn exactly(bound: &[PortBinding]) -> Vec<PortRequest> {
    let one = |binding: &PortBinding| PortRequest {
        proto: binding.proto,
        container_port: binding.container_port,
        host_ip: Some(binding.host_ip),
        host_port: HostPort::Fixed(binding.host_port),
    };
    bound.iter().map(one).collect()
}
