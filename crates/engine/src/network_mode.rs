//! `--network` read.

use std::sync::Arc;

use crate::container::Container;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Which network a container is in.
pub(crate) enum NetworkMode {
    /// The default bridge.
    Bridge,
    /// The host's own.
    Host,
    /// Loopback only.
    None,
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
                None => Err(Error::NoSuchNetwork(other.to_owned())),
            },
        }
    }
}
