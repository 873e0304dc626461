//! Layers and writable directories for the kernel's overlay filesystem.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use crate::background::Background;
use crate::layer_name::layer_name;
use crate::pool::Pool;
use crate::trash::Trash;
use crate::{ChainId, Change, Error, Ignore, LayerStage, Result, Rootfs, Snapshotter, changes, usage};

/// Layers a root filesystem may have: Docker allows 125 and a few for building on top.
const MAX_LAYERS: usize = 128;
/// The layer above all images, as seen from the layers: what is in every container and in no difference to its image.
const COMMON_LAYER: &str = "../common";
const MAX_KEY_LEN: usize = 64;
const ROOT_MODE: u32 = 0o755;

/// The snapshotter for overlayfs; see the crate's documentation for its directories.
#[derive(Debug)]
pub struct Overlay {
    layers: PathBuf,
    containers: PathBuf,
    staging: PathBuf,
    trash: Arc<Trash>,
    pool: Arc<Pool>,
    background: Arc<Background>,
    /// Number of the next stage.
    next: AtomicU64,
}

impl Overlay {
    /// Opens the snapshotter at `root`, making it if missing, and removes what a crash left half made or half removed.
    ///
    /// # Errors
    /// When the directories cannot be made or cleaned.
    pub fn open(root: &Path) -> Result<Self> {
        let background = Arc::new(Background::start().map_err(Error::io("start thread"))?);
        let ready = root.join("ready");
        let overlay = Self {
            layers: root.join("layers"),
            containers: root.join("containers"),
            staging: root.join("staging"),
            trash: Arc::new(Trash::open(&root.join("trash"), Arc::clone(&background))?),
            pool: Arc::new(Pool::new(ready.clone())),
            background,
            next: AtomicU64::new(0),
        };
        for dir in [&overlay.layers, &overlay.containers, &overlay.staging, &ready] {
            fs::create_dir_all(dir).map_err(Error::io("create snapshot directory"))?;
        }
        make_common_layer(&root.join("common"))?;
        for unfinished in [&overlay.staging, &ready] {
            for name in names(unfinished)? {
                overlay.trash.take(&unfinished.join(name))?;
            }
        }
        overlay.pool.fill_later(&overlay.background);
        Ok(overlay)
    }

    /// Absolute path of a layer's files, which never change while the layer is there.
    pub fn layer_dir(&self, chain_id: &ChainId) -> PathBuf {
        self.layers.join(layer_name(chain_id))
    }

    /// Absolute path of a snapshot's writable directory.
    ///
    /// # Errors
    /// [`Error::InvalidKey`].
    pub fn upper_dir(&self, key: &str) -> Result<PathBuf> {
        Ok(self.container_dir(key)?.join("upper"))
    }

    fn open_upper(&self, key: &str) -> Result<OwnedFd> {
        let upper = self.upper_dir(key)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, &upper, flags, Mode::empty()) {
            Ok(fd) => Ok(fd),
            Err(Errno::NOENT) => Err(Error::NotFound(key.to_owned())),
            Err(error) => Err(Error::io("open snapshot")(error)),
        }
    }

    fn container_dir(&self, key: &str) -> Result<PathBuf> {
        let valid = (1..=MAX_KEY_LEN).contains(&key.len())
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !valid {
            return Err(Error::InvalidKey(key.to_owned()));
        }
        Ok(self.containers.join(key))
    }

    /// Mode, owner and group of a layer's root directory.
    fn root_of(&self, chain_id: &ChainId) -> Result<RootAttributes> {
        match rustix::fs::stat(self.layer_dir(chain_id)) {
            Ok(stat) => Ok(RootAttributes {
                mode: stat.st_mode & 0o7777,
                uid: stat.st_uid,
                gid: stat.st_gid,
            }),
            Err(Errno::NOENT) => Err(Error::LayerNotFound(chain_id.clone())),
            Err(error) => Err(Error::io("stat layer")(error)),
        }
    }
}

