//! Which addresses are in use, and which subnets networks are given; pure bookkeeping.

mod addresses;
mod choice;
mod pool;

pub(crate) use addresses::Addresses;
pub(crate) use choice::{Pools, overlap, unique_local};
pub(crate) use pool::AddressPool;
