//! Published ports of a container that is there already: added and taken away, at once if it runs.
//!
//! The record is what counts. A change on a running container is made in this order: the note says that one is under way,
//! the network makes it, the record is stored, the note holds the outcome. Whatever a killed daemon has left out or done too
//! much of, the next one makes what the record says, see [`Engine::settle_networks`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use corten_network::{HostPort, Lease, PortRequest};
use corten_wire::{ContainerConfig, ContainerUpdateRequest, HostConfig, PortBinding, PortMap};

use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::network_mode::NetworkMode;
use crate::ports;
use crate::record::ContainerRecord;
use crate::unsettled::Outlook;

/// Other ports that a request asks for.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    add: PortMap,
    remove: PortMap,
}

impl Changes {
    /// Those of `request`, if it speaks of any.
    pub(crate) fn of(request: &mut ContainerUpdateRequest) -> Option<Self> {
        let (add, remove) = (request.publish_add.take(), request.publish_remove.take());
        (add.is_some() || remove.is_some()).then(|| Self {
            add: add.unwrap_or_default(),
            remove: remove.unwrap_or_default(),
        })
    }

    /// Makes them in a container's settings, where `bound` is what is published now. Returns what the user should know.
    ///
    /// # Errors
    /// When a port makes no sense, is not published, or is the container's already.
    pub(crate) fn apply(
        &self,
        record: &mut ContainerRecord,
        bound: &[corten_network::PortBinding],
        engine: &Engine,
    ) -> Result<Vec<String>> {
        let name = record.name.clone();
        self.apply_to(&mut record.config, &mut record.host_config, bound, &name)?;
        let published = ports::requests(&record.config, &record.host_config)?;
        match NetworkMode::parse(&record.host_config.network_mode, engine) {
            Ok(NetworkMode::Container(_)) if !published.is_empty() => Err(Error::Invalid(
                "conflicting options: port publishing and the container type network mode".to_owned(),
            )),
            Ok(NetworkMode::Host) if !published.is_empty() => Ok(vec![
                "Published ports are discarded when using host network mode".to_owned(),
            ]),
            Ok(NetworkMode::None) if !published.is_empty() => Ok(vec![
                "Published ports have no effect without a network".to_owned(),
            ]),
            _ => Ok(Vec::new()),
        }
    }

    fn apply_to(
        &self,
        config: &mut ContainerConfig,
        host: &mut HostConfig,
        bound: &[corten_network::PortBinding],
        name: &str,
    ) -> Result<()> {
        let mut map = normal(host.port_bindings.as_ref())?;
        let remove = normal(Some(&self.remove))?;
        if host.publish_all_ports && remove.keys().any(|port| !map.contains_key(port)) {
            // All but some cannot be said otherwise than one by one.
            for port in config.exposed_ports.keys() {
                let (number, protocol) = ports::parse(port)?;
                map.entry(format!("{number}/{protocol}"))
                    .or_insert_with(|| vec![PortBinding::default()]);
            }
            host.publish_all_ports = false;
        }
        for (port, gone) in &remove {
            for gone in gone {
                let wishes = map.get_mut(port);
                let taken = wishes.is_some_and(|wishes| take_away(wishes, gone, port, bound));
                taken
                    .then_some(())
                    .ok_or_else(|| not_published(gone, port, name))?;
            }
            let wishes = map.entry(port.clone()).or_default();
            if wishes.is_empty() {
                map.remove(port);
            }
        }
        for (port, more) in normal(Some(&self.add))? {
            for wish in &more {
                refuse_twice(&map, &port, wish)?;
                map.entry(port.clone()).or_default().push(wish.clone());
            }
            config.exposed_ports.entry(port).or_default();
        }
        host.port_bindings = Some(
            map.into_iter()
                .map(|(port, wishes)| (port, Some(wishes)))
                .collect(),
        );
        Ok(())
    }
}

/// Ports by their full names, each with its wishes; one without any is a wish for any port of the host's.
fn normal(map: Option<&PortMap>) -> Result<BTreeMap<String, Vec<PortBinding>>> {
    let mut all = BTreeMap::new();
    for (port, wishes) in map.into_iter().flatten() {
        let (number, protocol) = ports::parse(port)?;
        let list: &mut Vec<PortBinding> = all.entry(format!("{number}/{protocol}")).or_default();
        match wishes.as_deref() {
            None | Some([]) => list.push(PortBinding::default()),
            Some(wishes) => list.extend_from_slice(wishes),
        }
    }
    Ok(all)
}

