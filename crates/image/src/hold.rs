//! The use that work in progress makes of layers and blobs.

use crate::Images;
use crate::index::Pieces;

/// Keeps others from removing layers and blobs as long as it is there. What nobody else uses by then goes with it.
pub(crate) struct Hold<'a> {
    images: &'a Images,
    pieces: Pieces,
}

impl<'a> Hold<'a> {
    pub(crate) fn new(images: &'a Images, pieces: Pieces) -> Self {
        images.index_mut().hold(&pieces);
        Self { images, pieces }
    }

    pub(crate) fn pieces(&self) -> &Pieces {
        &self.pieces
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let has_unused = {
            let mut index = self.images.index_mut();
            index.release(&self.pieces);
            index.has_unused()
        };
        if has_unused && let Err(error) = self.images.drop_unused() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "layers and blobs that nobody uses remain"
            );
        }
    }
}
