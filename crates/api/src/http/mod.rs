//! Reads requests and writes answers the way dockerd does.

mod answer;
mod body;
mod params;
mod timestamp;

pub(crate) use answer::{empty, error_response, json, json_lines, progress, stream};
pub(crate) use body::{read_bytes, read_json, require_json};
pub(crate) use params::Params;
