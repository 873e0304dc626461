//! nf_tables spoken directly: transactions, expressions, and the one table a daemon owns.
//!
//! Only the table named by its owner is ever written; other tables are never looked at.

mod batch;
mod element;
mod expr;
mod ruleset;
mod set;
mod table;

pub(crate) use element::Element;
pub(crate) use set::{FirewallFamilies, Set};
pub(crate) use table::Table;
