//! Endpoints' interfaces: made between two namespaces, with addresses and routes.

use crate::driver::{Made, needs_no_gateway};
use crate::endpoint_name::unnamed_link;
use crate::netlink::{
    Attached, Batch, Link, SharedLink, Socket, Veth, Via, add_address, create_shared_link, create_veth,
    delete_link_at, links, rename, set_default_route, set_neighbour, set_port, set_up, settle,
};
use crate::netns::{loopback_up, write_settings};
use crate::{Driver, Lease, NetlinkError, NetworkError, NetworkSpec, host};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use std::net::IpAddr;

/// The kinds of links that endpoints with hardware addresses of their own have inside.
const KINDS: [&str; 2] = ["veth", MACVLAN];
const MACVLAN: &str = "macvlan";

/// What a bridge without a say of its own has.
pub(crate) const DEFAULT_MTU: u32 = 1500;

/// An endpoint to be made.
pub(crate) struct Endpoint<'a> {
    pub(crate) lease: &'a Lease,
    pub(crate) spec: &'a NetworkSpec,
    pub(crate) link: &'a Made,
}

/// Routing sockets in a container's namespace and outside, for a thread that is inside.
pub(crate) struct Wires<'a> {
    pub(crate) inside: Socket,
    pub(crate) outside: &'a mut Socket,
}

