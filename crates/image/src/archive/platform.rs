//! Which of the images for several platforms is ours.

use serde::Deserialize;

/// This machine's architecture in the words of Go, which image formats use.
pub(crate) const HOST_ARCHITECTURE: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    b"x86" => "386",
    b"powerpc64" => "ppc64le",
    _ => std::env::consts::ARCH,
};

/// A platform as an index states it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
}

impl Platform {
    pub(super) fn is_host(&self) -> bool {
        self.os == "linux" && self.architecture == HOST_ARCHITECTURE
    }
}
