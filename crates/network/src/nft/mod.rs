//! nf_tables spoken directly: transactions, expressions, the one table a daemon owns, and a small one in
//! containers with a name server.
//!
//! Only the tables of their owner are ever written; other tables are never looked at.

mod batch;
mod chain;
mod detour;
mod element;
mod expr;
mod ruleset;
mod set;
mod table;

pub(crate) use detour::detour;
pub(crate) use element::Element;
pub(crate) use set::{FirewallFamilies, Set};
pub(crate) use table::Table;
