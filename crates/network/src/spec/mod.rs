//! What a network is: the record its owner keeps, from which [`Networks`](crate::Networks) makes it.

mod bridge;
mod options;
mod pool;
mod shared_link;

pub use bridge::{BridgeOptions, GatewayMode};
pub use options::Options;
pub use pool::{Pool, PoolRequest};
pub use shared_link::{IpvlanFlag, IpvlanMode, IpvlanOptions, MacvlanMode, MacvlanOptions};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network of one daemon, with all that was decided about it. Recorded by the engine; older records still load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Its identifier: 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it is made.
    pub driver: Driver,
    /// Whether it has no way out.
    #[serde(default)]
    pub internal: bool,
    /// Whether endpoints get IPv4 addresses.
    #[serde(default = "yes")]
    pub ipv4: bool,
    /// Whether endpoints get IPv6 addresses.
    #[serde(default)]
    pub ipv6: bool,
    /// Its subnets, of both families.
    #[serde(default)]
    pub pools: Vec<Pool>,
    /// Bytes a packet may have; `None` for what the driver takes: 1500 on a bridge, the parent's elsewhere.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// What the names of its interfaces in containers begin with.
    #[serde(default = "eth")]
    pub interface_prefix: String,
}

/// The mechanisms networks are made of. (The networks `host` and `none` need none.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// A bridge of this machine's own, with address translation to the outside.
    Bridge(BridgeOptions),
    /// Endpoints with hardware addresses of their own on an interface of the machine.
    Macvlan(MacvlanOptions),
    /// Endpoints that share the hardware address of an interface of the machine.
    Ipvlan(IpvlanOptions),
}

impl Driver {
    /// Its name, as in `network create -d`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bridge(_) => "bridge",
            Self::Macvlan(_) => "macvlan",
            Self::Ipvlan(_) => "ipvlan",
        }
    }
}

impl NetworkSpec {
    /// A network without subnets, of IPv4 alone.
    pub fn new(id: &str, name: &str, driver: Driver) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            driver,
            internal: false,
            ipv4: true,
            ipv6: false,
            pools: Vec::new(),
            mtu: None,
            interface_prefix: eth(),
        }
    }

    /// What it says of a bridge, if it is one.
    pub fn bridge(&self) -> Option<&BridgeOptions> {
        match &self.driver {
            Driver::Bridge(options) => Some(options),
            _ => None,
        }
    }

    /// Whether this is the daemon's default bridge.
    pub fn is_default(&self) -> bool {
        self.bridge().is_some_and(|bridge| bridge.is_default)
    }

    /// Whether its subnets have a gateway: an address that no container is given.
    pub fn has_gateways(&self) -> bool {
        match &self.driver {
            Driver::Bridge(_) => true,
            Driver::Macvlan(options) => !self.internal && options.parent.is_some(),
            Driver::Ipvlan(options) => {
                !self.internal && options.parent.is_some() && options.mode == IpvlanMode::L2
            }
        }
    }

    /// The first pool of a family.
    pub fn pool(&self, ipv6: bool) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.is_ipv6() == ipv6)
    }

    /// The address the bridge itself has in a subnet.
    pub fn bridge_address(&self, subnet: IpNet) -> Option<IpNet> {
        let bridge = self.bridge()?;
        if bridge.gateway_mode(subnet.addr().is_ipv6()) == GatewayMode::Isolated
            || (bridge.inhibit_ipv4 && subnet.addr().is_ipv4())
        {
            return None;
        }
        let own = bridge.addresses.iter().find(|own| subnet.contains(&own.addr()));
        own.copied().or_else(|| {
            let pool = self.pools.iter().find(|pool| pool.subnet == subnet)?;
            IpNet::new(pool.gateway?, subnet.prefix_len()).ok()
        })
    }
}

fn yes() -> bool {
    true
}

fn eth() -> String {
    "eth".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_record_loads() {
        let text = r#"{"id":"1","name":"n","driver":{"bridge":{"bridge":"br-1"}}}"#;
        let spec: NetworkSpec = serde_json::from_str(text).unwrap();
        assert!(spec.ipv4 && !spec.ipv6 && spec.interface_prefix == "eth");
        let bridge = spec.bridge().unwrap();
        assert!(bridge.masquerade && bridge.icc && !bridge.is_default);
        let again: NetworkSpec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
        assert_eq!(again, spec);
    }

    #[test]
    fn the_bridge_has_the_gateways_address_unless_it_has_its_own() {
        let subnet: IpNet = "10.0.0.0/24".parse().unwrap();
        let mut spec = NetworkSpec::new("1", "n", Driver::Bridge(BridgeOptions::new("br-1")));
        spec.pools = vec![Pool {
            gateway: Some("10.0.0.9".parse().unwrap()),
            ..Pool::of(subnet)
        }];
        let shown = |spec: &NetworkSpec| spec.bridge_address(subnet).map(|net| net.to_string());
        assert_eq!(shown(&spec).as_deref(), Some("10.0.0.9/24"));
        let set = |spec: &mut NetworkSpec, change: &dyn Fn(&mut BridgeOptions)| {
            if let Driver::Bridge(bridge) = &mut spec.driver {
                change(bridge);
            }
        };
        set(&mut spec, &|bridge| {
            bridge.addresses = vec!["10.0.0.1/24".parse().unwrap()]
        });
        assert_eq!(shown(&spec).as_deref(), Some("10.0.0.1/24"));
        set(&mut spec, &|bridge| bridge.inhibit_ipv4 = true);
        assert_eq!(shown(&spec), None);
    }
}
