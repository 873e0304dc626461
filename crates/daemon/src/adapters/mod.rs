//! The API's traits, answered by the engine: translation only.

mod containers;
mod exec;
mod housekeeping;
mod images;
mod networks;
mod streams;
mod system;
mod volumes;

use std::sync::Arc;

pub(crate) use system::release;

use corten_api::ApiError;
use corten_api::backend::Backend;
use corten_engine::Engine;

use crate::live::Shared;
use crate::settings::Settings;

/// All calls of the API, served by `engine`.
pub(crate) fn backend(
    engine: &Arc<Engine>,
    settings: &Settings,
    live: Shared,
    commit: &'static str,
) -> Backend {
    Backend {
        system: Arc::new(system::System::new(engine.clone(), settings, live, commit)),
        containers: Arc::new(containers::Containers {
            engine: engine.clone(),
        }),
        exec: Arc::new(exec::Exec {
            engine: engine.clone(),
        }),
        images: Arc::new(images::ImagesAdapter {
            engine: engine.clone(),
        }),
        volumes: Arc::new(volumes::VolumesAdapter {
            engine: engine.clone(),
        }),
        networks: Arc::new(networks::Networks {
            engine: engine.clone(),
        }),
        housekeeping: Arc::new(housekeeping::Housekeeping {
            engine: engine.clone(),
        }),
    }
}

/// An engine's error as the API tells it.
pub(crate) fn refuse(error: corten_engine::Error) -> ApiError {
    ApiError::new(error.kind(), error.to_string())
}
