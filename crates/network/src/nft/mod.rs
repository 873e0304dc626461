//! nf_tables spoken directly: transactions, expressions, and the one table this network owns.
//!
//! Only the table named by its owner is ever written; other tables are never looked at.

mod batch;
mod expr;
mod ruleset;
mod table;

pub(crate) use ruleset::Ruleset;
pub(crate) use table::{Forward, Table};