/// Docker's sentence, of `docker port`; of the host's side, what was named.
fn not_published(gone: &PortBinding, port: &str, name: &str) -> Error {
    let host = match (gone.host_ip.as_str(), gone.host_port.as_str()) {
        ("", "" | "0") => String::new(),
        ("", host_port) => format!("{host_port}->"),
        (ip, host_port) => format!("{ip}:{host_port}->"),
    };
    Error::Invalid(format!("No public port '{host}{port}' published for {name}"))
}

/// Whether the engine chooses the port of the host.
fn is_open(wish: &PortBinding) -> bool {
    matches!(wish.host_port.as_str(), "" | "0") || wish.host_port.contains('-')
}

/// Takes the wishes for `port` that `gone` names out of the list; false if there is none. A port that the engine has chosen
/// can be named, too; then what is left of its choices stays as it is.
fn take_away(
    wishes: &mut Vec<PortBinding>,
    gone: &PortBinding,
    port: &str,
    bound: &[corten_network::PortBinding],
) -> bool {
    let any_port = matches!(gone.host_port.as_str(), "" | "0");
    let is_meant = |wish: &PortBinding| {
        (gone.host_ip.is_empty() || gone.host_ip == wish.host_ip)
            && (any_port || gone.host_port == wish.host_port)
    };
    let before = wishes.len();
    wishes.retain(|wish| !is_meant(wish));
    if wishes.len() < before {
        return true;
    }
    // One family's half of a port that is published at all addresses of the host.
    let other = match gone.host_ip.as_str() {
        "0.0.0.0" => Some("::"),
        "::" => Some("0.0.0.0"),
        _ => None,
    };
    let at = wishes.iter().position(|wish| {
        wish.host_ip.is_empty() && !is_open(wish) && (any_port || gone.host_port == wish.host_port)
    });
    if let (Some(other), Some(at)) = (other, at) {
        let wish = wishes.swap_remove(at);
        let has_other = bound.iter().any(|binding| {
            binding.host_ip.to_string() == other
                && binding.host_port.to_string() == wish.host_port
                && format!("{}/{}", binding.container_port, binding.proto) == port
        });
        if has_other {
            wishes.push(PortBinding {
                host_ip: other.to_owned(),
                ..wish
            });
        }
        return true;
    }
    let chosen: BTreeSet<(String, String)> = bound
        .iter()
        .filter(|binding| format!("{}/{}", binding.container_port, binding.proto) == port)
        .map(|binding| {
            let everywhere = binding.host_ip.is_unspecified();
            let ip = if everywhere {
                String::new()
            } else {
                binding.host_ip.to_string()
            };
            (ip, binding.host_port.to_string())
        })
        .filter(|(ip, port)| {
            !wishes
                .iter()
                .any(|wish| wish.host_ip == *ip && wish.host_port == *port)
        })
        .collect();
    let chosen: Vec<PortBinding> = chosen
        .into_iter()
        .map(|(host_ip, host_port)| PortBinding { host_ip, host_port })
        .collect();
    if !chosen.iter().any(is_meant) {
        return false;
    }
    wishes.retain(|wish| !is_open(wish));
    wishes.extend(chosen.into_iter().filter(|wish| !is_meant(wish)));
    true
}

/// Two fixed wishes for the same port of the host cannot both be had.
fn refuse_twice(map: &BTreeMap<String, Vec<PortBinding>>, port: &str, wish: &PortBinding) -> Result<()> {
    let protocol = |port: &str| port.split_once('/').map(|(_, protocol)| protocol.to_owned());
    let overlaps = |other: &PortBinding| {
        other.host_port == wish.host_port
            && (other.host_ip == wish.host_ip || is_everywhere(other) || is_everywhere(wish))
    };
    let is_taken = !is_open(wish)
        && map
            .iter()
            .filter(|(other, _)| protocol(other) == protocol(port))
            .any(|(_, wishes)| wishes.iter().any(overlaps));
    if !is_taken {
        return Ok(());
    }
    let ip = if wish.host_ip.is_empty() {
        "0.0.0.0"
    } else {
        &wish.host_ip
    };
    Err(Error::Invalid(format!(
        "Bind for {ip}:{} failed: port is already allocated",
        wish.host_port
    )))
}

