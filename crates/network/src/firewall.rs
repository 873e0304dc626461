//! Which ports are published, and the table that says so to the kernel.

use crate::netlink::{NetlinkError, Protocol, Socket};
use crate::nft::{Forward, Ruleset, Table};
use crate::{Ipv4Net, Lease, NetworkConfig, NetworkError};
use rustix::io::Errno;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddrV4};

/// The published ports of all endpoints.
pub(crate) struct Firewall {
    table: Table,
    socket: Socket,
    /// Off, nothing is written and nothing can be published.
    on: bool,
    /// What the table is to contain, by endpoint: enough to make it anew should somebody flush it.
    published: HashMap<String, Vec<Forward>>,
}

impl Firewall {
    /// Puts the table in place. Elements of an earlier daemon are carried over, so that running containers stay
    /// reachable until their leases are known.
    pub(crate) fn open(config: &NetworkConfig, bridge_address: Ipv4Net) -> Result<Self, NetworkError> {
        let mut socket =
            Socket::open(Protocol::Netfilter).map_err(NetworkError::system("open a netlink socket"))?;
        let table = Table::new(Ruleset {
            table: config.table.clone(),
            bridge: config.bridge.clone(),
            subnet: bridge_address,
            masquerade: config.ip_masq,
            inter_container: config.icc,
        });
        if config.firewall {
            let inherited = table.forwards(&mut socket)?;
            table.replace(&mut socket, &inherited)?;
        } else {
            // What an earlier daemon wrote must not stay.
            table.delete(&mut socket)?;
        }
        Ok(Self {
            on: config.firewall,
            table,
            socket,
            published: HashMap::new(),
        })
    }

    /// Whether ports can be published.
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Publishes exactly the ports of these leases.
    pub(crate) fn restore(&mut self, leases: &[Lease]) -> Result<(), NetworkError> {
        if !self.on {
            return Ok(());
        }
        for lease in leases.iter().filter(|lease| !lease.ports.is_empty()) {
            self.published.insert(lease.endpoint_id.clone(), forwards(lease));
        }
        Ok(self.rebuild()?)
    }

    /// Publishes an endpoint's ports.
    pub(crate) fn publish(&mut self, lease: &Lease) -> Result<(), NetworkError> {
        let forwards = forwards(lease);
        if forwards.is_empty() {
            return Ok(());
        }
        let result = self.table.add(&mut self.socket, &forwards);
        self.published.insert(lease.endpoint_id.clone(), forwards);
        match result {
            // Somebody flushed the ruleset; ours is whole in memory.
            Err(error) if error.errno() == Errno::NOENT => Ok(self.rebuild()?),
            other => Ok(other?),
        }
    }

    /// Withdraws an endpoint's ports, if they are published.
    pub(crate) fn withdraw(&mut self, lease: &Lease) -> Result<(), NetworkError> {
        let Some(forwards) = self.published.remove(&lease.endpoint_id) else {
            return Ok(());
        };
        match self.table.remove(&mut self.socket, &forwards) {
            Err(error) if error.errno() == Errno::NOENT => Ok(self.rebuild()?),
            other => Ok(other?),
        }
    }

    /// Deletes the table.
    pub(crate) fn delete(&mut self) -> Result<(), NetworkError> {
        if self.on {
            self.table.delete(&mut self.socket)?;
        }
        Ok(())
    }

    fn rebuild(&mut self) -> Result<(), NetlinkError> {
        let all: Vec<Forward> = self.published.values().flatten().copied().collect();
        self.table.replace(&mut self.socket, &all)
    }
}

fn forwards(lease: &Lease) -> Vec<Forward> {
    let of = |binding: &crate::PortBinding| match binding.host_ip {
        IpAddr::V4(host) => Some(Forward {
            proto: binding.proto,
            from: SocketAddrV4::new(host, binding.host_port),
            to: SocketAddrV4::new(lease.address, binding.container_port),
        }),
        IpAddr::V6(_) => None, // reserve refuses them
    };
    lease.ports.iter().filter_map(of).collect()
}
