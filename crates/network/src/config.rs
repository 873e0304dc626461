//! What the operator decides about networking.

use crate::NetworkError;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What all networks of a daemon have in common (dockerd's flags of the same names, but for `table`).
#[derive(Debug, Clone)]
pub struct PlaneConfig {
    /// Name of the nf_tables tables (families ip and ip6), owned by this daemon alone.
    pub table: String,
    /// Whether the host's own filter decides about published ports.
    pub host_firewall: HostFirewall,
    /// Bits of packets' marks that are ours: they tell chains of others what our tables let pass.
    pub mark: u32,
    /// Whether to write firewall rules for IPv4. Without, no port can be published and nothing is masqueraded.
    pub iptables: bool,
    /// The same for IPv6.
    pub ip6tables: bool,
    /// Whether to let the host forward packets at all (`net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding`).
    pub ip_forward: bool,
    /// Subnets of this size are cut from these ranges, in this order, for networks that name none; Docker's for a family
    /// that is not among them.
    pub pools: Vec<(IpNet, u8)>,
    /// Something that differs from machine to machine and stays the same: the unique local IPv6 prefix comes from it.
    pub seed: String,
}

/// Whether the host's own filter decides about published ports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostFirewall {
    /// A published port is a port of the host: whom the host's INPUT chains let in reaches the container.
    #[default]
    Obey,
    /// A published port is open to all, past the host's INPUT chains, as with Docker.
    Bypass,
}

impl Default for PlaneConfig {
    /// dockerd's defaults, under our own name.
    fn default() -> Self {
        Self {
            table: "corten".to_owned(),
            host_firewall: HostFirewall::default(),
            mark: 0x2000_0000,
            iptables: true,
            ip6tables: true,
            ip_forward: true,
            pools: Vec::new(),
            seed: String::new(),
        }
    }
}

impl PlaneConfig {
    /// Refuses a name the kernel would refuse, and a mark that is none.
    pub(crate) fn check(&self) -> Result<(), NetworkError> {
        if self.table.is_empty() || self.table.len() > 200 || self.table.contains(char::is_control) {
            return Err(NetworkError::InvalidName {
                what: "table",
                name: self.table.clone(),
            });
        }
        if self.mark == 0 {
            return Err(NetworkError::InvalidName {
                what: "mark",
                name: "0".to_owned(),
            });
        }
        Ok(())
    }
}

/// Configuration of the default bridge network (dockerd's flags of the same names).
#[derive(Debug, Clone)]
pub struct DefaultBridge {
    /// Name of the bridge, at most 15 bytes.
    pub bridge: String,
    /// Address of the bridge with its subnet's prefix length. Without it, a bridge that exists keeps its address, and
    /// a new one takes the first of the default subnets that overlaps none of the host's routes. So it does as long as
    /// running containers are on it.
    pub bip: Option<Ipv4Net>,
    /// The same for IPv6.
    pub bip6: Option<Ipv6Net>,
    /// Whether containers get IPv6 addresses, too.
    pub ipv6: bool,
    /// The part of the subnet that containers' addresses are taken from; `None` for all of it.
    pub fixed_cidr: Option<Ipv4Net>,
    /// The same for IPv6; the subnet itself where the bridge has no address yet.
    pub fixed_cidr_v6: Option<Ipv6Net>,
    /// Where containers' default routes point; `None` for the bridge.
    pub default_gateway: Option<Ipv4Addr>,
    /// The same for IPv6.
    pub default_gateway_v6: Option<Ipv6Addr>,
    /// Address of this machine that ports are published on where none is named; `None` for all.
    pub default_bind: Option<IpAddr>,
    /// Bytes a packet may have on the network.
    pub mtu: u32,
    /// Whether containers reach the outside under the host's address.
    pub ip_masq: bool,
    /// Whether containers may talk to each other without publishing.
    pub icc: bool,
}

impl Default for DefaultBridge {
    /// dockerd's defaults, under our own names.
    fn default() -> Self {
        Self {
            bridge: "corten0".to_owned(),
            bip: None,
            bip6: None,
            ipv6: false,
            fixed_cidr: None,
            fixed_cidr_v6: None,
            default_gateway: None,
            default_gateway_v6: None,
            default_bind: None,
            mtu: 1500,
            ip_masq: true,
            icc: true,
        }
    }
}

impl DefaultBridge {
    /// The subnets it names.
    pub(crate) fn subnets(&self) -> impl Iterator<Item = IpNet> {
        let ipv6 = self.bip6.or(self.fixed_cidr_v6).filter(|_| self.ipv6);
        let all = [self.bip.map(IpNet::V4), ipv6.map(IpNet::V6)];
        all.into_iter().flatten()
    }

    /// Whether the bridge may go on with this address.
    pub(crate) fn suits(&self, address: Ipv6Net) -> bool {
        self.bip6.is_none_or(|bip| bip == address)
            && self.fixed_cidr_v6.is_none_or(|range| address.contains(&range))
    }

    /// Leaves out what does not go with this IPv6 address of a bridge that is in use, with a warning.
    pub(crate) fn keep6(&mut self, address: Ipv6Net) {
        let bridge = &self.bridge;
        if let Some(bip) = self.bip6.take_if(|bip| *bip != address) {
            warn_of_kept(bridge, address.into(), bip.into());
        }
        if let Some(range) = self
            .fixed_cidr_v6
            .take_if(|range| !address.contains(&range.network()))
        {
            tracing::warn!(
                "fixed-cidr-v6 {range} is not used: it is not within {}",
                address.trunc()
            );
        }
        if let Some(gateway) = self
            .default_gateway_v6
            .take_if(|gateway| !address.contains(&*gateway))
        {
            tracing::warn!(
                "default-gateway-v6 {gateway} is not used: it is not within {}",
                address.trunc()
            );
        }
    }

    /// The same for IPv4.
    pub(crate) fn keep(&mut self, subnet: Ipv4Net) {
        if let Some(bip) = self.bip.take() {
            warn_of_kept(&self.bridge, subnet.into(), bip.into());
        }
        if let Some(range) = self
            .fixed_cidr
            .take_if(|range| !subnet.contains(&range.network()))
        {
            tracing::warn!(
                "fixed-cidr {range} is not used: it is not within {}",
                subnet.trunc()
            );
        }
        if let Some(gateway) = self
            .default_gateway
            .take_if(|gateway| !subnet.contains(&*gateway))
        {
            tracing::warn!(
                "default-gateway {gateway} is not used: it is not within {}",
                subnet.trunc()
            );
        }
    }
}

fn warn_of_kept(bridge: &str, address: IpNet, wish: IpNet) {
    let flag = if wish.addr().is_ipv6() { "bip6" } else { "bip" };
    tracing::warn!(
        "containers are running on bridge {bridge}: it keeps its address {address}; {flag} {wish} takes effect when the \
         daemon is started while none runs"
    );
}

/// Refuses interface names the kernel would refuse, or read as something else.
pub(crate) fn check_interface(what: &'static str, name: &str) -> Result<(), NetworkError> {
    let strange = |c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace() || c.is_control();
    if name.is_empty()
        || name.len() > 15
        || name.contains(strange)
        || [".", "..", "all", "default"].contains(&name)
    {
        return Err(NetworkError::InvalidName {
            what,
            name: name.to_owned(),
        });
    }
    Ok(())
}
