//! Calls about the engine as a whole.

use std::pin::Pin;

use async_trait::async_trait;
use corten_wire::{Event, Filters, SystemInfo, SystemVersion};
use futures_util::Stream;

use crate::ApiResult;

/// Events as they happen.
pub type EventStream = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// Which events to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventsQuery {
    /// Past events from this time on (Unix nanoseconds); `None` for new ones only.
    pub since: Option<i64>,
    /// The stream ends at this time (Unix nanoseconds), which may be in the future; `None` never.
    pub until: Option<i64>,
    /// Which of them.
    pub filters: Filters,
}

/// The engine as a whole.
#[async_trait]
pub trait SystemApi: Send + Sync {
    /// What the engine is.
    async fn version(&self) -> ApiResult<SystemVersion>;

    /// The engine and its host.
    async fn info(&self) -> ApiResult<SystemInfo>;

    /// Events, oldest first. No event after the return of this call may be missing.
    async fn events(&self, query: EventsQuery) -> ApiResult<EventStream>;
}
