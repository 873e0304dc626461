//! Connections on which there is no request. A client may open as many as it likes, say nothing or half a head on each, and use up
//! the files the daemon may have open, so that nobody gets in any more and nothing can be started. So there is a most of them, and
//! whichever has been idle the longest makes room: HTTP lets a server close such a connection, and clients know how to open
//! another.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// The idle connections of all listeners of a daemon.
#[derive(Clone)]
pub struct IdleConnections(Arc<Shared>);

struct Shared {
    most: usize,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    next: u64,
    /// In the order in which they became idle.
    since: BTreeMap<u64, CancellationToken>,
}

/// One connection: idle, unless there is a [`Busy`].
pub(crate) struct Place {
    all: IdleConnections,
    displaced: CancellationToken,
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Standing {
    busy: usize,
    /// Among the idle ones.
    number: Option<u64>,
}

/// Keeps a connection from counting as idle.
pub(crate) struct Busy(Arc<Place>);

impl IdleConnections {
    /// None yet, and at most `most`.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            most,
            idle: Mutex::default(),
        }))
    }

    /// A place for a new connection.
    pub(crate) fn place(&self) -> Arc<Place> {
        let place = Place {
            all: self.clone(),
            displaced: CancellationToken::new(),
            standing: Mutex::default(),
        };
        place.begin_idling(&mut locked(&place.standing));
        Arc::new(place)
    }
}

impl Place {
    /// Ready when the connection has to make room for another.
    pub(crate) async fn displaced(&self) {
        self.displaced.cancelled().await;
    }

    /// The connection has something to do; `None` when it has been displaced.
    pub(crate) fn busy(self: &Arc<Self>) -> Option<Busy> {
        let mut standing = locked(&self.standing);
        if let Some(number) = standing.number.take() {
            // Whoever is not in the list any more has been told to go.
            locked(&self.all.0.idle).since.remove(&number)?;
        }
        standing.busy += 1;
        Some(Busy(self.clone()))
    }

    fn begin_idling(&self, standing: &mut Standing) {
        let mut idle = locked(&self.all.0.idle);
        let number = idle.next;
        idle.next += 1;
        idle.since.insert(number, self.displaced.clone());
        standing.number = Some(number);
        if idle.since.len() > self.all.0.most
            && let Some((_, oldest)) = idle.since.pop_first()
        {
            oldest.cancel();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = locked(&self.standing).number {
            locked(&self.all.0.idle).since.remove(&number);
        }
    }
}

impl Busy {
    /// Holds on for as long as `body` is not sent.
    pub(crate) fn with(self, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(AnswerBody { body, _busy: self })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut standing = locked(&self.0.standing);
        standing.busy -= 1;
        if standing.busy == 0 {
            self.0.begin_idling(&mut standing);
        }
    }
}

/// The body of an answer.
struct AnswerBody {
    body: Body,
    _busy: Busy,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Locks; no panic can have left these lists half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(place: &Arc<Place>) -> bool {
        place.displaced.is_cancelled()
    }

    #[test]
    fn the_one_that_has_been_idle_the_longest_makes_room() {
        let all = IdleConnections::new(2);
        let (first, second) = (all.place(), all.place());
        let busy = first.busy().unwrap();
        let again = first.busy().unwrap();
        let third = all.place();
        assert!(!told(&first) && !told(&second) && !told(&third));
        drop(busy);
        assert!(!told(&second), "the first has still something to do");
        drop(again);
        assert!(told(&second) && !told(&first) && !told(&third));
        assert!(second.busy().is_none(), "too late");
        drop(third);
        let _fourth = all.place();
        assert!(!told(&first), "who has gone takes no place");
        let _fifth = all.place();
        assert!(told(&first));
    }

    #[test]
    fn an_answer_keeps_its_connection_busy() {
        let all = IdleConnections::new(0);
        let place = all.place();
        assert!(told(&place), "there is no room at all");
        let all = IdleConnections::new(1);
        let place = all.place();
        let body = place.busy().unwrap().with(Body::from("words"));
        assert_eq!(body.size_hint().exact(), Some(5));
        let other = all.place();
        assert!(!told(&place) && !told(&other));
        drop(body);
        assert!(told(&other));
        // There is nothing to send.
        let body = place.busy().unwrap().with(Body::empty());
        drop(body);
    }
}
