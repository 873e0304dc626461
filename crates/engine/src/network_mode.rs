//! `--network` read.

use std::sync::Arc;

use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::own_networks::NetworkRecord;
use crate::record::ContainerRecord;

/// Which network a container is in.
pub(crate) enum NetworkMode {
    /// The default bridge.
    Bridge,
    /// The host's own.
    Host,
    /// Loopback only.
    None,
    /// One that a user has made.
    Own(Arc<NetworkRecord>),
    /// Another container's.
    Container(Arc<Container>),
}

impl NetworkMode {
    /// Reads `text`; `container:X` must name an existing container.
    pub(crate) fn parse(text: &str, engine: &Engine) -> Result<Self> {
        match text {
            "" | "default" | "bridge" => Ok(Self::Bridge),
            "host" => Ok(Self::Host),
            "none" => Ok(Self::None),
            other => match other.strip_prefix("container:") {
                Some("") => Err(Error::Invalid(
                    "Invalid network mode: invalid container format container:<name|id>".to_owned(),
                )),
                Some(name) => engine.containers.find(name).map(Self::Container),
                None => {
                    let own = engine.own_networks.find(other)?;
                    own.map(Self::Own)
                        .ok_or_else(|| Error::NoSuchNetwork(other.to_owned()))
                }
            },
        }
    }

    /// The network of a container that was created on it: another one that has its name since is not meant.
    pub(crate) fn of(record: &ContainerRecord, engine: &Engine) -> Result<Self> {
        match record.endpoint.network.as_str() {
            "" => Self::parse(&record.host_config.network_mode, engine),
            id => {
                let own = engine.own_networks.get(id);
                own.map(Self::Own)
                    .ok_or_else(|| Error::NoSuchNetwork(id.to_owned()))
            }
        }
    }
}
