//! `network disconnect`: a container leaves a network, at once if it runs.

use std::sync::Arc;

use corten_wire::NetworkDisconnectRequest;

use crate::engine::{Engine, to_its_end};
use crate::error::{Error, Result};
use crate::lifecycle::Phase;
use crate::network_connect::{Change, OF_HOST, Target, take_places};
use crate::unsettled::Outlook;

impl Engine {
    /// Takes a container off a network.
    ///
    /// # Errors
    /// When there is no such container or network, or the one is not on the other.
    pub async fn network_disconnect(
        self: &Arc<Self>,
        network: &str,
        request: NetworkDisconnectRequest,
    ) -> Result<()> {
        let container = match self.containers.find(&request.container) {
            Err(Error::NoSuchContainer(name)) if request.force => {
                Target::find(self, network)?;
                return Err(Error::NoSuchEndpoint(name));
            }
            found => found?,
        };
        let (engine, network) = (self.clone(), network.to_owned());
        to_its_end(async move {
            let _operation = container.operation.lock().await;
            let change = match Change::begin(&engine, &container, &network) {
                Err(Error::NoSuchNetwork(name))
                    if request.force || container.state().phase != Phase::Running =>
                {
                    return Err(not_connected(&container.id().to_string(), &name));
                }
                begun => begun?,
            };
            if !request.force {
                change.refuse_removed()?;
            }
            let wish = match change.present() {
                // One that rests only forgets it.
                Some(_) if matches!(change.target, Target::Host) && change.phase == Phase::Running => {
                    return Err(Error::Invalid(OF_HOST.to_owned()));
                }
                Some(wish) => wish.clone(),
                None => return Err(change.not_there()),
            };
            let Change {
                target,
                before,
                phase,
            } = change;
            let mut after = before.clone();
            match after.network_key(&after.endpoint) == target.key() {
                true => after.left = true,
                false => after.further.retain(|other| other.network != wish.network),
            }
            let lease = container
                .state()
                .leases()
                .find(|lease| engine.is_on(lease, &wish))
                .cloned();
            let lease = lease.filter(|_| phase == Phase::Running);
            if let Some(lease) = &lease {
                engine.note_places(&container, Outlook::Changing)?;
                if let Err(error) = engine.part(&container, &after, lease).await {
                    return Err(container.failure_of_run(error).await);
                }
            }
            take_places(&mut container.state().record, &after);
            engine.store(&container).await?;
            if lease.is_some() {
                engine.note_places(&container, Outlook::Settled)?;
            }
            engine.publish_place("disconnect", &before, &wish);
            Ok(())
        })
        .await
    }
}

impl Change {
    /// Docker's two ways to say that there is nothing to leave.
    fn not_there(&self) -> Error {
        let (id, network) = (&self.before.id, self.target.name());
        match self.phase {
            Phase::Running => Error::Failed(format!("container {id} is not connected to network {network}")),
            _ => not_connected(id.as_str(), network),
        }
    }
}

/// The second of them, which is also said of networks that are not there.
fn not_connected(id: &str, network: &str) -> Error {
    Error::Failed(format!(
        "container {id} is not connected to the network {network}"
    ))
}
