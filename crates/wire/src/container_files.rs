//! A container's files: what is at a path, and what changed.

use serde::{Deserialize, Serialize};

/// `X-Docker-Container-Path-Stat`, base64 of this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPathStat {
    /// Last part of the path.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// Mode in the bits of Go's `io/fs.FileMode`.
    pub mode: u32,
    /// Time of the last change, RFC 3339.
    pub mtime: String,
    /// Where a link leads in the end; empty for anything else.
    pub link_target: String,
}

impl ContainerPathStat {
    const DIRECTORY: u32 = 1 << 31;
    const SYMLINK: u32 = 1 << 27;
    const DEVICE: u32 = 1 << 26;

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.mode & Self::DIRECTORY != 0
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.mode & Self::SYMLINK != 0
    }

    /// Whether it is a device.
    pub fn is_device(&self) -> bool {
        self.mode & Self::DEVICE != 0
    }
}

/// One line of `GET /containers/{id}/changes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct FilesystemChange {
    /// 0 for changed, 1 for added, 2 for deleted.
    pub kind: u8,
    /// Absolute.
    pub path: String,
}
