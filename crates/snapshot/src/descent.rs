//! Walking a tree of any depth by descriptors, with few of them open and no recursion: a program in a container can nest
//! directories deeper than paths are long, stacks are deep and descriptors are many.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};

use crate::trash::open_directory;

/// Directories kept open: the root and the deepest ones.
const MAX_OPEN: usize = 64;

/// The directories from a root down to the one the walk is in, with what the walk notes of each.
pub(crate) struct Descent<T> {
    levels: Vec<Level<T>>,
}

struct Level<T> {
    /// Its name in the directory above.
    name: CString,
    /// None while the walk is far below.
    fd: Option<OwnedFd>,
    inode: (u64, u64),
    note: T,
}

impl<T> Descent<T> {
    /// In `root`.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn new(root: OwnedFd, note: T) -> rustix::io::Result<Self> {
        let mut descent = Self { levels: Vec::new() };
        descent.down(CString::default(), root, note)?;
        Ok(descent)
    }

    /// The directory the walk is in and what is noted of it; none once it has left the root.
    pub(crate) fn here(&mut self) -> Option<(BorrowedFd<'_>, &mut T)> {
        let level = self.levels.last_mut()?;
        Some((level.fd.as_ref()?.as_fd(), &mut level.note))
    }

    /// Goes into the directory `name` of this one, which is open already.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn down(&mut self, name: CString, fd: OwnedFd, note: T) -> rustix::io::Result<()> {
        let inode = inode(fd.as_fd())?;
        if let Some(far) = self.levels.len().checked_sub(MAX_OPEN).filter(|far| *far > 0) {
            self.levels[far].fd = None;
        }
        self.levels.push(Level {
            name,
            fd: Some(fd),
            inode,
            note,
        });
        Ok(())
    }

    /// Goes back up, and returns what was noted of the directories that are done with: the one left, and those above it that are
    /// not where they were any more.
    pub(crate) fn up(&mut self) -> Vec<T> {
        let Some(left) = self.levels.pop() else {
            return Vec::new();
        };
        let mut done = vec![left.note];
        let mut below = left.fd;
        while let Some(level) = self.levels.last() {
            if level.fd.is_some() {
                break;
            }
            let parent = below.take().and_then(|below| parent(below.as_fd(), level.inode));
            match parent.or_else(|| self.found_again()) {
                Some(fd) => {
                    if let Some(level) = self.levels.last_mut() {
                        level.fd = Some(fd);
                    }
                }
                None => done.extend(self.levels.pop().map(|level| level.note)),
            }
        }
        done
    }

    /// The deepest directory, looked for by the names of all above it.
    fn found_again(&self) -> Option<OwnedFd> {
        let mut found = self.levels.first()?.fd.as_ref()?.try_clone().ok()?;
        for level in &self.levels[1..] {
            found = open_directory(found.as_fd(), &level.name).ok()?;
            if inode(found.as_fd()).ok()? != level.inode {
                return None;
            }
        }
        Some(found)
    }
}

/// The directory `below` is in, if it still is the one expected.
fn parent(below: BorrowedFd<'_>, expected: (u64, u64)) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(below, c"..", flags, Mode::empty()).ok()?;
    (inode(fd.as_fd()).ok()? == expected).then_some(fd)
}

fn inode(fd: BorrowedFd<'_>) -> rustix::io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Opens a directory of the one the walk is in; none if it has gone, or was replaced by something else, since it was listed.
///
/// # Errors
/// The kernel's.
pub(crate) fn open_listed(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<Option<OwnedFd>> {
    use rustix::io::Errno;
    match open_directory(parent, name) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const DEPTH: usize = 3 * MAX_OPEN;

    /// Goes down `d/d/d…`, making it.
    fn descend(root: OwnedFd) -> Descent<usize> {
        let mut walk = Descent::new(root, 0).unwrap();
        for depth in 1..=DEPTH {
            let (here, _) = walk.here().unwrap();
            rustix::fs::mkdirat(here, c"d", Mode::from_raw_mode(0o755)).unwrap();
            let fd = open_listed(here, c"d").unwrap().unwrap();
            walk.down(c"d".to_owned(), fd, depth).unwrap();
        }
        walk
    }

    fn open(path: &std::path::Path) -> OwnedFd {
        fs::File::open(path).unwrap().into()
    }

    #[test]
    fn few_directories_are_open() {
        let dir = tempfile::tempdir().unwrap();
        let mut walk = descend(open(dir.path()));
        let open = walk.levels.iter().filter(|level| level.fd.is_some());
        assert!(open.count() <= MAX_OPEN + 1);
        for depth in (1..=DEPTH).rev() {
            assert_eq!(walk.up(), [depth]);
            let (fd, note) = walk.here().unwrap();
            assert_eq!(*note, depth - 1);
            assert!(open_listed(fd, c"d").unwrap().is_some());
        }
        assert_eq!(walk.up(), [0]);
        assert!(walk.here().is_none() && walk.up().is_empty());
    }

    #[test]
    fn directories_that_are_moved_lead_the_walk_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut walk = descend(open(dir.path()));
        // The lower half is moved up: what it was in is found again by name.
        let depth = DEPTH - MAX_OPEN + 2;
        let path = "d/".repeat(depth);
        fs::rename(dir.path().join(&path), dir.path().join("moved")).unwrap();
        while walk.levels.len() > depth {
            walk.up();
        }
        assert_eq!(*walk.here().unwrap().1, depth - 1);
        // Now the upper half goes, too: those far above are done with.
        fs::rename(dir.path().join("d"), dir.path().join("e")).unwrap();
        fs::rename(dir.path().join("e/d"), dir.path().join("f")).unwrap();
        let mut left = Vec::new();
        while walk.levels.len() > 1 {
            left.extend(walk.up());
        }
        assert_eq!(left, (1..depth).rev().collect::<Vec<_>>());
        assert_eq!(*walk.here().unwrap().1, 0);
    }
}
