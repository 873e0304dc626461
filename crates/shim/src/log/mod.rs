//! A container's log in the format of Docker's `json-file` driver.

mod encode;
mod json_file;
mod splitter;
mod timestamp;

pub use json_file::JsonFile;
pub use timestamp::now_ns;
