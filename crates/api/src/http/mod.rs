//! Reads requests and writes answers the way dockerd does.

mod answer;
mod body;
mod params;
mod timestamp;

pub(crate) use answer::{
    bytes, empty, error_response, failed_progress, json, json_lines, json_list, log_failure, progress, stream,
};
pub(crate) use body::{has_body, read_json, read_whole, require_json, upload};
pub(crate) use params::Params;
