//! Makes files below one directory, by descriptors only, so that no name can lead out of it.
//!
//! The directory a file goes to is opened by [`Place`]'s rules for links on the way. The last component is never followed.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use crate::path::MemberPath;
use crate::place::Place;
use crate::{Error, Result};

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const OPAQUE_XATTR: &str = "trusted.overlay.opaque";

/// The place and, since archives list directory by directory, the directory used last.
pub(crate) struct Tree {
    place: Place,
    /// The base.
    root: OwnedFd,
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Tree {
    pub(crate) fn new(place: Place) -> Result<Self> {
        let root = place
            .open(&place.under_base(b""), DIRECTORY)
            .map_err(|error| Error::unpack("open", b"", error))?;
        Ok(Self {
            place,
            root,
            last: None,
        })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The directory at `path`, made with its missing parents if it is not there.
    pub(crate) fn directory(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        if !matches!(&self.last, Some((last, _)) if last == path) {
            let fd = match self.resolve(path, DIRECTORY) {
                Err(Errno::NOENT) => self.make_directories(path)?,
                result => result.map_err(|error| Error::unpack("open", path, error))?,
            };
            self.last = Some((path.to_vec(), fd));
        }
        match &self.last {
            Some((_, fd)) => Ok(fd.as_fd()),
            None => Ok(self.root.as_fd()),
        }
    }

    /// Opens a path that is there, itself not followed.
    pub(crate) fn open_existing(&self, path: &MemberPath, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        if path.parent().is_empty() {
            return self.resolve(path.as_bytes(), flags | OFlags::NOFOLLOW);
        }
        let parent = self.resolve(path.parent(), DIRECTORY)?;
        rustix::fs::openat(
            parent,
            path.name(),
            flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )
    }

    /// Removes what is at `path` to make room for something else.
    pub(crate) fn clear(&mut self, path: &MemberPath) -> Result<()> {
        let parent = self.directory(path.parent())?;
        match rustix::fs::unlinkat(parent, path.name(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => {
                // Descriptor-relative and not following links, too.
                std::fs::remove_dir_all(proc_path(parent, path.name()))
                    .map_err(|error| Error::unpack("remove", path.as_bytes(), error))?;
            }
            Err(error) => return Err(Error::unpack("remove", path.as_bytes(), error)),
        }
        // The directory used last may have been below, or behind a link that was removed.
        self.last = None;
        Ok(())
    }

    /// What is at `path`, if anything.
    pub(crate) fn file_type(&mut self, path: &MemberPath) -> Result<Option<(FileType, u64)>> {
        let parent = self.directory(path.parent())?;
        match rustix::fs::statat(parent, path.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((FileType::from_raw_mode(stat.st_mode), stat.st_rdev))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::unpack("stat", path.as_bytes(), error)),
        }
    }

    /// Hides everything the layers below have in the directory at `path`.
    pub(crate) fn make_opaque(&mut self, path: &[u8]) -> Result<()> {
        let dir = self.directory(path)?;
        rustix::fs::fsetxattr(dir, OPAQUE_XATTR, b"y", XattrFlags::empty())
            .map_err(|error| Error::unpack("setxattr", path, error))
    }

    fn resolve(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        self.place.open(&self.place.under_base(path), flags)
    }

    /// Makes each missing directory of `path`, as archives that leave out parents expect.
    fn make_directories(&self, path: &[u8]) -> Result<OwnedFd> {
        let failed = |operation| move |error| Error::unpack(operation, path, error);
        let mut parent = self
            .root
            .try_clone()
            .map_err(|error| Error::unpack("open", path, error))?;
        let ends = (0..path.len()).filter(|at| path[*at] == b'/').chain([path.len()]);
        for end in ends {
            let prefix = &path[..end];
            parent = match self.resolve(prefix, DIRECTORY) {
                Ok(fd) => fd,
                Err(Errno::NOENT) => {
                    let start = prefix
                        .iter()
                        .rposition(|byte| *byte == b'/')
                        .map_or(0, |slash| slash + 1);
                    rustix::fs::mkdirat(&parent, &prefix[start..], Mode::from_raw_mode(0o755))
                        .map_err(failed("mkdir"))?;
                    let fd = self.resolve(prefix, DIRECTORY).map_err(failed("open"))?;
                    rustix::fs::fchmod(&fd, Mode::from_raw_mode(0o755)).map_err(failed("chmod"))?;
                    fd
                }
                Err(error) => return Err(failed("open")(error)),
            };
        }
        Ok(parent)
    }
}

/// A path to `name` in an open directory, for calls that have no descriptor-relative form.
pub(crate) fn proc_path(dir: BorrowedFd<'_>, name: &[u8]) -> PathBuf {
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
    path.push(OsStr::from_bytes(name));
    path
}
