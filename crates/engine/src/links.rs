//! `--link` on the default bridge: a container knows another one by an alias, through variables and its `/etc/hosts`. On networks of
//! users a link is only a name, see [`crate::names_on_networks`].
//!
//! A link is recorded with the container it was given to, and names the other one by identifier; when that one is removed, the
//! link is as good as gone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use corten_network::Lease;
use corten_types::ContainerId;
use corten_wire::{HostConfig, PortSet};

use crate::container::Container;
use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::hosts_file::{with_lines, without_alias};
use crate::network_mode::NetworkMode;
use crate::places::BRIDGE;
use crate::record::{ContainerRecord, EndpointWish, LinkRecord};

/// Deepest nesting of `--network container:` followed to find who has an address.
const MAX_JOINS: usize = 16;
const HOST_CONFLICT: &str = "conflicting options: host type networking can't be used with links. This would result in undefined behavior";

/// Takes the links out of a request. They are kept by identifier and shown anew by each `inspect`.
pub(crate) fn resolve(engine: &Engine, host: &mut HostConfig) -> Result<Vec<LinkRecord>> {
    let texts = host.links.take().unwrap_or_default();
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    match NetworkMode::parse(&host.network_mode, engine)? {
        NetworkMode::Host => return Err(Error::Invalid(HOST_CONFLICT.to_owned())),
        NetworkMode::Container(_) => {
            return Err(Error::Invalid(
                "conflicting options: container type network can't be used with links. This would result in undefined \
                 behavior"
                    .to_owned(),
            ));
        }
        // There the endpoint's links count.
        NetworkMode::Own(_) => return Ok(Vec::new()),
        NetworkMode::Bridge | NetworkMode::None => {}
    }
    texts.iter().map(|text| resolve_one(engine, text)).collect()
}

fn resolve_one(engine: &Engine, text: &str) -> Result<LinkRecord> {
    let (name, alias) = parse(text)?;
    let missing = |error: Error| Error::Invalid(format!("could not get container for {name}: {error}"));
    let mut child = engine.containers.find(name).map_err(missing)?;
    for _ in 0..MAX_JOINS {
        let record = child.state().record.clone();
        match NetworkMode::of(&record, engine).map_err(missing)? {
            NetworkMode::Container(other) => child = other,
            NetworkMode::Host => return Err(Error::Invalid(HOST_CONFLICT.to_owned())),
            NetworkMode::Bridge | NetworkMode::Own(_) | NetworkMode::None => break,
        }
    }
    Ok(LinkRecord {
        child: child.id().clone(),
        alias: alias.to_owned(),
    })
}

/// `name`, `name:alias`, or what `inspect` shows, `/name:/parent/alias`.
pub(crate) fn parse(text: &str) -> Result<(&str, &str)> {
    let invalid = || Error::Invalid(format!("invalid format for links: {}", text.escape_debug()));
    let mut parts = text.split(':');
    let (name, alias, more) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    // What is a line of hosts must not become two.
    if name.is_empty() || alias == Some("") || more.is_some() || text.contains(char::is_control) {
        return Err(invalid());
    }
    let alias = alias.unwrap_or(name);
    let alias = alias.rsplit('/').next().unwrap_or(alias);
    Ok((name.trim_start_matches('/'), alias))
}

/// The containers linked to, as far as they are still there, by alias.
fn children<'a>(
    engine: &'a Engine,
    record: &'a ContainerRecord,
) -> impl Iterator<Item = (&'a str, Arc<Container>)> {
    record
        .links
        .iter()
        .filter_map(|link| Some((link.alias.as_str(), engine.containers.get(&link.child)?)))
}

/// The containers that `network connect --link` gives words for on the default bridge, as far as they are there, by alias.
fn further_children(engine: &Engine, record: &ContainerRecord) -> Vec<(String, Arc<Container>)> {
    let on_bridge = |wish: &&EndpointWish| record.network_key(wish) == BRIDGE;
    let links = record.wishes().filter(on_bridge).flat_map(|wish| &wish.links);
    let links = links.filter_map(|text| parse(text).ok());
    links
        .filter_map(|(name, alias)| Some((alias.to_owned(), engine.containers.find(name).ok()?)))
        .collect()
}

/// Links as `inspect` shows them; none is `null`.
pub(crate) fn shown(engine: &Engine, record: &ContainerRecord) -> Option<Vec<String>> {
    let show = |(alias, child): (&str, Arc<Container>)| {
        format!("/{}:/{}/{alias}", child.state().name(), record.name)
    };
    let links: Vec<String> = children(engine, record).map(show).collect();
    (!links.is_empty()).then_some(links)
}

/// The names that containers have through links of others, by the identifier of the one that is meant.
pub(crate) fn linked_names(engine: &Engine) -> HashMap<ContainerId, Vec<String>> {
    let mut names: HashMap<_, Vec<_>> = HashMap::new();
    for parent in engine.containers.all() {
        let state = parent.state();
        for link in &state.record.links {
            let name = format!("/{}/{}", state.name(), link.alias);
            names.entry(link.child.clone()).or_default().push(name);
        }
    }
    names
}

