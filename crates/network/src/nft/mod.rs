//! nf_tables spoken directly: transactions, expressions, the tables a daemon owns, the one rule it puts into others' chains,
//! and a small table in containers with a name server.
//!
//! Of what is not the daemon's own, only chains on the forward hook are looked at, and only that rule is written.

mod batch;
mod chain;
mod detour;
mod element;
mod expr;
mod family;
mod foreign;
mod policy;
mod ruleset;
mod set;
mod table;

pub(crate) use detour::detour;
pub(crate) use element::Element;
pub(crate) use family::{Family, FirewallFamilies};
pub(crate) use foreign::{Foreign, Looked};
pub(crate) use policy::Policy;
pub(crate) use set::Set;
pub(crate) use table::Tables;
