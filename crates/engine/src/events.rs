//! The engine's events: told to everyone who listens, the recent ones kept for those who come late.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use corten_wire::{Event, EventActor};
use tokio::sync::broadcast;

use crate::clock::now_ns;

/// How many past events are kept (Docker keeps 256).
const KEPT: usize = 256;
/// How far a listener may lag behind before it misses events.
const BACKLOG: usize = 4096;

/// All events of one daemon's life.
#[derive(Debug)]
pub struct EventLog {
    recent: Mutex<VecDeque<Event>>,
    live: broadcast::Sender<Event>,
}

impl Default for EventLog {
    fn default() -> Self {
        Self {
            recent: Mutex::new(VecDeque::with_capacity(KEPT)),
            live: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl EventLog {
    /// Records an event of now and tells all listeners.
    pub fn publish(&self, r#type: &str, action: &str, id: &str, attributes: BTreeMap<String, String>) {
        let time_nano = now_ns();
        let event = Event {
            r#type: r#type.to_owned(),
            action: action.to_owned(),
            actor: EventActor {
                id: id.to_owned(),
                attributes,
            },
            scope: "local".to_owned(),
            time: time_nano / 1_000_000_000,
            time_nano,
            ..Event::default()
        };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(event.clone());
        // Sent under the lock, so that `subscribe` misses and doubles nothing. Nobody listening is fine.
        let _listeners = self.live.send(event);
    }

    /// Events kept since `since_ns` (none when `None`), and all that follow.
    pub fn subscribe(&self, since_ns: Option<i64>) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let past = match since_ns {
            Some(since) => recent
                .iter()
                .filter(|event| event.time_nano >= since)
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        (past, self.live.subscribe())
    }

    /// How many listen now.
    pub fn listeners(&self) -> usize {
        self.live.receiver_count()
    }
}