/// The variables that tell a container of those it is linked to.
///
/// # Errors
/// When one of them does not run, or has no address on the bridge.
pub(crate) fn environment(engine: &Engine, record: &ContainerRecord) -> Result<Vec<String>> {
    let mut variables = Vec::new();
    if record.host_config.network_mode != "bridge" {
        return Ok(variables);
    }
    for (alias, child) in children(engine, record) {
        let state = child.state();
        if state.sandbox.is_none() {
            return Err(Error::Failed(format!(
                "Cannot link to a non running container: /{} AS /{}/{alias}",
                state.name(),
                record.name
            )));
        }
        let Some(lease) = state.leases().find(|lease| engine.own_of(lease).is_none()) else {
            return Err(Error::Failed(format!(
                "container {} not attached to default bridge network",
                child.id()
            )));
        };
        let config = &state.record.config;
        let env = config.env.as_deref().unwrap_or_default();
        let address = lease
            .address
            .map_or_else(String::new, |address| address.to_string());
        variables.extend(variables_of(
            &record.name,
            alias,
            &address,
            &config.exposed_ports,
            env,
        ));
    }
    Ok(variables)
}

/// The variables of one link (Docker's `links.EnvVars`).
fn variables_of(parent: &str, alias: &str, address: &str, exposed: &PortSet, env: &[String]) -> Vec<String> {
    let prefix = alias.to_uppercase().replace('-', "_");
    let mut ports: Vec<(u16, &str)> = exposed
        .keys()
        .filter_map(|port| {
            let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            Some((number.parse().ok()?, protocol))
        })
        .collect();
    // Of two protocols of one port, TCP goes first.
    ports.sort_by_key(|(number, protocol)| (*number, *protocol != "tcp"));
    let name =
        |(number, protocol): (u16, &str)| format!("{prefix}_PORT_{number}_{}", protocol.to_uppercase());
    let url = |(number, protocol): (u16, &str)| format!("{protocol}://{address}:{number}");
    let mut all = Vec::new();
    if let Some(first) = ports.first() {
        all.push(format!("{prefix}_PORT={}", url(*first)));
    }
    let mut at = 0;
    while at < ports.len() {
        let run = ports[at..]
            .windows(2)
            .take_while(|pair| pair[1].0 <= pair[0].0.saturating_add(1))
            .count();
        if run > 1 {
            let (first, last) = (ports[at], ports[at + run]);
            let start = name(first);
            all.push(format!("{start}_START={}", url(first)));
            all.push(format!("{start}_ADDR={address}"));
            all.push(format!("{start}_PROTO={}", first.1));
            all.push(format!("{start}_PORT_START={}", first.0));
            let end = format!("{prefix}_PORT_{}_{}", first.0, last.1.to_uppercase());
            all.push(format!("{end}_END={}", url(last)));
            all.push(format!("{end}_PORT_END={}", last.0));
            at += run + 1;
        } else {
            at += 1;
        }
    }
    for port in ports {
        let name = name(port);
        all.push(format!("{name}={}", url(port)));
        all.push(format!("{name}_ADDR={address}"));
        all.push(format!("{name}_PORT={}", port.0));
        all.push(format!("{name}_PROTO={}", port.1));
    }
    all.push(format!("{prefix}_NAME=/{parent}/{alias}"));
    for entry in env {
        match entry.split_once('=') {
            // Of every container, and of no use to another.
            Some(("HOME" | "PATH", _)) | None => {}
            Some((key, value)) => all.push(format!("{prefix}_ENV_{key}={value}")),
        }
    }
    all
}

/// The lines of `/etc/hosts` that links of a container on the default bridge bring: alias, host name and name of each container
/// linked to, with its address.
pub(crate) fn hosts(engine: &Engine, record: &ContainerRecord) -> Vec<(String, IpAddr)> {
    let own = children(engine, record).map(|(alias, child)| (alias.to_owned(), child));
    let linked = own.chain(further_children(engine, record));
    linked
        .filter_map(|(alias, child)| {
            let state = child.state();
            let mut leases = state.leases().filter(|lease| engine.own_of(lease).is_none());
            Some((names(&alias, &state.record), leases.next()?.address?.into()))
        })
        .collect()
}

/// What follows the address in such a line.
fn names(alias: &str, child: &ContainerRecord) -> String {
    let mut names = format!("{alias} {}", crate::options::hostname(child));
    if alias != child.name {
        names.push(' ');
        names.push_str(&child.name);
    }
    names
}

