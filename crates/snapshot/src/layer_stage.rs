//! A layer being unpacked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::trash::Trash;

/// An empty directory for a layer's files. It vanishes on drop unless it was committed.
#[derive(Debug)]
pub struct LayerStage {
    dir: PathBuf,
    trash: Arc<Trash>,
    committed: bool,
}

impl LayerStage {
    pub(crate) fn new(dir: PathBuf, trash: Arc<Trash>) -> Self {
        Self {
            dir,
            trash,
            committed: false,
        }
    }

    /// The directory to unpack into; its mode is 0755 and it belongs to root.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory was renamed to its place.
    pub(crate) fn disarm(mut self) {
        self.committed = true;
    }
}

impl Drop for LayerStage {
    fn drop(&mut self) {
        if !self.committed
            && let Err(error) = self.trash.take(&self.dir)
        {
            // It goes at the next open.
            tracing::warn!(dir = %self.dir.display(), error = &error as &dyn std::error::Error, "layer stage left behind");
        }
    }
}