impl Wires<'_> {
    /// Makes the endpoints' interfaces. A new namespace gets its loopback and default routes, too.
    ///
    /// However many endpoints there are, the kernel is asked three times: to make the interfaces, to set them up inside, and
    /// to set them up outside.
    pub(crate) fn connect(
        &mut self,
        endpoints: &[Endpoint<'_>],
        netns: BorrowedFd<'_>,
        is_new: bool,
    ) -> Result<(), NetworkError> {
        if !endpoints.is_empty() {
            let mut batch = Batch::new();
            endpoints
                .iter()
                .try_for_each(|endpoint| endpoint.create(&mut batch, netns))?;
            if let Err(error) = self.outside.request(&mut batch) {
                return Err(self.refusal(error, endpoints));
            }
        }
        self.name_shared_links(endpoints, is_new)?;
        let ready = self.set_up(endpoints, is_new);
        if ready.is_err() && !is_new {
            // Of a veth pair, whoever made it deletes the end that is outside.
            for endpoint in endpoints
                .iter()
                .filter(|endpoint| endpoint.lease.host_veth.is_none())
            {
                self.delete(&endpoint.lease.interface);
            }
        }
        ready
    }

    /// Gives links that share a parent their names: kernels before Linux 6.13 make no link of a name that the host has, too, wherever it is
    /// to be.
    fn name_shared_links(&mut self, endpoints: &[Endpoint<'_>], is_new: bool) -> Result<(), NetworkError> {
        let shared = || {
            endpoints
                .iter()
                .filter(|endpoint| endpoint.lease.host_veth.is_none())
        };
        let mut batch = Batch::new();
        for endpoint in shared() {
            let link = self.inside.index_of(&unnamed_link(&endpoint.lease.endpoint_id))?;
            rename(&mut batch, link, &endpoint.lease.interface);
        }
        if batch.len() == 0 {
            return Ok(());
        }
        let named = self.inside.request(&mut batch);
        if named.is_err() && !is_new {
            // Another interface may have the name they were to have.
            for endpoint in shared() {
                self.delete(&unnamed_link(&endpoint.lease.endpoint_id));
            }
        }
        Ok(named?)
    }

    /// The kernel's refusal to make interfaces in words, where its own say nothing.
    fn refusal(&mut self, error: NetlinkError, endpoints: &[Endpoint<'_>]) -> NetworkError {
        if error.errno() == Errno::OPNOTSUPP
            && let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.spec.bridge().is_none())
        {
            return NetworkError::KernelLacks(endpoint.spec.driver.name().to_owned());
        }
        let mut parents = endpoints
            .iter()
            .filter_map(|endpoint| match &endpoint.spec.driver {
                Driver::Macvlan(options) => options.parent.as_ref(),
                Driver::Ipvlan(options) => options.parent.as_ref(),
                Driver::Bridge(_) => None,
            });
        if error.errno() == Errno::NODEV
            && let Some(parent) = parents.find(|parent| self.outside.index_of(parent).is_err())
        {
            return NetworkError::NoParent(parent.clone());
        }
        let gone = endpoints.iter().find_map(|endpoint| {
            let bridge = &endpoint.spec.bridge()?.bridge;
            let is_there = self.outside.index_of(bridge).ok() == Some(endpoint.link.index);
            (!is_there).then(|| NetworkError::BridgeGone {
                bridge: bridge.clone(),
                name: endpoint.spec.name.clone(),
            })
        });
        gone.unwrap_or_else(|| error.into())
    }

    fn delete(&mut self, interface: &str) {
        if let Err(error) = delete_inside(&mut self.inside, interface) {
            tracing::warn!(interface, %error, "cannot delete interface");
        }
    }

    fn set_up(&mut self, endpoints: &[Endpoint<'_>], is_new: bool) -> Result<(), NetworkError> {
        let settings: Vec<_> = endpoints.iter().flat_map(Endpoint::settings).collect();
        let wanted: Vec<_> = endpoints
            .iter()
            .flat_map(|endpoint| endpoint.lease.settings.clone())
            .collect();
        write_settings(&settings, &wanted)?;
        let mut batch = Batch::new();
        if is_new {
            loopback_up(&mut batch);
        }
        let mut links = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let link = self.inside.index_of(&endpoint.lease.interface)?;
            endpoint.set_up_inside(&mut batch, link);
            links.push(link);
        }
        for ipv6 in [false, true].into_iter().filter(|_| is_new) {
            let mut endpoints = endpoints.iter().zip(&links);
            if let Some((via, link)) =
                endpoints.find_map(|(endpoint, link)| Some((endpoint.default_route(ipv6)?, *link)))
            {
                set_default_route(&mut batch, link, via);
            }
        }
        if batch.len() > 0 {
            self.inside.request(&mut batch)?;
        }

        let mut batch = Batch::new();
        endpoints
            .iter()
            .for_each(|endpoint| endpoint.set_up_outside(&mut batch));
        if batch.len() > 0
            && let Err(error) = self.outside.request(&mut batch)
        {
            return Err(self.refusal(error, endpoints));
        }
        Ok(())
    }
}

impl Endpoint<'_> {
    /// Asks for the interface.
    fn create(&self, batch: &mut Batch, netns: BorrowedFd<'_>) -> Result<(), NetworkError> {
        let lease = self.lease;
        let name = unnamed_link(&lease.endpoint_id);
        let attached = Attached {
            parent: self.link.index,
            name: &name,
            mtu: self.spec.mtu,
            netns,
        };
        let no_mac =
            || NetworkError::InvalidOption(format!("endpoint {} has no MAC address", lease.endpoint_id));
        match &self.spec.driver {
            Driver::Bridge(bridge) => {
                let host = lease.host_veth.as_deref().unwrap_or_default();
                let veth = Veth {
                    host,
                    peer: &lease.interface,
                    mac: lease.mac.ok_or_else(no_mac)?,
                    bridge: self.link.index,
                    mtu: self.spec.mtu.unwrap_or(DEFAULT_MTU),
                    netns,
                };
                create_veth(batch, &veth);
                let has_ipv6 = host::has_ipv6(veth.mtu);
                // A frame goes back where it came from only if bridge-nf-call-iptables translates it on the bridge itself.
                set_port(batch, host, !lease.ports.is_empty(), !bridge.icc, has_ipv6);
            }
            Driver::Macvlan(options) => {
                let kind = SharedLink::Macvlan(options.mode, lease.mac.ok_or_else(no_mac)?);
                create_shared_link(batch, &attached, kind);
            }
            Driver::Ipvlan(options) => {
                create_shared_link(batch, &attached, SharedLink::Ipvlan(options.mode, options.flag));
            }
        }
        Ok(())
    }

    /// The container's kernel settings, below `net`, and their values.
    ///
    /// Without an IPv6 address of its own, a container must not take one from a neighbour's router advertisement either;
    /// with one, it needs no other on a bridge, where no router is. Nor need it wait for an answer to the question whether
    /// somebody else has its link-local address.
    fn settings(&self) -> Vec<(String, &'static str)> {
        let of = |name: &str| format!("ipv6/conf/{}/{name}", self.lease.interface);
        let own = self.lease.address6.is_some();
        let any = own || self.lease.link_local.iter().any(|net| net.addr().is_ipv6());
        match &self.spec.driver {
            _ if !any => vec![(of("disable_ipv6"), "1")],
            Driver::Macvlan(_) | Driver::Ipvlan(_) if own => vec![(of("disable_ipv6"), "0")],
            _ => vec![
                (of("disable_ipv6"), "0"),
                (of("accept_ra"), "0"),
                (of("accept_dad"), "0"),
            ],
        }
    }

    /// The endpoint's default route of a family, if it has one and is to have it.
    pub(crate) fn default_route(&self, ipv6: bool) -> Option<Via> {
        let lease = self.lease;
        let (wanted, has_address, gateway) = if ipv6 {
            (
                lease.default_ipv6,
                lease.address6.is_some(),
                lease.gateway6.map(Into::into),
            )
        } else {
            (
                lease.default_ipv4,
                lease.address.is_some(),
                lease.gateway.map(Into::into),
            )
        };
        if !wanted || !has_address {
            return None;
        }
        match gateway {
            Some(gateway) => Some(Via::Gateway(gateway)),
            None => needs_no_gateway(self.spec).then_some(Via::Link { ipv6 }),
        }
    }

    fn set_up_inside(&self, batch: &mut Batch, link: u32) {
        for address in self
            .lease
            .addresses()
            .chain(self.lease.link_local.iter().copied())
        {
            add_address(batch, link, address);
        }
        set_up(batch, "bring container interface up", link);
        if let (Some(_), Some(mac)) = (self.spec.bridge(), self.link.mac) {
            for gateway in self.lease.gateways().filter(|gateway| self.is_bridge(*gateway)) {
                set_neighbour(batch, link, gateway, mac);
            }
        }
    }

    /// The first packets must neither be dropped nor wait for ARP, which floods all other containers. And whatever
    /// the host remembers of an earlier owner of the address is overwritten.
    fn set_up_outside(&self, batch: &mut Batch) {
        let (Some(bridge), Some(veth), Some(mac)) =
            (self.spec.bridge(), &self.lease.host_veth, self.lease.mac)
        else {
            return;
        };
        settle(batch, veth);
        settle(batch, &bridge.bridge);
        for address in self.lease.addresses() {
            set_neighbour(batch, self.link.index, address.addr(), mac);
        }
    }

    /// Whether the address is the bridge's own.
    fn is_bridge(&self, address: IpAddr) -> bool {
        let subnets = self.spec.pools.iter().map(|pool| pool.subnet);
        subnets
            .filter_map(|subnet| self.spec.bridge_address(subnet))
            .any(|own| own.addr() == address)
    }
}

