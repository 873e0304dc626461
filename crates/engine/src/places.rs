//! Where a container is: its places on networks, as it wishes for them and as it holds them.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use corten_network::{EndpointRequest, Lease, NetworkError, PortBinding, PortRequest};

use crate::container::State;
use crate::endpoint_options;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::gateways::{self, Share};
use crate::network_mode::NetworkMode;
use crate::own_networks::NetworkRecord;
use crate::record::{ContainerRecord, EndpointWish, RunNote};

/// How long the kernel may take to let go of an address.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at whether it has.
const PAUSE: Duration = Duration::from_millis(5);

/// How the default bridge is named among further networks.
pub(crate) const BRIDGE: &str = "bridge";

impl ContainerRecord {
    /// Its wishes, that for the network it was created on first.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = &EndpointWish> {
        let first = (!self.left).then_some(&self.endpoint);
        first.into_iter().chain(&self.further)
    }

    /// What the network of one of its wishes is called among all: an identifier, or the name of a built-in one.
    pub(crate) fn network_key<'a>(&'a self, wish: &'a EndpointWish) -> &'a str {
        match wish.network.as_str() {
            "" => match self.host_config.network_mode.as_str() {
                "" | "default" => BRIDGE,
                mode => mode,
            },
            network => network,
        }
    }
}

impl RunNote {
    /// All its places.
    pub(crate) fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.lease.iter().chain(&self.further)
    }
}

impl State {
    /// All its places.
    pub(crate) fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.lease.iter().chain(&self.further)
    }

    /// The same, which are nobody's then.
    pub(crate) fn take_leases(&mut self) -> Vec<Lease> {
        let further = std::mem::take(&mut self.further);
        self.lease.take().into_iter().chain(further).collect()
    }

    /// Its published ports.
    pub(crate) fn bound_ports(&self) -> Vec<PortBinding> {
        self.leases()
            .flat_map(|lease| lease.ports.iter().copied())
            .collect()
    }

    /// A place is held no more.
    pub(crate) fn forget_lease(&mut self, endpoint: &str) {
        if self
            .lease
            .as_ref()
            .is_some_and(|lease| lease.endpoint_id == endpoint)
        {
            self.lease = None;
        }
        self.further.retain(|lease| lease.endpoint_id != endpoint);
    }

    /// A place has other published ports now.
    pub(crate) fn replace_lease(&mut self, changed: Lease) {
        let mut held = self.lease.iter_mut().chain(&mut self.further);
        if let Some(lease) = held.find(|lease| lease.endpoint_id == changed.endpoint_id) {
            *lease = changed;
        }
    }
}

/// Places, the first on the network that a container was created on if it is there, as its state keeps them.
pub(crate) fn split(record: &ContainerRecord, leases: &[Lease]) -> (Option<Lease>, Vec<Lease>) {
    match leases.split_first() {
        Some((first, further)) if !record.left => (Some(first.clone()), further.to_vec()),
        _ => (None, leases.to_vec()),
    }
}

impl Engine {
    /// The network of a user's that a place is on; none for the default bridge.
    pub(crate) fn own_of(&self, lease: &Lease) -> Option<Arc<NetworkRecord>> {
        self.own_networks.get(&lease.network_id)
    }

    /// Whether a place is the one wished for.
    pub(crate) fn is_on(&self, lease: &Lease, wish: &EndpointWish) -> bool {
        match wish.network.as_str() {
            "" | BRIDGE => self.own_of(lease).is_none(),
            network => lease.network_id == network,
        }
    }

