//! Taking over what an earlier daemon left.

use super::{Network, Networks, lock};
use crate::driver;
use crate::endpoint_name::is_our_veth;
use crate::netlink::{Batch, delete_link_at, links};
use crate::{Lease, NetworkError};
use rustix::io::Errno;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What [`Networks::restore`] found.
#[derive(Debug, Default)]
pub struct Restored {
    /// Interfaces of no known endpoint that were deleted.
    pub deleted_veths: usize,
    /// Interfaces made for networks that nobody knows any more, deleted, too.
    pub deleted_networks: usize,
    /// Endpoints that could not be taken over in full, by id, and why. They go on working as far as they can.
    pub problems: Vec<(String, NetworkError)>,
}

impl Networks {
    /// Takes over the endpoints of an earlier daemon, after all its networks were created anew and before any endpoint is
    /// reserved: their addresses and host ports are held again, exactly their ports are published, and interfaces of
    /// ours that belong to no endpoint and no network are deleted. Of two leases with one address, the first has it.
    ///
    /// # Errors
    /// Only when the kernel fails; what stands in the way of a single endpoint is reported in the result.
    pub fn restore(&self, leases: &[Lease]) -> Result<Restored, NetworkError> {
        let mut restored = Restored::default();
        let mut taken: Vec<(&Lease, Arc<Network>)> = Vec::with_capacity(leases.len());
        for lease in leases {
            let mut problem = |error| restored.problems.push((lease.endpoint_id.clone(), error));
            let network = match self.inner.network(&lease.network_id) {
                Ok(network) => network,
                Err(error) => {
                    problem(error);
                    continue;
                }
            };
            let mut state = lock(&network.state);
            if !state.endpoints.insert(lease.endpoint_id.clone()) {
                continue;
            }
            let v4 = lease
                .address
                .map(|address| state.addresses.take_v4(Some(address)).map(drop));
            let v6 = lease
                .address6
                .map(|address| state.addresses.take_v6(Some(address)).map(drop));
            let taken_by_another = |taken: &Option<Result<_, NetworkError>>| {
                matches!(taken, Some(Err(NetworkError::AddressInUse(_))))
            };
            if taken_by_another(&v4) || taken_by_another(&v6) {
                // It ended, and its address was given to another already: nothing is its own to give back.
                state.endpoints.remove(&lease.endpoint_id);
                for (taken, address) in [
                    (&v4, lease.address.map(IpAddr::V4)),
                    (&v6, lease.address6.map(IpAddr::V6)),
                ] {
                    if let (Some(Ok(())), Some(address)) = (taken, address) {
                        state.addresses.free(address);
                    }
                }
            }
            let is_held = state.endpoints.contains(&lease.endpoint_id);
            drop(state);
            [v4, v6]
                .into_iter()
                .flatten()
                .filter_map(Result::err)
                .for_each(&mut problem);
            if !is_held {
                continue;
            }
            let mut ports = lock(&self.inner.ports);
            for binding in &lease.ports {
                if let Some(address) = lease.address_like(binding.host_ip)
                    && let Err(error) = ports.restore(binding, address)
                {
                    problem(error);
                }
            }
            drop(ports);
            taken.push((lease, network));
        }
        let published = taken.iter().map(|(lease, network)| (*lease, &network.spec));
        lock(&self.inner.firewall).restore(published)?;
        self.sweep(leases, &mut restored)?;
        Ok(restored)
    }

    /// Deletes interfaces of ours that belong to nobody.
    fn sweep(&self, leases: &[Lease], restored: &mut Restored) -> Result<(), NetworkError> {
        let veths: HashSet<&str> = leases
            .iter()
            .filter_map(|lease| lease.host_veth.as_deref())
            .collect();
        let networks = self.inner.all();
        let bridges: HashSet<u32> = networks
            .iter()
            .filter_map(|network| network.bridge_index())
            .collect();
        let mut socket = self.inner.socket()?;
        for link in links(&mut socket)? {
            let on_ours = link.master.is_some_and(|master| bridges.contains(&master));
            let lost_veth = link.kind == "veth"
                && on_ours
                && is_our_veth(&link.name)
                && !veths.contains(link.name.as_str());
            // A link may be shared by other networks than the one it was made for.
            let lost_network = driver::owner(&link.alias, &self.inner.config.table).is_some()
                && !networks.iter().any(|network| network.link.index == link.index);
            if !lost_veth && !lost_network {
                continue;
            }
            let mut batch = Batch::new();
            delete_link_at(&mut batch, link.index);
            match socket.request(&mut batch) {
                Err(error) if error.errno() != Errno::NODEV => return Err(error.into()),
                _ => {}
            }
            restored.deleted_veths += usize::from(lost_veth);
            restored.deleted_networks += usize::from(lost_network);
        }
        self.inner.give_back(socket);
        Ok(())
    }
}
