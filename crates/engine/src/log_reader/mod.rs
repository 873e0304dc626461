//! A container's log read back: which files there are, their entries in either format, and how they are shown.
//!
//! The way of a line is short, since logs are read at the speed of the disk: whole blocks are read, entries are found and decoded
//! in place, and what is shown is collected in batches.

mod batch;
mod entries;
mod files;
mod json_line;
mod local_entry;
mod query;
mod tail;
mod time;

pub(crate) use batch::Batch;
pub(crate) use entries::Entries;
pub(crate) use files::{LogFile, open_all};
pub use query::LogQuery;
pub(crate) use query::{Verdict, show};
pub(crate) use tail::skip_to_tail;