    /// The wish a place was taken for.
    pub(crate) fn wish_of<'a>(&self, record: &'a ContainerRecord, lease: &Lease) -> Option<&'a EndpointWish> {
        record.wishes().find(|wish| self.is_on(lease, wish))
    }

    /// Places in the order in which they provide the default gateway: by priority, those with a way out first, then by the
    /// names of their networks.
    pub(crate) fn in_gateway_order(&self, record: &ContainerRecord, leases: &[Lease]) -> Vec<Lease> {
        let mut ordered = leases.to_vec();
        ordered.sort_by_cached_key(|lease| match self.wish_of(record, lease) {
            Some(wish) => self.rank(wish),
            None => (Reverse(i64::MIN), true, String::new()),
        });
        ordered
    }

    fn rank(&self, wish: &EndpointWish) -> (Reverse<i64>, bool, String) {
        let own = self.own_networks.get(&wish.network);
        let (internal, name) = match &own {
            Some(own) => (own.spec.internal, own.name().to_owned()),
            None => (false, BRIDGE.to_owned()),
        };
        (Reverse(wish.gw_priority), internal, name)
    }

    /// Takes all places that a container wishes for.
    pub(crate) async fn take_places(
        &self,
        record: &ContainerRecord,
        network: &NetworkMode,
    ) -> Result<Vec<Lease>> {
        let wishes: Vec<&EndpointWish> = record.wishes().collect();
        self.patiently(&wishes, || self.reserve_places(record, network))
            .await
    }

    /// Takes one more, without ports.
    pub(crate) async fn take_place(
        &self,
        record: &ContainerRecord,
        wish: &EndpointWish,
        held: &[Lease],
    ) -> Result<Lease> {
        self.patiently(&[wish], || self.reserve_place(record, wish, Vec::new(), held))
            .await
    }

    /// Reserves. An address wished for may be the one that the container had a moment ago, and on its way out: it is waited for.
    async fn patiently<T>(&self, wishes: &[&EndpointWish], reserve: impl Fn() -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Asked before: what has left since is free.
            let leaving = self.is_leaving(wishes) && Instant::now() < deadline;
            match reserve() {
                Err(Error::Endpoint(source))
                    if leaving && matches!(*source, NetworkError::AddressInUse(_)) =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                reserved => return reserved,
            }
        }
    }

    /// Whether an address that is wished for is on its way out.
    fn is_leaving(&self, wishes: &[&EndpointWish]) -> bool {
        wishes.iter().any(|wish| {
            let addresses = [wish.address.map(IpAddr::V4), wish.address6.map(IpAddr::V6)];
            let mut addresses = addresses.into_iter().flatten();
            addresses.any(|address| self.networks.is_leaving(&wish.network, address))
        })
    }

    /// Takes all places that a container wishes for; ports are published where its gateways are.
    fn reserve_places(&self, record: &ContainerRecord, network: &NetworkMode) -> Result<Vec<Lease>> {
        let wishes: Vec<&EndpointWish> = match network {
            NetworkMode::Bridge | NetworkMode::Own(_) => record.wishes().collect(),
            NetworkMode::None if record.left => record.wishes().collect(),
            NetworkMode::Host | NetworkMode::None | NetworkMode::Container(_) => Vec::new(),
        };
        let requests = crate::ports::requests(&record.config, &record.host_config)?;
        let mut order: Vec<usize> = (0..wishes.len()).collect();
        order.sort_by_cached_key(|at| self.rank(wishes[*at]));
        let ways: Vec<(bool, bool)> = order.iter().map(|at| self.ways_of_wish(wishes[*at])).collect();
        let mut shares = vec![Share::Nothing; wishes.len()];
        for (at, share) in order.into_iter().zip(gateways::shares(&ways)) {
            shares[at] = share;
        }
        let mut leases: Vec<Lease> = Vec::new();
        for (wish, share) in wishes.into_iter().zip(shares) {
            match self.reserve_with_ports(record, wish, share, &requests, &leases) {
                Ok(lease) => leases.push(lease),
                Err(error) => {
                    leases.iter().for_each(|lease| self.networks.release(lease));
                    return Err(error);
                }
            }
        }
        Ok(leases)
    }

    /// Takes one, beside those `held`, with its share of ports.
    fn reserve_with_ports(
        &self,
        record: &ContainerRecord,
        wish: &EndpointWish,
        share: Share,
        requests: &[PortRequest],
        held: &[Lease],
    ) -> Result<Lease> {
        let ports = share.of(requests, self.default_bind(&wish.network));
        let given: Vec<PortBinding> = held
            .iter()
            .flat_map(|lease| lease.ports.iter().copied())
            .collect();
        let alike = gateways::alike(&ports, &given);
        let reserved = self.reserve_place(record, wish, alike.clone(), held);
        match reserved {
            // The other family's number is somebody else's in this one.
            Err(Error::Ports { .. }) if alike != ports => self.reserve_place(record, wish, ports, held),
            reserved => reserved,
        }
    }

    /// What the interface of a place is called beside those `held`: as wished, or by the first number that nobody has or wishes.
    fn interface_name(
        &self,
        record: &ContainerRecord,
        wish: &EndpointWish,
        prefix: &str,
        held: &[Lease],
    ) -> Result<String> {
        let is_taken = |name: &str| held.iter().any(|lease| lease.interface == name);
        if let Some(name) = endpoint_options::interface(wish) {
            return match is_taken(name) {
                true => Err(Error::Conflict(format!(
                    "interface name {name} is already in use in the container"
                ))),
                false => Ok(name.to_owned()),
            };
        }
        let is_wished = |name: &str| {
            record
                .wishes()
                .any(|wish| endpoint_options::interface(wish) == Some(name))
        };
        let mut number = 0_usize;
        loop {
            let name = format!("{prefix}{number}");
            if !is_taken(&name) && !is_wished(&name) {
                return Ok(name);
            }
            number += 1;
        }
    }

    /// Takes one, beside those `held`.
    fn reserve_place(
        &self,
        record: &ContainerRecord,
        wish: &EndpointWish,
        ports: Vec<PortRequest>,
        held: &[Lease],
    ) -> Result<Lease> {
        let (id, prefix) = match wish.network.as_str() {
            "" | BRIDGE => match self.networks.default_bridge() {
                Some(bridge) => (bridge.id, bridge.interface_prefix),
                None => return Err(Error::NoSuchNetwork(BRIDGE.to_owned())),
            },
            id => match self.own_networks.get(id) {
                Some(own) if own.configuration.is_some() => {
                    return Err(Error::Forbidden(
                        "cannot create endpoint on configuration-only network".to_owned(),
                    ));
                }
                Some(own) => (id.to_owned(), own.spec.interface_prefix.clone()),
                None => return Err(Error::NoSuchNetwork(id.to_owned())),
            },
        };
        let mac = match wish.mac.as_deref() {
            Some(text) => Some(
                text.parse()
                    .map_err(|_| Error::Invalid(format!("invalid MAC address: {text}")))?,
            ),
            None => None,
        };
        let interface = self.interface_name(record, wish, &prefix, held)?;
        let request = EndpointRequest {
            container_id: record.id.to_string(),
            container_name: record.name.clone(),
            ip: wish.address,
            ip6: wish.address6,
            mac,
            link_local: endpoint_options::link_local(wish),
            settings: endpoint_options::kernel_settings(&wish.driver_options, &interface),
            without_ipv6: endpoint_options::without_ipv6(&wish.driver_options),
            interface: Some(interface),
            ports,
            ..EndpointRequest::default()
        };
        let reserved = self.networks.reserve(&id, &request);
        reserved.map_err(|source| match source {
            NetworkError::AddressInUse(_)
            | NetworkError::AddressOutOfRange(_)
            | NetworkError::NoAddress { .. }
            | NetworkError::NoNetwork(_) => Error::Endpoint(Box::new(source)),
            source => Error::Ports {
                name: record.name.clone(),
                endpoint: record.id.to_string(),
                source: Box::new(source),
            },
        })
    }
}
