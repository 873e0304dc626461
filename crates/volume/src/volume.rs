//! One volume's record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Name of the driver that is always there.
pub const LOCAL: &str = "local";

/// A volume as recorded on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name; 64 hexadecimal digits for anonymous ones.
    pub name: String,
    /// When it was made, nanoseconds since the Unix epoch.
    pub created_at_ns: i64,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether a container asked for it without a name; such volumes go with their container.
    pub anonymous: bool,
    /// Its driver.
    #[serde(default = "local_driver")]
    pub driver: String,
    /// Options of the driver, as given.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

impl Volume {
    /// Whether it is a local one.
    pub fn is_local(&self) -> bool {
        self.driver == LOCAL
    }
}

fn local_driver() -> String {
    LOCAL.to_owned()
}

/// A volume, and what its driver says of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The record.
    pub volume: Volume,
    /// Directory on the host; empty when a plugin has none to name.
    pub mountpoint: String,
    /// `local` or `global`.
    pub scope: String,
    /// When it was made, in the words of a plugin that tells it.
    pub created_at: Option<String>,
    /// What a plugin tells beyond that.
    pub status: BTreeMap<String, Value>,
}

/// A wish for a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeRequest {
    /// Its name.
    pub name: String,
    /// Driver; empty takes a volume of that name whatever its driver, and makes a local one if there is none.
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// See [`Volume::anonymous`].
    pub anonymous: bool,
    /// Now, nanoseconds since the Unix epoch.
    pub now_ns: i64,
}

/// The most bytes a name may have: it is a directory's, too.
pub(crate) const LONGEST_NAME: usize = 255;

/// Whether `name` may name a local volume: two or more of `[a-zA-Z0-9_.-]`, the first a letter or digit (Docker's rule).
/// Its length is the file system's matter.
pub fn is_valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() >= 2
        && bytes[0].is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}
