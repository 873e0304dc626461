//! Networks come and go.

use super::{Inner, Network, Networks, Slot, State, lock};
use crate::driver::{self, Made};
use crate::ipam::{Addresses, overlap};
use crate::netlink::destinations;
use crate::{NetworkError, NetworkSpec, Pool, PoolRequest, config, host};
use ipnet::IpNet;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLockWriteGuard};

impl Networks {
    /// Settles the subnets of a network that is to be created: those wanted, one from the default ranges for a family
    /// without, gateways where the driver has them. They are kept for the network until it is created or removed.
    ///
    /// # Errors
    /// When a wish is senseless or overlaps another network's subnet, or when the default ranges are used up.
    pub fn choose_pools(
        &self,
        spec: &NetworkSpec,
        wanted: &[PoolRequest],
    ) -> Result<Vec<Pool>, NetworkError> {
        let mut networks = self.inner.write();
        let mut socket = self.inner.socket()?;
        let routes = destinations(&mut socket)?;
        self.inner.give_back(socket);
        let used = used_by_others(&networks, &spec.id);
        let families = (spec.ipv4, spec.ipv6);
        let pools = self
            .inner
            .pools
            .choose(families, wanted, spec.has_gateways(), &used, &routes)?;
        if !matches!(networks.get(&spec.id), Some(Slot::Ready(_))) {
            networks.insert(spec.id.clone(), Slot::Claimed(pools.clone()));
        }
        Ok(pools)
    }

    /// Makes a network, or takes it over as an earlier daemon left it.
    ///
    /// # Errors
    /// When it cannot be made: a subnet or interface is another network's, or the kernel refuses. Nothing of it is left
    /// then.
    pub fn create(&self, spec: &NetworkSpec) -> Result<(), NetworkError> {
        let made = self.claim(spec).and_then(|addresses| {
            let link = self.inner.make(spec)?;
            Ok(Network {
                spec: spec.clone(),
                link,
                state: Mutex::new(State {
                    addresses,
                    endpoints: HashSet::new(),
                    leaving: HashSet::new(),
                    removed: false,
                }),
            })
        });
        let mut networks = self.inner.write();
        match made {
            Ok(network) => {
                networks.insert(spec.id.clone(), Slot::Ready(Arc::new(network)));
                Ok(())
            }
            Err(error) => {
                if let Some(Slot::Claimed(_)) = networks.get(&spec.id) {
                    networks.remove(&spec.id);
                }
                Err(error)
            }
        }
    }

    /// Keeps a network's subnets for it, if nobody else has them.
    fn claim(&self, spec: &NetworkSpec) -> Result<Addresses, NetworkError> {
        let mut networks = self.inner.write();
        if let Some(Slot::Ready(_)) = networks.get(&spec.id) {
            return Err(NetworkError::NetworkExists(spec.id.clone()));
        }
        check(spec)?;
        refuse_conflicts(&networks, spec)?;
        let addresses = Addresses::new(spec)?;
        networks.insert(spec.id.clone(), Slot::Claimed(spec.pools.clone()));
        Ok(addresses)
    }

    /// Unmakes a network, and forgets subnets chosen for one that was never created. Does nothing for one that is not
    /// there. An interface that was there before the network stays.
    ///
    /// # Errors
    /// While endpoints are on it, and when the kernel refuses.
    pub fn remove(&self, id: &str) -> Result<(), NetworkError> {
        let network = match self.inner.write().get(id) {
            None => return Ok(()),
            Some(Slot::Ready(network)) => Some(Arc::clone(network)),
            Some(Slot::Claimed(_)) => None,
        };
        if let Some(network) = network {
            let mut state = lock(&network.state);
            if !state.endpoints.is_empty() {
                return Err(NetworkError::ActiveEndpoints {
                    name: network.spec.name.clone(),
                });
            }
            state.removed = true;
            drop(state);
            let unmade = self.inner.unmake(&network);
            if unmade.is_err() {
                lock(&network.state).removed = false;
                return unmade;
            }
        }
        self.inner.write().remove(id);
        Ok(())
    }
}