/// Deletes an endpoint's interface from within its namespace, if it is there; it may not have its name yet.
pub(crate) fn unplug(inside: &mut Socket, lease: &Lease) -> Result<(), NetworkError> {
    delete_inside(inside, &unnamed_link(&lease.endpoint_id))?;
    let Some(mac) = lease.mac else {
        return delete_inside(inside, &lease.interface);
    };
    // The container may have given it another name, and its name to another one; or another hardware address, which does not matter
    // where its other end is outside.
    let all = links(inside)?;
    let is_own = |link: &&Link| link.mac == Some(mac) && KINDS.contains(&link.kind.as_str());
    let is_named =
        |link: &&Link| lease.host_veth.is_none() && link.kind == MACVLAN && link.name == lease.interface;
    let found = all.iter().find(is_own).or_else(|| all.iter().find(is_named));
    let Some(link) = found else { return Ok(()) };
    let mut batch = Batch::new();
    delete_link_at(&mut batch, link.index);
    Ok(inside.request(&mut batch)?)
}

fn delete_inside(inside: &mut Socket, interface: &str) -> Result<(), NetworkError> {
    let link = match inside.index_of(interface) {
        Err(error) if error.errno() == Errno::NODEV => return Ok(()),
        other => other?,
    };
    let mut batch = Batch::new();
    delete_link_at(&mut batch, link);
    Ok(inside.request(&mut batch)?)
}
