//! Names of containers: what is known of them, and the answers to those who ask.
//!
//! Lives here: the two files by which a daemon tells the resolvers of its containers what there is to know (a zone for each
//! network, settings for each container), and the way from a DNS query to an answer. Never here: sockets, files on disk, or
//! what a container is.
//!
//! # Files
//! A zone, as [`write_zone`] makes it and [`Zone::parse`] reads it; aliases may be those of several hosts:
//! ```text
//! network NAME
//! host NAME ADDRESS…
//! alias NAME ADDRESS…
//! ```
//! The settings of a resolver, see [`Settings`]:
//! ```text
//! zone PATH
//! link ALIAS NAME
//! upstream ADDRESS [host]
//! forward
//! ndots
//! ```
//! Lines nobody knows are skipped: a shim may be older than the daemon that writes them.
#![forbid(unsafe_code)]

mod answer;
mod message;
mod settings;
mod zone;

pub use answer::{Names, Reaction, failure, react};
pub use message::{HEADER, LARGEST_QUERY, is_answer};
pub use settings::{Settings, Upstream};
pub use zone::{Host, Zone, write_zone};