fn is_everywhere(wish: &PortBinding) -> bool {
    matches!(wish.host_ip.as_str(), "" | "0.0.0.0" | "::")
}

/// Those of the `bound` ports that a wish named `before` and none does any more: a wish that leaves the port open must not have them.
fn given_up(
    before: &[PortRequest],
    after: &[PortRequest],
    bound: &[corten_network::PortBinding],
) -> Vec<corten_network::PortBinding> {
    let is_named = |wishes: &[PortRequest], binding: &corten_network::PortBinding| {
        wishes.iter().any(|wish| {
            (wish.proto, wish.container_port) == (binding.proto, binding.container_port)
                && wish.host_port == HostPort::Fixed(binding.host_port)
                && wish
                    .host_ip
                    .is_none_or(|ip| ip.is_unspecified() || ip == binding.host_ip)
        })
    };
    let gone = bound
        .iter()
        .filter(|binding| is_named(before, binding) && !is_named(after, binding));
    gone.copied().collect()
}

impl Engine {
    /// Publishes what `record` says of a running container, in place; what is published already stays. All is as before when
    /// that fails. [`Engine::note_places`] is owed once the record is stored.
    pub(crate) async fn republish(&self, container: &Arc<Container>, record: &ContainerRecord) -> Result<()> {
        let held: Vec<Lease> = container.state().leases().cloned().collect();
        if held.is_empty() {
            return Ok(());
        }
        let requests = ports::requests(&record.config, &record.host_config)?;
        self.note_places(container, Outlook::Changing)?;
        let ordered = self.in_gateway_order(record, &held);
        let before = {
            let present = container.state().record.clone();
            ports::requests(&present.config, &present.host_config)?
        };
        let bound: Vec<_> = held.iter().flat_map(|lease| &lease.ports).copied().collect();
        let gone = given_up(&before, &requests, &bound);
        let changed = self
            .publish_ports(container, record, &ordered, &requests, &gone)
            .await;
        if changed.is_err() {
            self.note_places(container, Outlook::Settled)?;
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(ip: &str, port: &str) -> PortBinding {
        PortBinding {
            host_ip: ip.to_owned(),
            host_port: port.to_owned(),
        }
    }

    fn map(ports: &[(&str, &[(&str, &str)])]) -> PortMap {
        let list = |wishes: &[(&str, &str)]| wishes.iter().map(|(ip, port)| binding(ip, port)).collect();
        ports
            .iter()
            .map(|(port, wishes)| ((*port).to_owned(), Some(list(wishes))))
            .collect()
    }

    fn bound(container_port: u16, host_port: u16) -> corten_network::PortBinding {
        corten_network::PortBinding {
            proto: corten_network::Proto::Tcp,
            host_ip: std::net::Ipv4Addr::UNSPECIFIED.into(),
            host_port,
            container_port,
        }
    }

    /// What becomes of `before`.
    fn changed(
        before: PortMap,
        add: PortMap,
        remove: PortMap,
        bound: &[corten_network::PortBinding],
    ) -> std::result::Result<PortMap, String> {
        let mut config = ContainerConfig::default();
        let mut host = HostConfig {
            port_bindings: Some(before),
            ..HostConfig::default()
        };
        Changes { add, remove }
            .apply_to(&mut config, &mut host, bound, "box")
            .map_err(|error| error.to_string())?;
        Ok(host.port_bindings.unwrap())
    }

    #[test]
    fn ports_come_and_go() {
        let web = || map(&[("80/tcp", &[("", "8080")])]);
        let none = PortMap::new;
        let both = map(&[("80/tcp", &[("", "8080"), ("127.0.0.1", "9090")])]);
        assert_eq!(
            changed(web(), map(&[("80", &[("127.0.0.1", "9090")])]), none(), &[]).unwrap(),
            both
        );
        assert_eq!(
            changed(both.clone(), none(), map(&[("80/tcp", &[("", "9090")])]), &[]).unwrap(),
            web()
        );
        assert_eq!(
            changed(both, none(), map(&[("80/tcp", &[])]), &[]).unwrap(),
            none()
        );
        // One for another, of the same port of the host.
        assert_eq!(
            changed(web(), map(&[("81/tcp", &[("", "8080")])]), web(), &[]).unwrap(),
            map(&[("81/tcp", &[("", "8080")])])
        );
    }

    #[test]
    fn one_family_can_be_taken_away() {
        let web = || map(&[("80/tcp", &[("", "8080")])]);
        let gone = || map(&[("80/tcp", &[("0.0.0.0", "8080")])]);
        let four = bound(80, 8080);
        let six = corten_network::PortBinding {
            host_ip: std::net::Ipv6Addr::UNSPECIFIED.into(),
            ..four
        };
        let none = PortMap::new;
        assert_eq!(changed(web(), none(), gone(), &[four]).unwrap(), none());
        assert_eq!(
            changed(web(), none(), gone(), &[four, six]).unwrap(),
            map(&[("80/tcp", &[("::", "8080")])])
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let web = || map(&[("80/tcp", &[("", "8080")])]);
        let none = PortMap::new;
        for gone in [map(&[("81/tcp", &[])]), map(&[("80/udp", &[])])] {
            let port = gone.keys().next().unwrap().clone();
            assert_eq!(
                changed(web(), none(), gone, &[]).unwrap_err(),
                format!("No public port '{port}' published for box")
            );
        }
        for (ip, host_port, named) in [("", "1", "1->"), ("::1", "8080", "::1:8080->")] {
            let gone = map(&[("80/tcp", &[(ip, host_port)])]);
            assert_eq!(
                changed(web(), none(), gone, &[]).unwrap_err(),
                format!("No public port '{named}80/tcp' published for box")
            );
        }
        for more in [
            map(&[("81/tcp", &[("", "8080")])]),
            map(&[("80/tcp", &[("10.0.0.1", "8080")])]),
        ] {
            let refused = changed(web(), more, none(), &[]).unwrap_err();
            assert!(
                refused.ends_with(":8080 failed: port is already allocated"),
                "{refused}"
            );
        }
        assert!(changed(web(), map(&[("80/udp", &[("", "8080")])]), none(), &[]).is_ok());
        assert!(changed(web(), map(&[("x/tcp", &[])]), none(), &[]).is_err());
    }

    #[test]
    fn a_port_that_the_engine_chose_can_be_named() {
        let open = map(&[("80/tcp", &[("", ""), ("", "0"), ("", "8080")])]);
        let bound = [bound(80, 32768), bound(80, 32769), bound(80, 8080)];
        let gone = map(&[("80/tcp", &[("", "32769")])]);
        assert_eq!(
            changed(open, PortMap::new(), gone, &bound).unwrap(),
            map(&[("80/tcp", &[("", "8080"), ("", "32768")])])
        );
    }

    #[test]
    fn a_port_that_is_named_no_more_is_given_up() {
        let wish = |ip: Option<&str>, host_port| PortRequest {
            proto: corten_network::Proto::Tcp,
            container_port: 80,
            host_ip: ip.map(|ip| ip.parse().unwrap()),
            host_port,
        };
        let open = wish(None, HostPort::Any);
        let fixed = wish(None, HostPort::Fixed(8080));
        let both = [bound(80, 8080), bound(80, 32768)];
        assert_eq!(given_up(&[fixed, open], &[open], &both), [bound(80, 8080)]);
        assert_eq!(given_up(&[fixed, open], &[fixed], &both), []);
        assert_eq!(given_up(&[open], &[], &both), []);
        let range = wish(None, HostPort::Range(8080, 8085));
        assert_eq!(given_up(&[fixed, range], &[range], &both), [bound(80, 8080)]);
        // Of the loopback alone from now on.
        let near = wish(Some("127.0.0.1"), HostPort::Fixed(8080));
        assert_eq!(given_up(&[fixed], &[near], &both), [bound(80, 8080)]);
    }

    #[test]
    fn all_but_one() {
        let mut config = ContainerConfig::default();
        for port in ["80/tcp", "443/tcp"] {
            config.exposed_ports.entry(port.to_owned()).or_default();
        }
        let mut host = HostConfig {
            publish_all_ports: true,
            ..HostConfig::default()
        };
        let changes = Changes {
            remove: map(&[("80/tcp", &[])]),
            ..Changes::default()
        };
        changes.apply_to(&mut config, &mut host, &[], "box").unwrap();
        assert_eq!(host.port_bindings.unwrap(), map(&[("443/tcp", &[("", "")])]));
        assert!(!host.publish_all_ports);
    }
}
