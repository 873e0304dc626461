//! Calls on the engine as a whole.

use corten_wire::{Event, SystemInfo, SystemVersion};

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters, JsonStream};

/// # Errors
/// As for containers.
impl Client {
    /// Whether the engine answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.done(Call::get(Target::new("/_ping"))).await
    }

    /// Makes sure that the version spoken is one the engine speaks.
    pub async fn negotiate(&self) -> Result<(), Error> {
        self.ping().await
    }

    /// What the engine is.
    pub async fn version(&self) -> Result<SystemVersion, Error> {
        self.json(Call::get(Target::new("/version"))).await
    }

    /// The engine and its host.
    pub async fn info(&self) -> Result<SystemInfo, Error> {
        self.json(Call::get(Target::new("/info"))).await
    }

    /// Events from `since` until `until` (Unix seconds `s.n`; without end when absent).
    pub async fn events(
        &self,
        since: Option<&str>,
        until: Option<&str>,
        filters: &Filters,
    ) -> Result<JsonStream<Event>, Error> {
        let target = Target::new("/events")
            .with_some("since", since)
            .with_some("until", until)
            .with_filters(filters);
        self.json_stream(Call::get(target)).await
    }
}