impl Snapshotter for Overlay {
    fn begin_layer(&self) -> Result<LayerStage> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let dir = self.staging.join(number.to_string());
        make_dir(&dir, RootAttributes::DEFAULT).map_err(Error::io("create layer stage"))?;
        Ok(LayerStage::new(dir, Arc::clone(&self.trash)))
    }

    fn commit_layer(&self, stage: LayerStage, chain_id: &ChainId, root_like: Option<&ChainId>) -> Result<()> {
        if let Some(below) = root_like {
            self.root_of(below)?
                .apply(stage.dir())
                .map_err(Error::io("set mode of layer"))?;
        }
        match rustix::fs::rename(stage.dir(), self.layer_dir(chain_id)) {
            Ok(()) => stage.disarm(),
            // Somebody else was faster; the stage goes as it is dropped.
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(error) => return Err(Error::io("rename layer")(error)),
        }
        Ok(())
    }

    fn layer_exists(&self, chain_id: &ChainId) -> bool {
        self.layer_dir(chain_id).is_dir()
    }

    fn remove_layer(&self, chain_id: &ChainId) -> Result<bool> {
        self.trash.take(&self.layer_dir(chain_id))
    }

    fn retain_layers(&self, keep: &[ChainId]) -> Result<usize> {
        let keep: HashSet<String> = keep.iter().map(layer_name).collect();
        let mut removed = 0;
        for name in names(&self.layers)? {
            if !keep.contains(&name) && self.trash.take(&self.layers.join(name))? {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn sync(&self) -> Result<()> {
        let dir = File::open(&self.layers).map_err(Error::io("sync layers"))?;
        rustix::fs::syncfs(dir).map_err(Error::io("sync layers"))
    }

    fn prepare(&self, key: &str, chain: &[ChainId]) -> Result<Rootfs> {
        let rootfs = self.rootfs(key, chain)?;
        let root = match chain.last() {
            Some(top) => self.root_of(top)?,
            None => RootAttributes::DEFAULT,
        };
        let dir = self.container_dir(key)?;
        match self.pool.take(&dir, &self.background) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(Error::Exists(key.to_owned())),
            Err(error) => return Err(Error::io("create snapshot")(error)),
        }
        if root != RootAttributes::DEFAULT
            && let Err(error) = root.apply(&dir.join("upper"))
        {
            self.trash.take(&dir)?;
            return Err(Error::io("create snapshot")(error));
        }
        Ok(rootfs)
    }

    fn rootfs(&self, key: &str, chain: &[ChainId]) -> Result<Rootfs> {
        self.container_dir(key)?;
        if chain.len() > MAX_LAYERS {
            return Err(Error::TooManyLayers);
        }
        Ok(Rootfs {
            base: self.layers.clone(),
            lower: std::iter::once(COMMON_LAYER.to_owned())
                .chain(chain.iter().rev().map(layer_name))
                .collect(),
            upper: format!("../containers/{key}/upper"),
            work: format!("../containers/{key}/work"),
        })
    }

    fn remove(&self, key: &str) -> Result<bool> {
        self.trash.take(&self.container_dir(key)?)
    }

    fn settle(&self) {
        self.background.settle();
    }

    fn keys(&self) -> Result<Vec<String>> {
        names(&self.containers)
    }

    fn usage(&self, key: &str) -> Result<u64> {
        usage::usage(self.open_upper(key)?).map_err(Error::io("measure snapshot"))
    }

    fn changes(&self, key: &str, chain: &[ChainId], ignore: Ignore<'_>) -> Result<Vec<Change>> {
        let lowers: Vec<PathBuf> = chain.iter().rev().map(|layer| self.layer_dir(layer)).collect();
        changes::changes(self.open_upper(key)?, &lowers, ignore).map_err(Error::io("compare layers"))
    }
}

/// What the root directory of a merged view is like: overlay takes it from the topmost directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RootAttributes {
    mode: u32,
    uid: u32,
    gid: u32,
}

impl RootAttributes {
    const DEFAULT: Self = Self {
        mode: ROOT_MODE,
        uid: 0,
        gid: 0,
    };

    fn apply(self, path: &Path) -> rustix::io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        if (self.uid, self.gid) != (0, 0) {
            rustix::fs::fchown(
                dir.as_fd(),
                Some(Uid::from_raw(self.uid)),
                Some(Gid::from_raw(self.gid)),
            )?;
        }
        rustix::fs::fchmod(dir, Mode::from_raw_mode(self.mode))
    }
}

/// Makes a directory of exactly these attributes, whatever the process's file mode mask.
fn make_dir(path: &Path, attributes: RootAttributes) -> rustix::io::Result<()> {
    rustix::fs::mkdir(path, Mode::from_raw_mode(0o700))?;
    attributes.apply(path)
}

/// What Docker puts into every container: an empty file by which programs tell that they are in one.
fn make_common_layer(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("create snapshot directory"))?;
    RootAttributes::DEFAULT
        .apply(dir)
        .map_err(Error::io("create snapshot directory"))?;
    let mut options = fs::OpenOptions::new();
    let made = options.write(true).create(true).truncate(true).mode(0o755);
    let made = made.open(dir.join(".dockerenv"));
    made.map(drop).map_err(Error::io("create /.dockerenv"))
}

/// Names in a directory of ours, which are all plain ASCII.
fn names(dir: &Path) -> Result<Vec<String>> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    };
    read().map_err(Error::io("list directory"))
}
