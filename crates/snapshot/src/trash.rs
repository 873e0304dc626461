//! Removing trees that others have written: quickly, whatever is in them, and never outside of them.
//!
//! A tree is first renamed into the trash directory, so that it is gone at once and for good even if we are killed half-way;
//! its files are removed in the background. (Removing one directory takes milliseconds on file systems that discard blocks
//! as they are freed, and a removed container's files may be many.)
//!
//! What hostile or odd trees need: links are never followed and mount points never entered (every directory is opened
//! relative to its parent's descriptor); immutable files are made mutable; trees of any depth need only [`MAX_DEPTH`]
//! descriptors, because deeper directories are moved up into the trash and removed as trees of their own.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Dir, FileType, IFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::background::Background;
use crate::{Error, Result};

const MAX_DEPTH: usize = 64;

/// Where trees go to be removed.
#[derive(Debug)]
pub(crate) struct Trash {
    dir: Arc<TrashDir>,
    background: Arc<Background>,
}

/// The directory trees are removed in.
#[derive(Debug)]
struct TrashDir {
    dir: File,
    /// Number of the next tree.
    next: AtomicU64,
}

impl Trash {
    /// Opens the trash at `path`, making it if missing; what a crash left in it goes in the background.
    pub(crate) fn open(path: &Path, background: Arc<Background>) -> Result<Self> {
        fs::create_dir_all(path).map_err(Error::io("create trash directory"))?;
        let mut next = 0;
        let mut leftovers = Vec::new();
        for entry in fs::read_dir(path).map_err(Error::io("read trash directory"))? {
            let name = entry.map_err(Error::io("read trash directory"))?.file_name();
            if let Some(number) = name.to_str().and_then(|name| name.parse::<u64>().ok()) {
                next = next.max(number + 1);
                leftovers.push(numbered(number)?);
            }
        }
        let dir = File::open(path).map_err(Error::io("open trash directory"))?;
        let next = AtomicU64::new(next);
        let dir = Arc::new(TrashDir { dir, next });
        let trash = Self { dir, background };
        for name in leftovers {
            trash.remove_later(name);
        }
        Ok(trash)
    }

    /// Removes the tree at `path`; tells whether it was there. It is gone on return, its files shortly after.
    pub(crate) fn take(&self, path: &Path) -> Result<bool> {
        let name = self.dir.fresh_name()?;
        let mut renamed = rustix::fs::renameat(CWD, path, &self.dir.dir, &name);
        if matches!(renamed, Err(Errno::PERM)) {
            // A directory with the immutable flag cannot be renamed either.
            make_mutable(CWD, path);
            renamed = rustix::fs::renameat(CWD, path, &self.dir.dir, &name);
        }
        match renamed {
            Ok(()) => {
                self.remove_later(name);
                Ok(true)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(Error::io("rename to trash")(error)),
        }
    }

    fn remove_later(&self, name: CString) {
        let dir = Arc::clone(&self.dir);
        self.background.run(Box::new(move || {
            if let Err(error) = dir.remove(name) {
                // The next open tries again.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "removed tree left in trash"
                );
            }
        }));
    }
}

impl TrashDir {
    fn fresh_name(&self) -> Result<CString> {
        numbered(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Removes a tree of the trash directory, and those split off from it.
    fn remove(&self, name: CString) -> Result<()> {
        let mut queue = vec![name];
        while let Some(name) = queue.pop() {
            self.remove_tree(&name, &mut queue)
                .map_err(Error::io("remove tree"))?;
        }
        Ok(())
    }

    /// Removes one tree; directories too deep in it are moved up and queued.
    fn remove_tree(&self, name: &CStr, queue: &mut Vec<CString>) -> io::Result<()> {
        match unlink(self.dir.as_fd(), name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => {}
            result => return Ok(result?),
        }
        let mut levels = vec![Level::open(self.dir.as_fd(), name)?];
        loop {
            let depth = levels.len();
            let Some(level) = levels.last_mut() else {
                return Ok(());
            };
            match level.next_directory()? {
                Some(child) if depth < MAX_DEPTH => {
                    let child = Level::open(level.dir.fd()?, &child)?;
                    levels.push(child);
                }
                Some(child) => {
                    let fresh = self.fresh_name().map_err(io::Error::other)?;
                    let parent = level.dir.fd()?;
                    match rustix::fs::renameat(parent, &child, &self.dir, &fresh) {
                        Err(Errno::PERM) => {
                            make_mutable(parent, &child);
                            rustix::fs::renameat(parent, &child, &self.dir, &fresh)?;
                        }
                        result => result?,
                    }
                    queue.push(fresh);
                }
                None => {
                    let Some(done) = levels.pop() else {
                        return Ok(());
                    };
                    let parent = match levels.last() {
                        Some(level) => level.dir.fd()?,
                        None => self.dir.as_fd(),
                    };
                    match unlink(parent, &done.name, AtFlags::REMOVEDIR) {
                        Ok(()) | Err(Errno::NOENT) => {}
                        // Some file systems skip entries while others are removed; look again as long as that helps.
                        Err(Errno::NOTEMPTY | Errno::EXIST) if done.removed_any => {
                            let again = Level::open(parent, &done.name)?;
                            levels.push(again);
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }
}

/// A directory being emptied.
struct Level {
    name: CString,
    dir: Dir,
    removed_any: bool,
}

impl Level {
    fn open(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Self> {
        let fd = open_directory(parent, name)?;
        Ok(Self {
            name: name.to_owned(),
            dir: Dir::new(fd)?,
            removed_any: false,
        })
    }

    /// Removes entries up to the next directory, whose name it returns.
    fn next_directory(&mut self) -> io::Result<Option<CString>> {
        while let Some(entry) = self.dir.read() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.removed_any = true;
            if entry.file_type() == FileType::Directory {
                return Ok(Some(name.to_owned()));
            }
            match unlink(self.dir.fd()?, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                // A file system that does not tell types.
                Err(Errno::ISDIR) => return Ok(Some(name.to_owned())),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

/// Opens a directory without following a link or entering another mount.
pub(crate) fn open_directory(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    rustix::fs::openat2(parent, name, flags, Mode::empty(), resolve)
}

/// Unlinks, clearing immutable and append-only flags if they are in the way.
fn unlink(parent: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> rustix::io::Result<()> {
    match rustix::fs::unlinkat(parent, name, flags) {
        Err(Errno::PERM) => {
            clear_flags(parent);
            make_mutable(parent, name);
            rustix::fs::unlinkat(parent, name, flags)
        }
        result => result,
    }
}

/// Clears the flags of what `name` is; failing that, the caller's next attempt reports why.
fn make_mutable<P: rustix::path::Arg>(parent: BorrowedFd<'_>, name: P) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if let Ok(fd) = rustix::fs::openat(parent, name, flags, Mode::empty()) {
        clear_flags(fd.as_fd());
    }
}

fn clear_flags(fd: BorrowedFd<'_>) {
    let locked = IFlags::IMMUTABLE | IFlags::APPEND;
    if let Ok(flags) = rustix::fs::ioctl_getflags(fd)
        && flags.intersects(locked)
        && let Err(error) = rustix::fs::ioctl_setflags(fd, flags - locked)
    {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "cannot clear inode flags"
        );
    }
}

fn numbered(number: u64) -> Result<CString> {
    CString::new(number.to_string()).map_err(|error| Error::io("name in trash")(io::Error::from(error)))
}