impl Engine {
    /// Tells running containers that are linked to this one, which has just come to this place, where it is now. Only on the default
    /// bridge; on networks of users, names are asked for.
    pub(crate) fn tell_linked(&self, child: &ContainerRecord, lease: &Lease) {
        let Some(address) = lease.address.filter(|_| self.own_of(lease).is_none()) else {
            return;
        };
        for parent in self.containers.all() {
            let record = {
                let state = parent.state();
                let mut leases = state.leases();
                let record = &state.record;
                let may_be_linked = record.links.iter().any(|link| link.child == child.id)
                    || record.wishes().any(|wish| !wish.links.is_empty());
                if state.sandbox.is_none()
                    || !may_be_linked
                    || leases.all(|lease| self.own_of(lease).is_some())
                {
                    continue;
                }
                record.clone()
            };
            let own = record.links.iter().filter(|link| link.child == child.id);
            let own = own.map(|link| link.alias.clone());
            let further = further_children(self, &record).into_iter();
            let further = further.filter(|(_, other)| *other.id() == child.id);
            for alias in own.chain(further.map(|(alias, _)| alias)) {
                let line = format!("{address}\t{}\n", names(&alias, child));
                self.rewrite_hosts(&record.id, |text| with_lines(without_alias(text, &alias), &line));
            }
        }
    }

    /// Writes the links of a container that has just come to the default bridge into its `/etc/hosts`.
    pub(crate) fn write_links(&self, record: &ContainerRecord) {
        for (names, address) in hosts(self, record) {
            let alias = names.split(' ').next().unwrap_or_default().to_owned();
            let line = format!("{address}\t{names}\n");
            self.rewrite_hosts(&record.id, |text| with_lines(without_alias(text, &alias), &line));
        }
    }

    /// Takes those out that `network connect --link` gave it: it leaves the default bridge.
    pub(crate) fn erase_links(&self, record: &ContainerRecord) {
        for (alias, _) in further_children(self, record) {
            self.rewrite_hosts(&record.id, |text| without_alias(text, &alias));
        }
    }

    /// Takes a link away: `rm --link parent/alias`. The container linked to stays.
    ///
    /// # Errors
    /// When there is no such link.
    pub async fn remove_link(self: &Arc<Self>, name: &str) -> Result<()> {
        let child = self.containers.find(name)?;
        let plain = name.trim_start_matches('/');
        let Some((parent, alias)) = plain.split_once('/') else {
            return Err(Error::Failed(
                "Conflict, cannot remove the default link name of the container".to_owned(),
            ));
        };
        let parent = self.containers.find(parent)?;
        let (engine, alias) = (self.clone(), alias.to_owned());
        to_its_end(async move {
            let _operation = parent.operation.lock().await;
            let before = parent.state().record.links.clone();
            parent
                .state()
                .record
                .links
                .retain(|link| link.alias != alias || link.child != *child.id());
            if let Err(error) = engine.store(&parent).await {
                parent.state().record.links = before;
                return Err(error);
            }
            engine.rewrite_hosts(parent.id(), |text| without_alias(text, &alias));
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read() {
        assert_eq!(parse("db").unwrap(), ("db", "db"));
        assert_eq!(parse("db:store").unwrap(), ("db", "store"));
        assert_eq!(parse("/db:/web/store").unwrap(), ("db", "store"));
        for bad in ["", ":a", "a:", "a:b:c"] {
            assert_eq!(
                parse(bad).unwrap_err().to_string(),
                format!("invalid format for links: {bad}")
            );
        }
    }

    #[test]
    fn variables_are_dockers() {
        let ports = |list: &[&str]| {
            list.iter()
                .map(|p| ((*p).to_owned(), Default::default()))
                .collect()
        };
        let env = ["PATH=/x", "PASSWORD=a=b", "bare"].map(str::to_owned);
        assert_eq!(
            variables_of("web", "db-1", "172.17.0.2", &ports(&["5432/tcp", "53/udp"]), &env),
            [
                "DB_1_PORT=udp://172.17.0.2:53",
                "DB_1_PORT_53_UDP=udp://172.17.0.2:53",
                "DB_1_PORT_53_UDP_ADDR=172.17.0.2",
                "DB_1_PORT_53_UDP_PORT=53",
                "DB_1_PORT_53_UDP_PROTO=udp",
                "DB_1_PORT_5432_TCP=tcp://172.17.0.2:5432",
                "DB_1_PORT_5432_TCP_ADDR=172.17.0.2",
                "DB_1_PORT_5432_TCP_PORT=5432",
                "DB_1_PORT_5432_TCP_PROTO=tcp",
                "DB_1_NAME=/web/db-1",
                "DB_1_ENV_PASSWORD=a=b",
            ]
        );
        let runs = variables_of(
            "web",
            "db",
            "1.2.3.4",
            &ports(&["80/tcp", "81/tcp", "82/tcp"]),
            &[],
        );
        assert!(runs.contains(&"DB_PORT_80_TCP_START=tcp://1.2.3.4:80".to_owned()));
        assert!(
            runs.contains(&"DB_PORT_80_TCP_PORT_END=82".to_owned()),
            "{runs:?}"
        );
    }
}