impl Inner {
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Slot>> {
        self.networks.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, spec: &NetworkSpec) -> Result<Made, NetworkError> {
        if self.config.ip_forward && spec.bridge().is_some() {
            if spec.ipv4 {
                host::forward_ipv4()?;
            }
            if spec.ipv6 {
                host::forward_ipv6()?;
            }
        }
        let mut socket = self.socket()?;
        let made = driver::make(spec, &self.config.table, &mut socket)?;
        if let Err(error) = lock(&self.firewall).add_network(spec) {
            if let Err(error) = made.unmake(&mut socket) {
                tracing::warn!(network = spec.name, %error, "cannot delete interface");
            }
            return Err(error);
        }
        self.give_back(socket);
        Ok(made)
    }

    /// Whether other networks, that are not on their way out themselves, are on this one's link.
    fn shares_link(&self, network: &Network) -> bool {
        let mut others = self
            .all()
            .into_iter()
            .filter(|other| other.spec.id != network.spec.id);
        others.any(|other| other.link.index == network.link.index && !lock(&other.state).removed)
    }

    fn unmake(self: &Arc<Self>, network: &Network) -> Result<(), NetworkError> {
        let mut socket = self.socket()?;
        match network.spec.bridge() {
            // It still has the name that it was given.
            Some(bridge)
                if network.link.ours && socket.index_of(&bridge.bridge).ok() == Some(network.link.index) =>
            {
                self.vanish(&bridge.bridge)?;
            }
            _ if self.shares_link(network) => {}
            _ => network.link.unmake(&mut socket)?,
        }
        self.give_back(socket);
        lock(&self.firewall).remove_network(&network.spec.id)
    }
}

/// Refuses what no kernel or driver could make.
fn check(spec: &NetworkSpec) -> Result<(), NetworkError> {
    if let Some(mtu) = spec.mtu.filter(|mtu| spec.ipv6 && *mtu < host::IPV6_MTU) {
        return Err(NetworkError::InvalidOption(format!(
            "IPv6 needs an MTU of at least {} bytes, and network {} has {mtu}",
            host::IPV6_MTU,
            spec.name
        )));
    }
    if let Some(bridge) = spec.bridge() {
        config::check_interface("bridge", &bridge.bridge)?;
        for ipv6 in [false, true] {
            if spec.pools.iter().filter(|pool| pool.is_ipv6() == ipv6).count() > 1 {
                return Err(NetworkError::SeveralSubnets);
            }
        }
    }
    for (wants, ipv6) in [(spec.ipv4, false), (spec.ipv6, true)] {
        if wants && spec.pool(ipv6).is_none() {
            return Err(NetworkError::InvalidPool(format!(
                "network {} has no IPv{} subnet",
                spec.name,
                if ipv6 { 6 } else { 4 }
            )));
        }
    }
    Ok(())
}

/// Refuses what another network has.
fn refuse_conflicts(networks: &HashMap<String, Slot>, spec: &NetworkSpec) -> Result<(), NetworkError> {
    let used = used_by_others(networks, &spec.id);
    if spec
        .pools
        .iter()
        .any(|pool| used.iter().any(|other| overlap(*other, pool.subnet)))
    {
        return Err(NetworkError::PoolOverlap);
    }
    for slot in networks.values() {
        let Slot::Ready(other) = slot else { continue };
        driver::refuse_sharing(spec, &other.spec)?;
        if let (Some(one), Some(two)) = (spec.bridge(), other.spec.bridge())
            && one.bridge == two.bridge
        {
            return Err(NetworkError::InterfaceTaken {
                id: spec.id.clone(),
                interface: one.bridge.clone(),
                // The default bridge's is known to the engine only.
                other_id: match other.spec.id.as_str() {
                    "" => other.spec.name.clone(),
                    id => id.to_owned(),
                },
                other: two.bridge.clone(),
            });
        }
    }
    Ok(())
}

/// Subnets of all networks but this one.
pub(super) fn used_by_others(networks: &HashMap<String, Slot>, id: &str) -> Vec<IpNet> {
    let others = networks.iter().filter(|(other, _)| *other != id);
    let pools = others.flat_map(|(_, slot)| match slot {
        Slot::Claimed(pools) => pools.as_slice(),
        Slot::Ready(network) => network.spec.pools.as_slice(),
    });
    pools.map(|pool| pool.subnet).collect()
}
