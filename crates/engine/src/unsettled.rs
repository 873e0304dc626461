//! Networks of containers that a killed daemon was changing: what is noted of that, and how it ends.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use corten_network::Lease;

use crate::container::Container;
use crate::engine::{Engine, blocking};
use crate::error::Result;
use crate::hosts_file::with_lines;
use crate::network_files;
use crate::places::BRIDGE;
use crate::record::RunNote;
use crate::rewire::{duplicate, leases, namespace};

/// What is to be noted of a container's places besides themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook<'a> {
    /// They are what the record asks for.
    Settled,
    /// They, or the published ports, are about to change.
    Changing,
    /// The same; and the interface of this endpoint is being made.
    Making(&'a str),
}

impl Engine {
    /// Notes the places of a running container, and whether they are about to change.
    pub(crate) fn note_places(&self, container: &Arc<Container>, outlook: Outlook<'_>) -> Result<()> {
        let note = {
            let state = container.state();
            if state.sandbox.is_none() {
                return Ok(());
            }
            RunNote {
                started_at_ns: state.record.last_run.as_ref().map_or(0, |run| run.started_at_ns),
                lease: state.lease.clone(),
                further: state.further.clone(),
                boot_id: Some(self.boot_id.clone()),
                restart_count: state.record.restart_count,
                unsettled: outlook != Outlook::Settled,
                making: match outlook {
                    Outlook::Making(endpoint) => Some(endpoint.to_owned()),
                    Outlook::Settled | Outlook::Changing => None,
                },
            }
        };
        Ok(self.sandboxes.note(container.id(), &note)?)
    }

    /// Ends a change of networks or ports that the daemon before this one was killed in: the record says what it shall be. An
    /// interface that was being made (`making`, by its endpoint) may be half of one.
    pub(crate) async fn settle_networks(&self, container: &Arc<Container>, making: Option<&str>) {
        if let Err(error) = self.settle(container, making).await {
            tracing::warn!(%error, id = %container.id(), "cannot bring a container's networks in order");
        }
    }

    async fn settle(&self, container: &Arc<Container>, making: Option<&str>) -> Result<()> {
        let record = container.state().record.clone();
        let netns = namespace(container).await?;
        for lease in leases(container) {
            let is_wanted = self.wish_of(&record, &lease).is_some();
            let may_be_half = making == Some(lease.endpoint_id.as_str());
            if !is_wanted || may_be_half || !self.is_plugged(&lease, &netns).await? {
                self.unplug(container, &record, &lease, &netns).await?;
            }
        }
        for wish in record.wishes() {
            let is_held = leases(container).iter().any(|lease| self.is_on(lease, wish));
            let key = record.network_key(wish);
            let can_be = key == BRIDGE || self.own_networks.get(key).is_some();
            if can_be && !is_held {
                self.plug(container, &record, wish, &netns).await?;
            }
        }
        let held = leases(container);
        for lease in &held {
            let lines = network_files::own_lines(&record, lease);
            self.rewrite_hosts(&record.id, |text| with_lines(text.to_vec(), &lines));
        }
        // How far names had come is not known: they are begun anew.
        let was_own = !self.is_on_own(&held);
        self.follow(container, &record, &netns, was_own).await?;
        self.republish(container, &record).await?;
        self.note_places(container, Outlook::Settled)
    }

    async fn is_plugged(&self, lease: &Lease, netns: &OwnedFd) -> Result<bool> {
        let (networks, place, inside) = (self.networks.clone(), lease.clone(), duplicate(netns)?);
        blocking("look for an interface", move || {
            Ok(networks.is_connected(&place, inside.as_fd())?)
        })
        .await
    }
}
