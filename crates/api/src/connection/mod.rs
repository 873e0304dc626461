//! One client's connection: HTTP first, perhaps a bare stream in the end.

mod detach_keys;
mod hijack;
mod http1;
mod idle;
mod peer;
mod readable_path;
mod request_body;
mod request_line;
mod service;
mod socket;
mod stdcopy;
mod transport;
mod web_socket;

pub(crate) use detach_keys::DetachKeys;
pub(crate) use hijack::{Answered, Hijack, Link};
pub(crate) use http1::run;
pub use idle::IdleConnections;
pub(crate) use idle::Place;
pub(crate) use service::{ClientVersion, page_not_found};
pub(crate) use socket::Socket;
pub(crate) use stdcopy::{FRAME_HEADER, frame};
pub(crate) use web_socket::WebSocket;
