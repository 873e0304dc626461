//! `network rm`.

use std::sync::Arc;

use corten_network::NetworkError;

use crate::engine::{Engine, blocking, to_its_end};
use crate::error::{Error, Result};
use crate::own_networks::NetworkRecord;

impl Engine {
    /// Removes a network that a user has made and no running container is on.
    ///
    /// # Errors
    /// When there is none, it is one that every engine has, or containers run on it.
    pub async fn network_remove(self: &Arc<Self>, text: &str) -> Result<()> {
        if let Some((name, _)) = self.find_built_in(text) {
            return Err(Error::Forbidden(format!(
                "{name} is a pre-defined network and cannot be removed"
            )));
        }
        let (engine, text) = (self.clone(), text.to_owned());
        to_its_end(async move {
            blocking("remove a network", move || {
                let found = engine.own_networks.find(&text)?;
                engine.remove_network(&*found.ok_or(Error::NoSuchNetwork(text))?)
            })
            .await
        })
        .await
    }

    pub(crate) fn remove_network(&self, network: &NetworkRecord) -> Result<()> {
        let _changing = self.own_networks.changing();
        if self.own_networks.get(network.id()).is_none() {
            return Err(Error::NoSuchNetwork(network.id().to_owned()));
        }
        let is_copied = network.configuration.is_some()
            && self
                .own_networks
                .all()
                .iter()
                .any(|other| other.config_from == network.name());
        if is_copied {
            return Err(Error::Forbidden(format!(
                "error while removing network: configuration network {:?} is in use",
                network.name()
            )));
        }
        self.networks
            .remove(network.id())
            .map_err(|error| self.in_use(network, error))?;
        self.own_networks.remove(&self.metadata, network.id())?;
        self.forget_zone(network.id());
        self.publish_network_itself("destroy", network);
        Ok(())
    }

    /// Docker's sentence with the containers in it.
    fn in_use(&self, network: &NetworkRecord, error: NetworkError) -> Error {
        let NetworkError::ActiveEndpoints { name } = error else {
            return error.into();
        };
        let short = |id: &str| id.chars().take(12).collect::<String>();
        let endpoints: Vec<String> = self
            .network_containers(network.id())
            .values()
            .map(|one| format!("name:{:?} id:{:?}", one.name, short(&one.endpoint_id)))
            .collect();
        // None is left where the last has ended just now, and its interface is on the way out.
        let list = match endpoints.as_slice() {
            [] => String::new(),
            endpoints => format!(" ({})", endpoints.join(", ")),
        };
        Error::Forbidden(format!(
            "error while removing network: network {name} has active endpoints{list}"
        ))
    }
}
