//! What a writable layer changes of the layers below it.
//!
//! Told as Docker tells it: by comparing what is seen with what would be seen without the layer. Overlay's copies that equal
//! their originals are no change; a directory in which something changed is.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;

use crate::trash::open_directory;

/// Deepest directory looked into; each level holds a descriptor while its subtree is read.
const MAX_DEPTH: usize = 512;
const OPAQUE_XATTR: &str = "trusted.overlay.opaque";

/// One changed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Absolute, as seen from inside.
    pub path: Vec<u8>,
    /// How it changed.
    pub kind: ChangeKind,
}

/// How a path changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is another, or something in it is.
    Modified,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
}

/// Which new paths (relative to the root) do not count.
pub type Ignore<'a> = &'a dyn Fn(&[u8], &Stat) -> bool;

/// All changes that the layer `upper` makes to `lowers`, topmost first; in the order of paths.
pub(crate) fn changes(upper: OwnedFd, lowers: &[PathBuf], ignore: Ignore<'_>) -> io::Result<Vec<Change>> {
    let mut walk = Walk {
        ignore,
        changes: Vec::new(),
    };
    walk.directory(&upper, &[], lowers, false, 0)?;
    Ok(walk.changes)
}

struct Walk<'a> {
    ignore: Ignore<'a>,
    changes: Vec<Change>,
}

/// What the layers below have at a path.
enum Lower {
    Nothing,
    File(fs::Metadata),
    /// A directory, with the places in the layers that make it up, topmost first.
    Directory(fs::Metadata, Vec<PathBuf>),
}

impl Walk<'_> {
    fn directory(
        &mut self,
        upper: &OwnedFd,
        path: &[u8],
        lowers: &[PathBuf],
        opaque: bool,
        depth: usize,
    ) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(Errno::LOOP.into());
        }
        let mut names = BTreeSet::new();
        for entry in Dir::read_from(upper)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.insert(entry.file_name().to_owned());
            }
        }
        if opaque {
            // What only the layers below have is gone.
            names.extend(names_in(lowers)?);
        }
        for name in names {
            self.entry(upper.as_fd(), &name, path, lowers, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        upper: BorrowedFd<'_>,
        name: &CStr,
        dir: &[u8],
        lowers: &[PathBuf],
        depth: usize,
    ) -> io::Result<()> {
        let path = [dir, b"/", name.to_bytes()].concat();
        let lower = lower(lowers, OsStr::from_bytes(name.to_bytes()))?;
        let stat = match rustix::fs::statat(upper, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat).filter(|stat| !is_whiteout(stat)),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        let Some(stat) = stat else {
            if !matches!(lower, Lower::Nothing) {
                self.push(path, ChangeKind::Deleted);
            }
            return Ok(());
        };
        let own = match &lower {
            Lower::Nothing if (self.ignore)(&path[1..], &stat) => None,
            Lower::Nothing => Some(ChangeKind::Added),
            Lower::File(before) | Lower::Directory(before, _) => {
                differs(before, &stat).then_some(ChangeKind::Modified)
            }
        };
        let at = self.changes.len();
        if let Some(kind) = own {
            self.push(path.clone(), kind);
        }
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let fd = match open_directory(upper, name) {
                Ok(fd) => fd,
                // Gone, or replaced by something else, since it was looked at.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let below = match lower {
                Lower::Directory(_, places) => places,
                _ => Vec::new(),
            };
            let opaque = is_opaque(fd.as_fd());
            self.directory(&fd, &path, &below, opaque, depth + 1)?;
            if own.is_none() && self.changes.len() > at {
                let kind = ChangeKind::Modified;
                self.changes.insert(at, Change { path, kind });
            }
        }
        Ok(())
    }

    fn push(&mut self, path: Vec<u8>, kind: ChangeKind) {
        self.changes.push(Change { path, kind });
    }
}

/// Names of everything in a directory that several layers make up, whiteouts included.
fn names_in(places: &[PathBuf]) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for place in places {
        for entry in fs::read_dir(place)? {
            names.push(CString::new(entry?.file_name().as_bytes())?);
        }
    }
    Ok(names)
}

/// Looks `name` up in a directory that several layers make up. Layers never change, and only real directories are gone
/// into, so that paths are safe.
fn lower(places: &[PathBuf], name: &OsStr) -> io::Result<Lower> {
    let mut found: Option<(fs::Metadata, Vec<PathBuf>)> = None;
    for place in places {
        let path = place.join(name);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        if metadata.file_type().is_char_device() && metadata.rdev() == 0 {
            break;
        }
        if !metadata.is_dir() {
            match found {
                None => return Ok(Lower::File(metadata)),
                // Hidden by the directory above.
                Some(_) => break,
            }
        }
        let opaque = has_opaque_mark(&path);
        found.get_or_insert_with(|| (metadata, Vec::new())).1.push(path);
        if opaque {
            break;
        }
    }
    Ok(match found {
        None => Lower::Nothing,
        Some((metadata, places)) => Lower::Directory(metadata, places),
    })
}

/// Docker's comparison: owner, mode and device, and for all but directories size and time.
fn differs(before: &fs::Metadata, now: &Stat) -> bool {
    if before.mode() != now.st_mode
        || before.uid() != now.st_uid
        || before.gid() != now.st_gid
        || before.rdev() != now.st_rdev
    {
        return true;
    }
    // Archives may have kept whole seconds only.
    let same_time = before.mtime() == now.st_mtime
        && (before.mtime_nsec() == now.st_mtime_nsec as i64
            || before.mtime_nsec() == 0
            || now.st_mtime_nsec == 0);
    !before.is_dir() && (!same_time || i64::try_from(before.size()) != Ok(now.st_size))
}

fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

fn is_opaque(fd: BorrowedFd<'_>) -> bool {
    let mut value = [0; 1];
    rustix::fs::fgetxattr(fd, OPAQUE_XATTR, &mut value) == Ok(1) && value == *b"y"
}

fn has_opaque_mark(path: &Path) -> bool {
    let mut value = [0; 1];
    rustix::fs::lgetxattr(path, OPAQUE_XATTR, &mut value) == Ok(1) && value == *b"y"
}
