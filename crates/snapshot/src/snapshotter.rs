//! What every way of keeping root filesystems offers.

use corten_types::Digest;

use crate::{Change, Ignore, LayerStage, Result, Rootfs};

/// Identifies a stack of layers: the first layer's diff id, or the digest of the chain id below, a space and the diff id
/// (OCI image specification, "Layer ChainID").
pub type ChainId = Digest;

/// Keeps layers and writable snapshots on top of them. All calls may come from many threads at once.
///
/// `tests/conformance.rs` says in code what an implementation must hold to.
pub trait Snapshotter: Send + Sync {
    /// An empty directory to unpack a layer into; dropped without [`Snapshotter::commit_layer`] it vanishes.
    ///
    /// # Errors
    /// When it cannot be made.
    fn begin_layer(&self) -> Result<LayerStage>;

    /// Makes an unpacked layer visible under its chain id, at once and whole. It is on disk after the next
    /// [`Snapshotter::sync`]. A layer that is there already stays, and the stage vanishes.
    ///
    /// `root_like` is the layer below, if this one said nothing about the root directory itself: mode and owner are then
    /// taken over from it.
    ///
    /// # Errors
    /// When the layer below is missing or renaming fails.
    fn commit_layer(&self, stage: LayerStage, chain_id: &ChainId, root_like: Option<&ChainId>) -> Result<()>;

    /// Whether the layer is there.
    fn layer_exists(&self, chain_id: &ChainId) -> bool;

    /// Removes a layer; tells whether it was there. No mounted root filesystem may use it any more. Its files go in the
    /// background, see [`Snapshotter::settle`].
    ///
    /// # Errors
    /// When it cannot be moved out of the way.
    fn remove_layer(&self, chain_id: &ChainId) -> Result<bool>;

    /// Removes every layer but these; returns how many went.
    ///
    /// # Errors
    /// When one cannot be removed.
    fn retain_layers(&self, keep: &[ChainId]) -> Result<usize>;

    /// Waits until all layers committed so far are on disk.
    ///
    /// # Errors
    /// When the file system fails.
    fn sync(&self) -> Result<()>;

    /// Makes a writable snapshot for `key` (letters, digits, `-`, `_`, at most 64) on top of `chain`, the chain ids from
    /// the lowest layer to the topmost. Its root directory has mode and owner of the topmost layer's. Nothing is mounted and
    /// nothing synced.
    ///
    /// # Errors
    /// [`crate::Error::Exists`], [`crate::Error::InvalidKey`], [`crate::Error::LayerNotFound`] for the topmost layer,
    /// [`crate::Error::TooManyLayers`]; nothing is left of the snapshot then.
    fn prepare(&self, key: &str, chain: &[ChainId]) -> Result<Rootfs>;

    /// What [`Snapshotter::prepare`] returned for the same arguments, computed anew without touching the disk.
    ///
    /// # Errors
    /// [`crate::Error::InvalidKey`], [`crate::Error::TooManyLayers`].
    fn rootfs(&self, key: &str, chain: &[ChainId]) -> Result<Rootfs>;

    /// Removes a writable snapshot and all in it; tells whether it was there. The key is free on return, for good even if
    /// the process is killed; the files go in the background, see [`Snapshotter::settle`].
    ///
    /// # Errors
    /// When it cannot be moved out of the way.
    fn remove(&self, key: &str) -> Result<bool>;

    /// Waits until the files of everything removed so far are gone, too, and their space is free.
    fn settle(&self);

    /// Keys of all writable snapshots, in no order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn keys(&self) -> Result<Vec<String>>;

    /// Bytes in the files of a writable snapshot: sizes as `ls` shows them, hard links once, directories not at all, which
    /// is how Docker counts `SizeRw`. Files that vanish meanwhile do not matter.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], or when a directory cannot be read.
    fn usage(&self, key: &str) -> Result<u64>;

    /// What a writable snapshot on top of `chain` changes, in the order of paths. New paths that `ignore` accepts do not
    /// count. Files that change meanwhile are told as they were at some moment.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], or when a directory cannot be read.
    fn changes(&self, key: &str, chain: &[ChainId], ignore: Ignore<'_>) -> Result<Vec<Change>>;
}
