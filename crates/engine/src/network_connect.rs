//! `network connect`: a container comes to one more network, at once if it runs.

use std::sync::Arc;

use corten_wire::{EndpointSettings, NetworkConnectRequest};

use crate::container::Container;
use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::own_networks::NetworkRecord;
use crate::places::BRIDGE;
use crate::record::{ContainerRecord, EndpointWish};
use crate::unsettled::Outlook;
use crate::{links, own_endpoint, settle};

const SHARED: &str = "container sharing network namespace with another container or host cannot be connected to any other network";
pub(crate) const OF_HOST: &str =
    "container cannot be disconnected from host network or connected to host network";
const PRIVATE: &str =
    "container cannot be connected to multiple networks with one of the networks in private (none) mode";

/// A network that a container comes to or leaves.
pub(crate) enum Target {
    Bridge,
    Host,
    None,
    Own(Arc<NetworkRecord>),
}

impl Target {
    /// The network of that name, identifier or prefix of it.
    pub(crate) fn find(engine: &Engine, text: &str) -> Result<Self> {
        match engine.find_built_in(text) {
            Some(("bridge", _)) => Ok(Self::Bridge),
            Some(("host", _)) => Ok(Self::Host),
            Some(_) => Ok(Self::None),
            None => engine
                .own_networks
                .find(text)?
                .map(Self::Own)
                .ok_or_else(|| Error::NoSuchNetwork(text.to_owned())),
        }
    }

    /// What it is called among all, see [`ContainerRecord::network_key`].
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Bridge => BRIDGE,
            Self::Host => "host",
            Self::None => "none",
            Self::Own(own) => own.id(),
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Own(own) => own.name(),
            built_in => built_in.key(),
        }
    }

    /// What `settings` wish for there.
    pub(crate) fn wish(&self, settings: &EndpointSettings) -> Result<EndpointWish> {
        let mut wish = EndpointWish {
            network: self.key().to_owned(),
            gw_priority: settings.gw_priority,
            ..EndpointWish::default()
        };
        match self {
            Self::Own(own) => own_endpoint::settle(own, settings, &mut wish)?,
            _ => {
                settle::built_in(self.name(), settings, &mut wish)?;
                wish.links = settings.links.clone().unwrap_or_default();
                wish.links
                    .iter()
                    .try_for_each(|link| links::parse(link).map(drop))?;
            }
        }
        Ok(wish)
    }
}

/// A change of a container's networks that is to be made.
pub(crate) struct Change {
    pub(crate) target: Target,
    pub(crate) before: ContainerRecord,
    pub(crate) phase: Phase,
}

impl Change {
    /// Looks at what there is; the container's operation lock is held.
    pub(crate) fn begin(engine: &Engine, container: &Container, network: &str) -> Result<Self> {
        let target = Target::find(engine, network)?;
        let state = container.state();
        Ok(Self {
            target,
            before: state.record.clone(),
            phase: state.phase,
        })
    }

    /// What the container wishes for on the network, if it is on it.
    pub(crate) fn present(&self) -> Option<&EndpointWish> {
        let key = self.target.key();
        self.before
            .wishes()
            .find(|wish| self.before.network_key(wish) == key)
    }

    /// A container about to go has no networks to be changed.
    pub(crate) fn refuse_removed(&self) -> Result<()> {
        match self.phase {
            Phase::Removing | Phase::Dead => Err(Error::Conflict(format!(
                "Container {} is marked for removal and cannot be connected or disconnected to the network",
                self.before.id
            ))),
            _ => Ok(()),
        }
    }

    /// Whether the container can come to the network beside those that it is on.
    fn check(&self) -> Result<()> {
        let mode = self.before.host_config.network_mode.as_str();
        match (&self.target, mode) {
            // Back to where it was created.
            (Target::None, "none") | (Target::Host, "host") if self.before.wishes().next().is_none() => {
                Ok(())
            }
            (target, "none") if self.before.left => check_company(BRIDGE, target),
            (target, mode) => check_company(mode, target),
        }
    }
}

impl Engine {
    /// Puts a container on a network.
    ///
    /// # Errors
    /// When there is no such container or network, the wishes cannot be had, or the two do not go together.
    pub async fn network_connect(
        self: &Arc<Self>,
        network: &str,
        request: NetworkConnectRequest,
    ) -> Result<()> {
        let container = self.containers.find(&request.container)?;
        let settings = request.endpoint_config.unwrap_or_default();
        let (engine, network) = (self.clone(), network.to_owned());
        to_its_end(async move {
            let _operation = container.operation.lock().await;
            let change = Change::begin(&engine, &container, &network)?;
            change.refuse_removed()?;
            let running = change.phase == Phase::Running;
            match change.present() {
                Some(_) if running => {
                    return Err(Error::Forbidden(format!(
                        "endpoint with name {} already exists in network {}",
                        change.before.name,
                        change.target.name()
                    )));
                }
                Some(_) => {}
                None => change.check()?,
            }
            let Change { target, before, .. } = change;
            let wish = target.wish(&settings)?;
            // On these two there is nothing to be plugged in.
            let is_real = running && !matches!(target, Target::None | Target::Host);
            let mut after = before.clone();
            let wish = place(&mut after, wish);
            if is_real {
                engine.note_places(&container, Outlook::Changing)?;
                if let Err(error) = engine.join(&container, &after, &wish).await {
                    engine.note_places(&container, Outlook::Settled)?;
                    return Err(container.failure_of_run(error).await);
                }
            }
            take_places(&mut container.state().record, &after);
            if let Err(error) = engine.store(&container).await {
                take_places(&mut container.state().record, &before);
                let held = container
                    .state()
                    .leases()
                    .find(|lease| engine.is_on(lease, &wish))
                    .cloned();
                if let Some(lease) = held {
                    engine.part(&container, &before, &lease).await?;
                    engine.note_places(&container, Outlook::Settled)?;
                }
                return Err(error);
            }
            if is_real {
                engine.note_places(&container, Outlook::Settled)?;
            }
            if running {
                engine.publish_place("connect", &after, &wish);
            }
            Ok(())
        })
        .await
    }
}

