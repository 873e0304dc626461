//! What a writable layer changes of the layers below it.
//!
//! Told as Docker tells it: by comparing what is seen with what would be seen without the layer. Overlay's copies that equal
//! their originals are no change; a directory in which something changed is.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::descent::{Descent, open_listed};

/// Longest path that Linux takes.
const MAX_PATH: usize = 4095;
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

/// All changes that the layer `upper` makes to `lowers`, topmost first; in the order of paths. Paths that are too long for any
/// program to use are passed over.
pub(crate) fn changes(upper: OwnedFd, lowers: &[PathBuf], ignore: Ignore<'_>) -> io::Result<Vec<Change>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |lower: &PathBuf| rustix::fs::open(lower, flags, Mode::empty());
    let comparison = Comparison {
        lowers: lowers.iter().map(open).collect::<Result<_, _>>()?,
        ignore,
        changes: Vec::new(),
        path: Vec::new(),
    };
    comparison.run(upper)
}

struct Comparison<'a> {
    /// The layers' directories.
    lowers: Vec<OwnedFd>,
    ignore: Ignore<'a>,
    changes: Vec<Change>,
    /// Absolute path of the directory the walk is in; empty for the root.
    path: Vec<u8>,
}

/// What is noted of a directory.
struct Note {
    /// What is in it, the next one last.
    names: Vec<CString>,
    /// Which layers below make it up.
    lowers: Vec<usize>,
    /// Length of its path.
    path: usize,
    /// Whether it is a change itself.
    changed: bool,
    /// Where what is in it begins among the changes.
    from: usize,
}

/// What the layers below have at a path.
enum Lower {
    Nothing,
    File(Stat),
    /// A directory, with the layers that make it up, topmost first.
    Directory(Stat, Vec<usize>),
}

impl Comparison<'_> {
    fn run(mut self, upper: OwnedFd) -> io::Result<Vec<Change>> {
        let all = (0..self.lowers.len()).collect();
        let root = self.note(&upper, all, true, false)?;
        let mut walk = Descent::new(upper, root)?;
        while let Some((here, note)) = walk.here() {
            self.path.truncate(note.path);
            let Some(name) = note.names.pop() else {
                let done = walk.up();
                done.into_iter().for_each(|note| self.leave(&note));
                continue;
            };
            self.path.push(b'/');
            self.path.extend_from_slice(name.to_bytes());
            if self.path.len() > MAX_PATH {
                continue;
            }
            if let Some((fd, inner)) = self.entry(here, &name, &note.lowers)? {
                walk.down(name, fd, inner)?;
            }
        }
        Ok(self.changes)
    }

    /// Notes a directory whose path is the present one.
    fn note(&self, upper: &OwnedFd, lowers: Vec<usize>, changed: bool, opaque: bool) -> io::Result<Note> {
        let mut names = BTreeSet::new();
        list(Dir::read_from(upper)?, &mut names)?;
        if opaque {
            // What only the layers below have is gone.
            for lower in &lowers {
                list(Dir::new(self.open_lower(*lower)?)?, &mut names)?;
            }
        }
        Ok(Note {
            names: names.into_iter().rev().collect(),
            lowers,
            path: self.path.len(),
            changed,
            from: self.changes.len(),
        })
    }

    /// Compares what is at the present path; a directory is opened and noted.
    fn entry(
        &mut self,
        upper: BorrowedFd<'_>,
        name: &CStr,
        lowers: &[usize],
    ) -> io::Result<Option<(OwnedFd, Note)>> {
        let lower = self.lower(lowers)?;
        let stat = match rustix::fs::statat(upper, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat).filter(|stat| !is_whiteout(stat)),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        let Some(stat) = stat else {
            if !matches!(lower, Lower::Nothing) {
                self.push(ChangeKind::Deleted);
            }
            return Ok(None);
        };
        let kind = match &lower {
            Lower::Nothing if (self.ignore)(&self.path[1..], &stat) => None,
            Lower::Nothing => Some(ChangeKind::Added),
            Lower::File(before) | Lower::Directory(before, _) => {
                differs(before, &stat).then_some(ChangeKind::Modified)
            }
        };
        // Its place is before what is in it.
        if let Some(kind) = kind {
            self.push(kind);
        }
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Ok(None);
        }
        let Some(fd) = open_listed(upper, name)? else {
            return Ok(None);
        };
        let below = match lower {
            Lower::Directory(_, layers) => layers,
            _ => Vec::new(),
        };
        let opaque = has_opaque_mark(fd.as_fd());
        let note = self.note(&fd, below, kind.is_some(), opaque)?;
        Ok(Some((fd, note)))
    }

    /// A directory in which something changed has changed.
    fn leave(&mut self, note: &Note) {
        if !note.changed && self.changes.len() > note.from {
            let path = self.path[..note.path].to_vec();
            let kind = ChangeKind::Modified;
            self.changes.insert(note.from, Change { path, kind });
        }
    }

    fn push(&mut self, kind: ChangeKind) {
        let path = self.path.clone();
        self.changes.push(Change { path, kind });
    }

    /// Looks the present path up in the layers that make up the directory it is in. Layers never change, and only real directories
    /// are gone into, so that paths are safe.
    fn lower(&self, lowers: &[usize]) -> io::Result<Lower> {
        let mut found: Option<(Stat, Vec<usize>)> = None;
        for lower in lowers {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let stat = match rustix::fs::statat(&self.lowers[*lower], &self.path[1..], flags) {
                Ok(stat) => stat,
                Err(Errno::NOENT | Errno::NOTDIR) => continue,
                Err(error) => return Err(error.into()),
            };
            if is_whiteout(&stat) {
                break;
            }
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                match found {
                    None => return Ok(Lower::File(stat)),
                    // Hidden by the directory above.
                    Some(_) => break,
                }
            }
            found.get_or_insert_with(|| (stat, Vec::new())).1.push(*lower);
            if has_opaque_mark(self.open_lower(*lower)?.as_fd()) {
                break;
            }
        }
        Ok(match found {
            None => Lower::Nothing,
            Some((stat, layers)) => Lower::Directory(stat, layers),
        })
    }

    /// Opens the directory that a layer has at the present path.
    fn open_lower(&self, lower: usize) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.path.get(1..).unwrap_or(b".");
        rustix::fs::openat(&self.lowers[lower], path, flags, Mode::empty())
    }
}

/// Adds the names in a directory, whiteouts included.
fn list(directory: Dir, names: &mut BTreeSet<CString>) -> io::Result<()> {
    for entry in directory {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.insert(entry.file_name().to_owned());
        }
    }
    Ok(())
}

/// Docker's comparison: owner, mode and device, and for all but directories size and time.
fn differs(before: &Stat, now: &Stat) -> bool {
    if before.st_mode != now.st_mode
        || before.st_uid != now.st_uid
        || before.st_gid != now.st_gid
        || before.st_rdev != now.st_rdev
    {
        return true;
    }
    // Archives may have kept whole seconds only.
    let same_time = before.st_mtime == now.st_mtime
        && (before.st_mtime_nsec == now.st_mtime_nsec || before.st_mtime_nsec == 0 || now.st_mtime_nsec == 0);
    let is_directory = FileType::from_raw_mode(before.st_mode) == FileType::Directory;
    !is_directory && (!same_time || before.st_size != now.st_size)
}

fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

fn has_opaque_mark(fd: BorrowedFd<'_>) -> bool {
    let mut value = [0; 1];
    rustix::fs::fgetxattr(fd, OPAQUE_XATTR, &mut value) == Ok(1) && value == *b"y"
}
