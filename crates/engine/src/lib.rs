//! The container verbs: create, start, stop, kill, exec, attach, logs, wait, inspect, list, remove, and what follows from
//! an end; events; the images, volumes and networks as far as containers are concerned.
//!
//! Lives here: a container's record and states ([`lifecycle`] is the table), Docker's rules for merging, checking and
//! naming, and taking containers over after a restart. Never here: HTTP, namespaces, mounts, netlink, files of images; those
//! are asked of `sandbox`, `network`, `image`, `snapshot` and `volume`.
#![forbid(unsafe_code)]

mod archive;
mod attach;
mod block_io;
mod boot;
mod changes;
mod clock;
mod commit;
mod config_change;
mod container;
mod create;
mod defaults;
mod devices;
mod disk_usage;
mod engine;
mod error;
mod event_filter;
mod events;
mod exec;
mod exit;
mod export;
#[cfg(test)]
mod fixture;
mod health;
mod image_save;
mod images;
mod in_parallel;
mod inspect;
pub mod lifecycle;
mod links;
mod list;
mod list_filter;
mod log_options;
mod log_reader;
mod log_tag;
mod logs;
mod mount_modes;
mod mount_travel;
mod mounts;
mod names;
mod namespace_modes;
mod network_files;
mod network_mode;
mod networks;
mod options;
mod own_thread;
mod pause;
mod ports;
mod probes;
mod process_table;
mod prune;
mod prune_filter;
mod record;
mod refusals;
mod registry;
mod remove;
mod resources;
mod restart_policy;
mod restarts;
mod restore;
mod security;
mod settle;
mod signal;
mod start;
mod stats;
mod stop;
mod system;
mod top;
mod unsupported;
mod update;
mod view;
mod volume_archive;
mod volume_claims;
mod volume_use;
mod volumes;
mod wait;

pub use archive::PutArchive;
pub use attach::Attachment;
pub use boot::boot_id;
pub use clock::{now_ns, rfc3339};
pub use commit::{CommitOptions, ImportOptions};
pub use corten_archive::{ByteStream, Cancel};
pub use create::CreatedContainer;
pub use defaults::Defaults;
pub use disk_usage::DiskUsageWish;
pub use engine::{Engine, EngineConfig, Parts};
pub use error::{Error, Result};
pub use event_filter::EventFilter;
pub use events::EventLog;
pub use exec::AttachedExec;
pub use images::{ImageQuery, Pulled};
pub use list::ListQuery;
pub use log_reader::LogQuery;
pub use logs::LogStream;
pub use own_thread::on_own_thread;
pub use stats::StatsWatch;
pub use system::Counts;
pub use wait::WaitFor;