/// Whether a container of this network mode can be on a network.
pub(crate) fn check_company(mode: &str, target: &Target) -> Result<()> {
    let refuse = |sentence: &str| Err(Error::Invalid(sentence.to_owned()));
    match (mode, target) {
        (mode, _) if mode.starts_with("container:") => refuse(SHARED),
        (_, Target::Host) => refuse(OF_HOST),
        ("host", _) => refuse(SHARED),
        ("none", _) | (_, Target::None) => refuse(PRIVATE),
        _ => Ok(()),
    }
}

/// Writes a wish down where it belongs, and returns it as it is there.
fn place(record: &mut ContainerRecord, mut wish: EndpointWish) -> EndpointWish {
    if record.network_key(&record.endpoint) == wish.network {
        wish.network.clone_from(&record.endpoint.network);
        record.endpoint = wish.clone();
        record.left = false;
    } else {
        record.further.retain(|other| other.network != wish.network);
        record.further.push(wish.clone());
    }
    wish
}

/// Takes over the places of a changed record. The rest goes on changing meanwhile.
pub(crate) fn take_places(record: &mut ContainerRecord, from: &ContainerRecord) {
    record.endpoint.clone_from(&from.endpoint);
    record.further.clone_from(&from.further);
    record.left = from.left;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RunNote;

    #[test]
    fn a_wish_is_written_where_it_belongs() {
        let wish = |network: &str, gw_priority| EndpointWish {
            network: network.to_owned(),
            gw_priority,
            ..EndpointWish::default()
        };
        let mut record = crate::fixture::record("box");
        record.host_config.network_mode = "bridge".to_owned();
        place(&mut record, wish("id", 1));
        place(&mut record, wish("id", 2));
        let all = |record: &ContainerRecord| record.wishes().cloned().collect::<Vec<_>>();
        assert_eq!(all(&record), [wish("", 0), wish("id", 2)]);
        record.left = true;
        assert_eq!(all(&record), [wish("id", 2)]);
        // Back on the network that it was created on.
        assert_eq!(place(&mut record, wish(BRIDGE, 3)), wish("", 3));
        assert_eq!(all(&record), [wish("", 3), wish("id", 2)]);
        // Elsewhere the default bridge is one of the others.
        record.endpoint = wish("first", 0);
        record.host_config.network_mode = "first".to_owned();
        place(&mut record, wish(BRIDGE, 0));
        assert_eq!(all(&record), [wish("first", 0), wish("id", 2), wish(BRIDGE, 0)]);
    }

    #[test]
    fn company_is_refused_in_mobys_words() {
        let say =
            |mode: &str, target: &Target| check_company(mode, target).map_err(|error| error.to_string());
        assert_eq!(say("bridge", &Target::Bridge), Ok(()));
        assert_eq!(say("host", &Target::Bridge), Err(SHARED.to_owned()));
        assert_eq!(say("container:x", &Target::Host), Err(SHARED.to_owned()));
        assert_eq!(say("bridge", &Target::Host), Err(OF_HOST.to_owned()));
        assert_eq!(say("none", &Target::Bridge), Err(PRIVATE.to_owned()));
        assert_eq!(say("bridge", &Target::None), Err(PRIVATE.to_owned()));
    }

    /// Of daemons that knew one network for each container.
    #[test]
    fn older_notes_and_records_load() {
        let note: RunNote =
            serde_json::from_str(r#"{"started_at_ns":5,"lease":null,"boot_id":"b","restart_count":1}"#)
                .unwrap();
        assert!(note.leases().next().is_none() && !note.unsettled);
        let record = r#"{"id":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","name":"box",
            "created_at_ns":1790000000000000000,
            "image_id":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","chain":[],
            "image_name":"test/busybox:1","config":{"Hostname":"box","Image":"test/busybox:1"},
            "host_config":{"NetworkMode":"bridge"},"argv":["sh"],"mounts":[],
            "endpoint":{"address":"172.17.0.9","mac":"02:42:ac:11:00:09"},
            "last_run":{"started_at_ns":1,"finished_at_ns":2,"exit_code":3,"oom_killed":false,"error":""}}"#;
        let record: ContainerRecord = serde_json::from_str(record).unwrap();
        let wishes: Vec<&EndpointWish> = record.wishes().collect();
        assert_eq!(wishes.len(), 1);
        assert_eq!(wishes[0].address, Some([172, 17, 0, 9].into()));
        assert_eq!(record.network_key(wishes[0]), BRIDGE);
    }
}
