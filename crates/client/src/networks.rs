//! Calls on networks.

use bytes::Bytes;
use corten_wire::{
    Network, NetworkConnectRequest, NetworkCreateRequest, NetworkCreated, NetworkDisconnectRequest,
};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters};

/// # Errors
/// As for containers.
impl Client {
    /// Lists networks.
    pub async fn list_networks(&self, filters: &Filters) -> Result<Vec<Network>, Error> {
        self.json(Call::get(Target::new("/networks").with_filters(filters)))
            .await
    }

    /// Everything about a network, as the engine wrote it.
    pub async fn inspect_network_raw(&self, name: &str, verbose: bool) -> Result<Bytes, Error> {
        let target = Target::of("networks", name, "").with_flag("verbose", verbose);
        self.bytes(Call::get(target)).await
    }

    /// Makes a network.
    pub async fn create_network(&self, wanted: &NetworkCreateRequest) -> Result<NetworkCreated, Error> {
        self.json(Call::post(Target::new("/networks/create")).with_json(wanted)?)
            .await
    }

    /// Removes a network.
    pub async fn remove_network(&self, name: &str) -> Result<(), Error> {
        self.done(Call::delete(Target::of("networks", name, ""))).await
    }

    /// Puts a container on a network.
    pub async fn connect_network(&self, name: &str, wanted: &NetworkConnectRequest) -> Result<(), Error> {
        self.done(Call::post(Target::of("networks", name, "/connect")).with_json(wanted)?)
            .await
    }

    /// Takes a container off a network.
    pub async fn disconnect_network(
        &self,
        name: &str,
        wanted: &NetworkDisconnectRequest,
    ) -> Result<(), Error> {
        self.done(Call::post(Target::of("networks", name, "/disconnect")).with_json(wanted)?)
            .await
    }
}
